"""Training: a label set's models on the warehouse's present data, through the gate, into the registry."""

import functools
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from features import FeatureView
from models import (
    calibration,
    dataset,
    decisions,
    fusion,
    gate,
    heldout,
    joint,
    metadata,
    parallel,
    registry,
    tags,
    text,
    vectors,
)
from models.calibration import Calibration
from models.combined import CombinedModel
from models.decisions import Decisions
from models.errors import Damaged, NoModel
from models.evaluation import TestScores, champion_probabilities, measured
from models.files import write_tensors
from models.fusion import FusionParameters, Opinions
from models.heldout import HeldOut
from models.labels import Bools, Floats, Ids, LabelSet, Targets, label_set
from models.modality import MODALITIES, Progress
from models.network import prior_logits
from models.registry import Entry
from models.settings import ModelSettings
from models.single import SingleModel
from models.split import TEST, VALIDATION, folds, training
from models.suspects import HONEST
from warehouse import Warehouse
from warehouse.migrations import code_version

MODELS = (*MODALITIES, "combined")
REVISION = 1
"""Raised when the code trains another model from the same data and parameters."""
FEWEST_MOVIES = 20
"""A model is not trained on fewer labelled movies."""


@dataclass(frozen=True)
class TrainReport:
    """What became of one model: `stage` as in `ops.models`, or ``skipped``; `metrics` on its test movies."""

    label_set: str
    model: str
    model_version: str | None
    stage: str
    reason: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    curve: Sequence[Mapping[str, float]] = ()
    notes: tuple[str, ...] = ()


def train(
    wh: Warehouse,
    settings: ModelSettings,
    views: Mapping[str, FeatureView],
    *,
    label_set: str,
    models: Sequence[str] | None = None,
    run_id: str | None = None,
    progress: Progress | None = None,
) -> list[TrainReport]:
    """Train, measure, gate and register the models (all of them by default) of a label set.

    A model without enough labelled movies is reported as skipped, and its champion stays. NoModel for names
    that do not exist.
    """
    return _Training(wh, settings, views, label_set, models, run_id).run(progress)


@dataclass(frozen=True)
class _Fitted:
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


class _Training:
    """One call of `train`: holds what its steps share."""

    def __init__(
        self,
        wh: Warehouse,
        settings: ModelSettings,
        views: Mapping[str, FeatureView],
        name: str,
        models: Sequence[str] | None,
        run_id: str | None,
    ) -> None:
        self.wh, self.settings, self.views, self.run_id = wh, settings, views, run_id
        self.labels: LabelSet = label_set(name)
        self.wanted = tuple(models or MODELS)
        if unknown := sorted(set(self.wanted) - set(MODELS)):
            raise NoModel(f"no model {', '.join(unknown)}: there are {', '.join(MODELS)}")
        self.started = time.perf_counter()

    def run(self, progress: Progress | None) -> list[TrainReport]:
        needed = MODALITIES if "combined" in self.wanted else self.wanted
        data = dataset.load(self.wh, self.views, tuple(m for m in MODALITIES if m in needed))
        self.data = data
        versions = {model: self._version(model) for model in self.wanted}
        known = {entry.model_version: entry for entry in registry.entries(self.wh, self.labels.name)}
        if all(version in known and self._is_whole(known[version]) for version in versions.values()):
            return [_again(known[version]) for version in versions.values()]
        chosen, skipped = {}, {}
        for modality in needed:
            if modality not in data.tables:
                skipped[modality] = f"there is no feature view {modality}"
                continue
            examples = data.examples(modality, self.labels.name)
            if why := _too_little(examples[1].targets.y, examples[1].targets.known, examples[1].buckets):
                skipped[modality] = why
            else:
                chosen[modality] = examples
        if "combined" in self.wanted and set(joint.SOURCES) <= set(chosen):
            chosen[joint.NAME] = data.examples(joint.NAME, self.labels.name)
        held_out = heldout.fit(
            chosen,
            seed=self.settings.seed,
            n_folds=self.settings.folds,
            threads=self.settings.threads,
            progress=progress,
        )
        singles = {name: self._single(name, one) for name, one in held_out.items()}
        reports = []
        for model in self.wanted:
            if model == "combined":
                fitted = self._combined(held_out, singles) if held_out else None
                why = "no modality has enough labelled movies"
            else:
                fitted, why = singles.get(model), skipped.get(model, "")
            if fitted is None:
                reports.append(TrainReport(self.labels.name, model, None, "skipped", why))
            else:
                reports.append(self._registered(model, versions[model], fitted))
        return reports

    def _version(self, model: str) -> str:
        parts = {
            "code": code_version(),
            "revision": REVISION,
            "label_set": [self.labels.name, *self.labels.genres],
            "model": model,
            "data": self.data.fingerprint(model),
            "parameters": [
                asdict(tags.PARAMETERS), asdict(text.PARAMETERS), asdict(text.WITH_WORDS),
                asdict(vectors.POSTER), metadata.PARAMETERS, metadata.ROUNDS,
                asdict(joint.PARAMETERS), asdict(FusionParameters()), asdict(self.settings.aim),
            ],
            "seed": self.settings.seed,
            "folds": self.settings.folds,
        }  # fmt: skip
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]

    def _is_whole(self, entry: Entry) -> bool:
        try:
            registry.verified(self.settings.model_dir, entry)
        except Damaged:
            return False
        return True

    def _single(self, name: str, held_out: HeldOut) -> _Fitted:
        """Calibrate a modality's model and choose its thresholds on movies that it had not learnt from."""
        examples = held_out.examples
        n_genres = examples.targets.n_genres
        y = examples.targets.y[:, :n_genres]
        used = held_out.known & (examples.buckets != TEST)
        fitted = calibration.fit(held_out.logits[used], y[used]) if used.sum() > 1 else None
        fitted = fitted or Calibration.identity(n_genres)
        rows = training(examples.buckets) & examples.targets.known
        honest = held_out.logits[used]
        decided = decisions.fit(
            y[rows], fitted.logits(honest), fitted.probabilities(honest), y[used], self.settings.aim
        )
        test = held_out.known & (examples.buckets == TEST)
        scores = TestScores(
            self.data.movie_ids[held_out.at[test]], y[test], fitted.probabilities(held_out.logits[test])
        )
        return _Fitted(
            SingleModel(name, held_out.trained.model, fitted, decided),
            decided,
            (self.data.movie_ids[held_out.at[used]], fitted.probabilities(honest)),
            scores,
            self.data.versions_of(name),
            int(rows.sum()),
            held_out.trained.curve,
            _constant(y[rows], self.labels.genres),
        )

    def _combined(self, held_out: Mapping[str, HeldOut], singles: Mapping[str, _Fitted]) -> _Fitted:
        """Fuse the modalities' out-of-fold logits on every labelled movie that has any of them."""
        labels = self.data.labels[self.labels.name]
        modalities = tuple(held_out)
        logits, present = {}, {}
        for name, one in held_out.items():
            model = singles[name].model
            assert isinstance(model, SingleModel)  # noqa: S101 — for mypy
            logits[name] = np.zeros((len(labels.known), labels.y.shape[1]))
            logits[name][one.at] = model.calibration.logits(one.logits)
            present[name] = np.zeros(len(labels.known), bool)
            present[name][one.at[one.known]] = True
        rows = np.flatnonzero(labels.known & np.any(list(present.values()), axis=0))
        y, buckets = labels.y[rows], self.data.buckets[rows]
        known_rows = np.flatnonzero(training(buckets))
        ones = np.ones_like(y)
        from_training = prior_logits(Targets(y[known_rows], ones[known_rows], y.shape[1]))
        seen = fusion.opinions(
            modalities,
            from_training,
            {name: value[rows] for name, value in logits.items()},
            {name: value[rows] for name, value in present.items()},
        )
        fused, honest = self._fused(modalities, from_training, seen, y, buckets)
        used = np.flatnonzero((buckets != TEST) & np.isfinite(honest).all(axis=1))
        fitted = calibration.fit(honest[used], y[used]) if len(used) > 1 else None
        fitted = fitted or Calibration.identity(y.shape[1])
        decided = decisions.fit(
            y[known_rows],
            fitted.logits(honest[used]),
            fitted.probabilities(honest[used]),
            y[used],
            self.settings.aim,
        )
        test = np.flatnonzero(buckets == TEST)
        scores = TestScores(
            self.data.movie_ids[rows[test]], y[test], fitted.probabilities(fused.logits(seen.take(test)))
        )
        parts = {
            name: single.model for name, single in singles.items() if isinstance(single.model, SingleModel)
        }
        return _Fitted(
            CombinedModel(parts, fused, fitted, decided),
            decided,
            (self.data.movie_ids[rows[used]], fitted.probabilities(honest[used])),
            scores,
            {view: v for name in modalities for view, v in self.data.versions_of(name).items()},
            len(known_rows),
            (),
            _constant(y[known_rows], self.labels.genres),
        )

    def _fused(
        self, modalities: tuple[str, ...], prior: Floats, seen: Opinions, y: Floats, buckets: Any
    ) -> tuple[fusion.Fusion, Any]:
        """The fusion, and logits for training and validation movies by fusions that had not seen them."""
        seed = self.settings.seed
        train, validation = np.flatnonzero(training(buckets)), np.flatnonzero(buckets == VALIDATION)

        def fit(rows: Any, members: int) -> fusion.Fusion:
            return fusion.fit(
                modalities,
                prior,
                (seen.take(rows), y[rows]),
                (seen.take(validation), y[validation]),
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
        honest[validation] = fused.logits(seen.take(validation))
        for (inside, _), other in zip(halves, others, strict=True):
            honest[inside] = other.logits(seen.take(inside))
        return fused, honest

    def _registered(self, model: str, version: str, fitted: _Fitted) -> TrainReport:
        """Write the artefact, let the gate judge, and register the model with the verdict."""
        settings, name = self.settings, self.labels.name
        metrics = measured(self.data, self.labels, fitted.scores, fitted.decisions)
        metrics["curve"] = [{key: round(value, 6) for key, value in row.items()} for row in fitted.curve]
        relative = f"{name}/{model}/{version}"
        digest = registry.write_artefact(settings.model_dir, relative, fitted.save)
        now = registry.champion(self.wh, name, model)
        verdict = (
            gate.first(fitted.scores.y, fitted.scores.p, self.labels.genres)
            if now is None or now.model_version == version
            else self._against(now, fitted.scores)
        )
        at = self.wh.clock()
        entry = Entry(
            label_set=name,
            model=model,
            model_version=version,
            stage=verdict.stage,
            created_at=at,
            promoted_at=at if verdict.stage == "champion" else None,
            reason=verdict.reason,
            code_version=code_version(),
            snapshot_id=self.data.snapshot_id,
            views=fitted.views,
            split={
                "rule": "bucket of core.movies: 0 test, 1 validation, 2 to 9 training",
                "training": fitted.n_training,
                "test": len(fitted.scores.y),
                "known_until": self.data.known_until,
            },
            seed=settings.seed,
            metrics=metrics,
            thresholds={
                genre: round(float(threshold), 4)
                for genre, threshold in zip(self.labels.genres, fitted.decisions.chosen, strict=True)
            },
            artefact_path=relative,
            artefact_sha256=digest,
            run_id=self.run_id,
        )
        registry.register(self.wh, entry)
        return TrainReport(
            name,
            model,
            version,
            verdict.stage,
            verdict.reason,
            metrics,
            time.perf_counter() - self.started,
            fitted.curve,
            fitted.notes,
        )

    def _against(self, champion: Entry, scores: TestScores) -> gate.Verdict:
        """The gate's verdict against the champion on the test movies that both can score."""
        theirs = champion_probabilities(self.wh, self.settings, self.data, champion, self.labels, scores)
        common = np.isfinite(theirs).all(axis=1)
        if not common.any():
            return gate.Verdict("champion", "the champion can be applied to no present features")
        return gate.compare(
            scores.y[common],
            scores.p[common],
            theirs[common].astype(np.float32),
            resamples=self.settings.resamples,
            seed=self.settings.seed,
            suspicious_gain=self.settings.suspicious_gain,
            recorded=champion.metrics.get("auc"),
        )


def _too_little(y: Floats, known: Bools, buckets: Any) -> str:
    """Why nothing can be learnt from these labels, or an empty text."""
    rows = known & training(buckets)
    n = int(rows.sum())
    if n < FEWEST_MOVIES:
        return f"{n} labelled movies to learn from; at least {FEWEST_MOVIES} are needed"
    counts = y[rows].sum(axis=0)
    if not ((counts > 0) & (counts < n)).any():
        return "every genre is on all or on none of the labelled movies"
    return ""


def _constant(y: Floats, genres: tuple[str, ...]) -> tuple[str, ...]:
    """A note for each genre that cannot be learnt."""
    counts = y.sum(axis=0)
    return tuple(
        f"{genre}: {int(count)} of {len(y)} training movies, predicted as a constant"
        for genre, count in zip(genres, counts, strict=True)
        if not 0 < count < len(y)
    )


def _again(entry: Entry) -> TrainReport:
    return TrainReport(
        entry.label_set,
        entry.model,
        entry.model_version,
        entry.stage,
        "the same data, code and settings gave this version before",
        entry.metrics,
    )
