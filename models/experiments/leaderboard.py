"""How the models stand: the figures of trials, beside the plain baselines."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.experiments.splits import Trial, problem_of
from models.labels import SUBSETS, Floats, LabelSet, positions
from models.metrics import (
    accuracy,
    exact_match,
    expected_calibration_error,
    jaccard,
    mean_auc,
    paired_bootstrap,
    precision_recall_f1,
)
from models.modalities.modality import MODALITIES, model_names

METRICS = ("auc", "auc_having", "accuracy", "micro_f1", "macro_f1", "jaccard", "exact_match")
ENOUGH_POSITIVES = 100
CHANCE_DRAWS = 100


@dataclass(frozen=True)
class Beside:
    """A model against the best plain baseline of its modality: AUC of both on the same movies, and the
    difference with its 95 % interval."""

    what: str
    n: int
    auc: float
    plain_auc: float
    difference: float
    low: float
    high: float


@dataclass(frozen=True)
class Standing:
    """One model on one split: the values of `METRICS`, on `n` movies; `n_having` have its modality."""

    model: str
    split: int
    n: int
    n_having: int
    values: Mapping[str, float]
    plain: Beside | None


@dataclass(frozen=True)
class Degraded:
    """The combined model with some modalities hidden, beside the best single model of those left.

    On `n` movies that have all of them. `low` is the lower end of the difference's 95 % interval.
    """

    left: tuple[str, ...]
    n: int
    auc: float
    best: str
    best_auc: float
    low: float


@dataclass(frozen=True)
class Calibrated:
    """The combined model's calibration error for one genre over all trials' test movies; `by_chance` is what
    perfect probabilities would show on so few movies."""

    genre: str
    n: int
    positives: int
    ece: float
    by_chance: float


def columns(labels: LabelSet) -> npt.NDArray[np.intp]:
    """Return the positions of the problem's genres among the label set's genres."""
    name = problem_of(labels)
    genres = SUBSETS[name][1] if name in SUBSETS else labels.genres
    return np.array([labels.genres.index(genre) for genre in genres], np.intp)


def standings(done: Trial, *, resamples: int) -> list[Standing]:
    """Measure how each model did in a trial, on the movies that have a genre of the problem."""
    genre_columns = columns(done.label_set)
    rows = np.flatnonzero(done.y[:, genre_columns].any(axis=1))
    y = done.y[np.ix_(rows, genre_columns)]
    out = []
    for model in model_names():
        p, has = done.p[model][np.ix_(rows, genre_columns)], done.has[model][rows]
        by = {
            how: done.decided[model, how][np.ix_(rows, genre_columns)] for how in ("f1", "accuracy", "sets")
        }
        values = {
            "auc": mean_auc(y, p),
            "auc_having": mean_auc(y[has], p[has]),
            "accuracy": accuracy(y, by["accuracy"]),
            "micro_f1": precision_recall_f1(y, by["f1"], "micro").f1,
            "macro_f1": precision_recall_f1(y, by["f1"], "macro").f1,
            "jaccard": jaccard(y, by["f1"]),
            "exact_match": exact_match(y, by["sets"]),
        }
        plain = _beside(done, model, rows, p, resamples)
        out.append(Standing(model, done.split, len(rows), int(has.sum()), values, plain))
    return out


def _beside(done: Trial, model: str, rows: npt.NDArray[np.intp], p: Floats, resamples: int) -> Beside | None:
    """Compare a model with the plain baseline of its modality that has the highest AUC.

    Both are measured on the baseline's movies among `rows`. None where the modality has no baseline.
    """
    theirs = {what: value for (of, what), value in done.plain.items() if of == model}
    if not theirs:
        return None
    what, (ids, y, q) = max(theirs.items(), key=lambda item: mean_auc(item[1][1], item[1][2]))
    at, matches = positions(ids, done.movie_ids[rows])
    y, q, ours = y[matches], q[matches], p[at[matches]]
    gap = paired_bootstrap(y, ours, q, resamples=resamples)
    return Beside(
        what, int(matches.sum()), mean_auc(y, ours), mean_auc(y, q), gap.estimate, gap.low, gap.high
    )


def degradation(done: Trial, *, resamples: int) -> list[Degraded]:
    """Measure the combined model with every choice of modalities hidden, fewest hidden first."""
    genre_columns = columns(done.label_set)
    rows = np.flatnonzero(done.whole)
    labelled = done.y[np.ix_(rows, genre_columns)].any(axis=1)
    rows, y = rows[labelled], done.y[np.ix_(rows[labelled], genre_columns)]
    single = {name: done.p[name][np.ix_(rows, genre_columns)] for name in MODALITIES}
    out = []
    for left in sorted(done.degraded, key=lambda names: -len(names)):
        p = done.degraded[left][labelled][:, genre_columns]
        best = max(left, key=lambda name: mean_auc(y, single[name]))
        gap = paired_bootstrap(y, p, single[best], resamples=resamples)
        out.append(Degraded(left, len(rows), mean_auc(y, p), best, mean_auc(y, single[best]), gap.low))
    return out


def calibration(trials: Sequence[Trial]) -> list[Calibrated]:
    """Measure the combined model's calibration per genre with enough positives, over the trials' test movies.

    Each movie counts in every split whose test movies it is among, judged there by a model that did not know
    it.
    """
    y = np.concatenate([done.own_y for done in trials])
    p = np.concatenate([done.own_p for done in trials])
    rng = np.random.default_rng(0)
    chance = np.mean(
        [expected_calibration_error(rng.random(p.shape) < p, p) for _ in range(CHANCE_DRAWS)], axis=0
    )
    errors = expected_calibration_error(y, p)
    return [
        Calibrated(genre, len(y), int(y[:, i].sum()), float(errors[i]), float(chance[i]))
        for i, genre in enumerate(trials[0].label_set.genres)
        if y[:, i].sum() >= ENOUGH_POSITIVES
    ]


@dataclass(frozen=True)
class Report:
    """Everything about one label set: split 0 is the project's, the others give the spread."""

    label_set: str
    problem: str
    standings: Sequence[Standing]
    degraded: Sequence[Degraded]
    calibrated: Sequence[Calibrated]
    cpu_seconds: float

    def as_json(self) -> dict[str, Any]:
        """Return plain values; what is not a number becomes None."""
        out: dict[str, Any] = _plain(asdict(self))
        return out


def report(trials: Sequence[Trial], *, resamples: int = 500) -> Report:
    """Return the figures of the trials of one label set, in order of their splits."""
    labels = trials[0].label_set
    return Report(
        labels.name,
        problem_of(labels),
        [standing for done in trials for standing in standings(done, resamples=resamples)],
        degradation(trials[0], resamples=resamples),
        calibration(trials),
        sum(done.cost for done in trials),
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float):
        return round(value, 5) if math.isfinite(value) else None
    return value


def text(figures: Report) -> str:
    """Return the figures as text for people."""
    of = {(standing.model, standing.split): standing for standing in figures.standings}
    splits = sorted({standing.split for standing in figures.standings})
    first = of["combined", splits[0]]
    lines = [
        f"{figures.label_set}, genres of {figures.problem}: {first.n} test movies of split {splits[0]}"
        + (f"; ± over splits {splits[1]} to {splits[-1]}" if len(splits) > 1 else ""),
        f"{'model':<10}" + "".join(f"{_HEADS[name]:>{_WIDTH}}" for name in METRICS),
    ]
    for model in model_names():
        cells = [f"{of[model, splits[0]].values[name]:.3f}" for name in METRICS]
        lines.append(f"{model:<10}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells))
        if len(splits) > 1:
            others = [[of[model, split].values[name] for split in splits[1:]] for name in METRICS]
            cells = [f"{np.mean(values):.3f} ± {_deviation(values):.3f}" for values in others]
            lines.append(f"{'':<10}" + "".join(f"{cell:>{_WIDTH}}" for cell in cells))
    lines += ["", "against the best plain baseline of the modality, on the same movies"]
    for (model, split), standing in sorted(
        of.items(), key=lambda item: (item[0][1], model_names().index(item[0][0]))
    ):
        if standing.plain is not None:
            gap = standing.plain
            lines.append(
                f"split {split}  {model:<10}{gap.auc:.3f} against {gap.plain_auc:.3f}  {gap.difference:+.3f} "
                f"(95 % {gap.low:+.3f} to {gap.high:+.3f}, {gap.n} movies)  {gap.what}"
            )
    lines += [
        "",
        f"combined with modalities hidden, on {figures.degraded[0].n} movies that have all modalities",
    ]
    for row in figures.degraded:
        lines.append(
            f"{len(MODALITIES) - len(row.left)} hidden  {'+'.join(row.left):<28}{row.auc:.3f}  best single "
            f"{row.best} {row.best_auc:.3f}  {row.auc - row.best_auc:+.3f} (95 % from {row.low:+.3f})"
        )
    lines += ["", f"calibration error per genre with at least {ENOUGH_POSITIVES} positives, all splits"]
    for genre in figures.calibrated:
        lines.append(
            f"{genre.genre:<18}{genre.ece:.3f}  (by chance {genre.by_chance:.3f})  "
            f"{genre.positives} of {genre.n}"
        )
    lines.append(f"\n{figures.cpu_seconds:.0f} s of processor time for {len(splits)} splits")
    return "\n".join(lines)


_WIDTH = 15
_HEADS = {
    "auc": "AUC",
    "auc_having": "AUC, having it",
    "accuracy": "accuracy",
    "micro_f1": "micro-F1",
    "macro_f1": "macro-F1",
    "jaccard": "Jaccard",
    "exact_match": "exact",
}


def _deviation(values: Sequence[float]) -> float:
    return float(np.std(values, ddof=1)) if len(values) > 1 else 0.0
