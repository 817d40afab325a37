"""A label set's models, fitted on one data set and one split; nothing is written or registered here."""

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from models.dataset import Dataset
from models.decisions import calibration, decide
from models.decisions.calibration import Calibration
from models.decisions.decide import Decisions
from models.decisions.decoder import log_odds
from models.files import write_tensors
from models.labels import Bools, Floats, Ids, LabelSet, Targets
from models.modalities import joint
from models.modalities.base import Logits, Progress
from models.modalities.modality import MODALITIES
from models.modalities.network import prior_logits
from models.predictors import fusion
from models.predictors.combined import CombinedModel, alone
from models.predictors.fusion import FusionParameters, Opinions
from models.predictors.single import SingleModel
from models.scoring.label_errors import HONEST
from models.settings import ModelSettings
from models.split import TEST, VALIDATION, folds, training
from models.training import out_of_fold, parallel
from models.training.out_of_fold import OutOfFold
from models.training.test_scores import TestScores

FEWEST_MOVIES = 20
"""A model is not trained on fewer labelled movies."""


@dataclass(frozen=True)
class FittedModel:
    """A model ready to be measured: what it says about its test movies, and what is to be stored."""

    model: SingleModel | CombinedModel
    decisions: Decisions
    honest: tuple[Ids, Floats]
    """Movies that were not learnt from, and their probabilities."""
    scores: TestScores
    views: Mapping[str, str]
    n_training: int
    curve: Sequence[Mapping[str, float]]
    notes: tuple[str, ...]

    def save(self, directory: Path) -> None:
        """Write the model, and beside the combined one its honest probabilities."""
        self.model.save(directory)
        if isinstance(self.model, SingleModel):
            return  # its files are also a part of the combined model's, to the byte
        ids, p = self.honest
        write_tensors(directory / HONEST, {"movie_ids": ids, "probabilities": p})


def fit(
    data: Dataset,
    labels: LabelSet,
    settings: ModelSettings,
    wanted: Sequence[str],
    progress: Progress | None = None,
) -> tuple[dict[str, FittedModel], dict[str, str]]:
    """Fit the wanted models; return them, and why others could not be fitted.

    Learns from the training movies of the data's split, stops and calibrates on those held out of them, and
    gives every model's probabilities for its test movies.
    """
    return _Fitting(data, labels, settings).run(wanted, progress)


@dataclass(frozen=True)
class _Fitting:
    data: Dataset
    labels: LabelSet
    settings: ModelSettings

    def run(
        self, wanted: Sequence[str], progress: Progress | None
    ) -> tuple[dict[str, FittedModel], dict[str, str]]:
        data, inputs, skipped = self.data, {}, {}
        for modality in MODALITIES if "combined" in wanted else wanted:
            if modality not in data.tables:
                skipped[modality] = f"there is no feature view {MODALITIES[modality].view}"
                continue
            examples = data.examples(modality, self.labels.name)
            targets, buckets = examples[1].targets, examples[1].buckets
            if why := _too_little(targets.y[:, : targets.n_genres], targets.known, buckets):
                skipped[modality] = why
            else:
                inputs[modality] = examples
        if "combined" in wanted and set(joint.SOURCES) <= set(inputs):
            inputs[joint.NAME] = data.examples(joint.NAME, self.labels.name)
        held_out = out_of_fold.fit(
            inputs,
            seed=self.settings.seed,
            n_folds=self.settings.folds,
            threads=self.settings.threads,
            progress=progress,
        )
        results = {name: self._single(name, outcome) for name, outcome in held_out.items()}
        if "combined" in wanted:
            if held_out:
                results["combined"] = self._combined(held_out, results)
            else:
                skipped["combined"] = "no modality has enough labelled movies"
        return {name: result for name, result in results.items() if name in wanted}, skipped

    def _single(self, name: str, held_out: OutOfFold) -> FittedModel:
        """Calibrate a modality's model and choose its thresholds on movies that it has not learnt from."""
        examples = held_out.examples
        n_genres = examples.targets.n_genres
        y = examples.targets.y[:, :n_genres]
        used = held_out.known & (examples.buckets != TEST)
        fitted = calibration.fit(held_out.logits[used], y[used]) if used.sum() > 1 else None
        fitted = fitted or Calibration.identity(n_genres)
        rows = training(examples.buckets) & examples.targets.known
        honest = held_out.logits[used]
        decided = decide.fit(
            y[rows], fitted.logits(honest), fitted.probabilities(honest), y[used], self.settings.aim
        )
        test = held_out.known & (examples.buckets == TEST)
        scores = TestScores(
            self.data.movie_ids[held_out.at[test]], y[test], fitted.probabilities(held_out.logits[test])
        )
        return FittedModel(
            SingleModel(name, held_out.trained.model, fitted, decided),
            decided,
            (self.data.movie_ids[held_out.at[used]], fitted.probabilities(honest)),
            scores,
            self.data.versions_of(name),
            int(rows.sum()),
            held_out.trained.curve,
            _constant(y[rows], self.labels.genres),
        )

    def _combined(self, held_out: Mapping[str, OutOfFold], singles: Mapping[str, FittedModel]) -> FittedModel:
        """Fuse the modalities' out-of-fold logits on every labelled movie that has any of them."""
        labels = self.data.labels[self.labels.name]
        modalities = tuple(held_out)
        logits, present = {}, {}
        for name, outcome in held_out.items():
            model = singles[name].model
            assert isinstance(model, SingleModel)  # noqa: S101 — for mypy
            logits[name] = np.zeros((len(labels.known), labels.y.shape[1]))
            logits[name][outcome.at] = model.calibration.logits(outcome.logits)
            present[name] = np.zeros(len(labels.known), bool)
            present[name][outcome.at[outcome.known]] = True
        rows = np.flatnonzero(labels.known & np.any(list(present.values()), axis=0))
        y, buckets = labels.y[rows], self.data.buckets[rows]
        known_rows = np.flatnonzero(training(buckets))
        ones = np.ones_like(y)
        from_training = prior_logits(Targets(y[known_rows], ones[known_rows], y.shape[1]))
        evidence = fusion.opinions(
            modalities,
            from_training,
            {name: value[rows] for name, value in logits.items()},
            {name: value[rows] for name, value in present.items()},
        )
        fused, honest = self._fused(modalities, from_training, evidence, y, buckets)
        used = np.flatnonzero((buckets != TEST) & np.isfinite(honest).all(axis=1))
        fitted = calibration.fit(honest[used], y[used]) if len(used) > 1 else None
        fitted = fitted or Calibration.identity(y.shape[1])

        def judged(fused_logits: Logits, some: npt.NDArray[np.intp]) -> Floats:
            at = rows[some]
            p = fitted.probabilities(fused_logits)
            own = {name: value[at] for name, value in logits.items()}
            return alone(p, own, {name: value[at] for name, value in present.items()})

        p = judged(honest[used], used)
        decided = decide.fit(y[known_rows], log_odds(p), p, y[used], self.settings.aim)
        test = np.flatnonzero(buckets == TEST)
        scores = TestScores(
            self.data.movie_ids[rows[test]], y[test], judged(fused.logits(evidence.take(test)), test)
        )
        parts = {
            name: single.model for name, single in singles.items() if isinstance(single.model, SingleModel)
        }
        return FittedModel(
            CombinedModel(parts, fused, fitted, decided),
            decided,
            (self.data.movie_ids[rows[used]], p),
            scores,
            {view: v for name in modalities for view, v in self.data.versions_of(name).items()},
            len(known_rows),
            (),
            _constant(y[known_rows], self.labels.genres),
        )

    def _fused(
        self, modalities: tuple[str, ...], prior: Floats, evidence: Opinions, y: Floats, buckets: Any
    ) -> tuple[fusion.Fusion, Any]:
        """Return the fusion, and logits for training and validation movies.

        These logits come from fusions that have not learnt from the movie.
        """
        seed = self.settings.seed
        train, validation = np.flatnonzero(training(buckets)), np.flatnonzero(buckets == VALIDATION)

        def fit(rows: Any, members: int) -> fusion.Fusion:
            return fusion.fit(
                modalities,
                prior,
                (evidence.take(rows), y[rows]),
                (evidence.take(validation), y[validation]),
                FusionParameters(members=members),
                seed=seed,
            )

        group = folds(buckets, 2)
        halves = [(np.flatnonzero(group == half), np.flatnonzero(group == 1 - half)) for half in (0, 1)]
        halves = [(inside, rest) for inside, rest in halves if len(inside) and len(rest) >= FEWEST_MOVIES]
        jobs = [functools.partial(fit, train, FusionParameters().members)]
        jobs += [functools.partial(fit, rest, 1) for _, rest in halves]
        fused, *others = parallel.run(jobs, self.settings.threads)
        honest = np.full(y.shape, np.nan)
        honest[validation] = fused.logits(evidence.take(validation))
        for (inside, _), other in zip(halves, others, strict=True):
            honest[inside] = other.logits(evidence.take(inside))
        return fused, honest


def _too_little(y: Floats, known: Bools, buckets: Any) -> str:
    """Return why nothing can be learnt from these labels, or an empty text."""
    rows = known & training(buckets)
    n = int(rows.sum())
    if n < FEWEST_MOVIES:
        return f"{n} labelled movies to learn from; at least {FEWEST_MOVIES} are needed"
    counts = y[rows].sum(axis=0)
    if not ((counts > 0) & (counts < n)).any():
        return "every genre is on all or on none of the labelled movies"
    return ""


def _constant(y: Floats, genres: tuple[str, ...]) -> tuple[str, ...]:
    """Return a note for each genre that cannot be learnt."""
    counts = y.sum(axis=0)
    return tuple(
        f"{genre}: {int(count)} of {len(y)} training movies, predicted as a constant"
        for genre, count in zip(genres, counts, strict=True)
        if not 0 < count < len(y)
    )
