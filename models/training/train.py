"""Training: a label set's models on the warehouse's present data, through the gate, into the registry."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from features import FeatureView
from models import dataset, registry
from models.dataset import Dataset
from models.errors import DamagedModel, NoModel
from models.labels import LabelSet, label_set
from models.modalities import joint
from models.modalities.base import Progress
from models.modalities.modality import MODALITIES, model_names
from models.predictors.fusion import FusionParameters
from models.predictors.single import implementation
from models.registry import Entry
from models.scoring.label_errors import record as doubt
from models.settings import ModelSettings
from models.training import fitting, gate
from models.training.fitting import FittedModel
from models.training.test_scores import TestScores, champion_probabilities, measured
from warehouse import Warehouse
from warehouse.migrations import code_version

REVISION = 4
"""Raised when the code trains another model from the same data and parameters."""


@dataclass(frozen=True)
class TrainReport:
    """What became of one model: `stage` as in `ops.models`, or ``skipped``; `metrics` on its test movies.

    `repeated` is whether that version was there before, so that nothing was registered.
    """

    label_set: str
    model: str
    model_version: str | None
    stage: str
    reason: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    curve: Sequence[Mapping[str, float]] = ()
    notes: tuple[str, ...] = ()
    repeated: bool = False


def train(
    warehouse: Warehouse,
    settings: ModelSettings,
    views: Mapping[str, FeatureView],
    *,
    label_set: str,
    models: Sequence[str] | None = None,
    run_id: str | None = None,
    progress: Progress | None = None,
) -> list[TrainReport]:
    """Train a label set's models, then measure, gate and register them.

    Nothing is trained where the same data, code and settings gave these models before and their files are
    whole. A model without enough labelled movies is reported as skipped, and its champion stays.

    Args:
        warehouse: The warehouse, open for writing.
        settings: The choices of training and gate.
        views: The feature views by name, built.
        label_set: `movielens`, `tmdb` or `imdb`.
        models: Names from `model_names()`; all where None.
        run_id: The run that `ops.models` names.
        progress: Called with (steps done, steps in all).

    Returns:
        A report for each model. Its stage is `champion`, `challenger`, `refused` or `skipped`; for a version
        that was there before, the stage that it has.

    Raises:
        NoModel: There is no label set or no model of that name.
        Untrainable: The warehouse holds no movies.
        ModelError: The model's files cannot be written.

    Example:
        >>> reports = train(warehouse, settings, views, label_set="movielens", models=["tags"])
        >>> [(report.model, report.stage) for report in reports]
        [('tags', 'champion')]
        >>> reports[0].metrics["auc"] > 0.7
        True
        >>> again = train(warehouse, settings, views, label_set="movielens", models=["tags"])
        >>> again[0].reason
        'the same data, code and settings gave this version before'
    """
    return _Training(warehouse, settings, views, label_set, models, run_id).run(progress)


class _Training:
    """One call of `train`: holds what its steps share."""

    def __init__(
        self,
        warehouse: Warehouse,
        settings: ModelSettings,
        views: Mapping[str, FeatureView],
        name: str,
        models: Sequence[str] | None,
        run_id: str | None,
    ) -> None:
        self.warehouse, self.settings, self.views, self.run_id = warehouse, settings, views, run_id
        self.labels: LabelSet = label_set(name)
        self.wanted = tuple(models or model_names())
        if unknown := sorted(set(self.wanted) - set(model_names())):
            raise NoModel(f"no model {', '.join(unknown)}: there are {', '.join(model_names())}")
        self.started = time.perf_counter()

    def run(self, progress: Progress | None) -> list[TrainReport]:
        needed = None if "combined" in self.wanted else self.wanted
        data = dataset.load(self.warehouse, self.views, needed)
        self.data = data
        versions = {model: version_of(data, self.labels, self.settings, model) for model in self.wanted}
        known = {model: self._earlier(model, version) for model, version in versions.items()}
        new = [model for model, entry in known.items() if entry is None]
        fitted, skipped = fitting.fit(data, self.labels, self.settings, new, progress) if new else ({}, {})
        reports = []
        for model, version in versions.items():
            if (entry := known[model]) is not None:
                reports.append(_again(entry))
            elif model in fitted:
                reports.append(self._registered(model, version, fitted[model]))
            else:
                why = skipped.get(model, "")
                reports.append(TrainReport(self.labels.name, model, None, "skipped", why))
        return reports

    def _earlier(self, model: str, version: str) -> Entry | None:
        """Return the newest whole version of a model that learnt from the same as now; None without any."""
        examples = examples_of(self.data, self.labels, self.settings, model)
        for entry in registry.entries(self.warehouse, self.labels.name, model):
            same = examples is not None and entry.split.get("examples") == examples
            if (same or entry.model_version == version) and self._is_whole(entry):
                return entry
        return None

    def _is_whole(self, entry: Entry) -> bool:
        try:
            registry.verified(self.settings.model_dir, entry)
        except DamagedModel:
            return False
        return True

    def _registered(self, model: str, version: str, fitted: FittedModel) -> TrainReport:
        """Write the artefact, let the gate judge, and register the model with the verdict."""
        settings, name = self.settings, self.labels.name
        metrics = measured(self.data, self.labels, fitted.scores, fitted.decisions)
        metrics["curve"] = [{key: round(value, 6) for key, value in row.items()} for row in fitted.curve]
        relative = f"{name}/{model}/{version}"
        digest = registry.write_artefact(settings.model_dir, relative, fitted.save)
        now = registry.champion(self.warehouse, name, model)
        verdict = (
            gate.first(fitted.scores.y, fitted.scores.p, self.labels.genres)
            if now is None or now.model_version == version
            else self._against(now, fitted.scores)
        )
        at = self.warehouse.clock()
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
                "examples": examples_of(self.data, self.labels, settings, model),
            },
            seed=settings.seed,
            metrics=metrics,
            thresholds={
                genre: round(float(threshold), 4)
                for genre, threshold in zip(self.labels.genres, fitted.decisions.thresholds, strict=True)
            },
            artefact_path=relative,
            artefact_sha256=digest,
            run_id=self.run_id,
        )
        registry.register(self.warehouse, entry)
        if model == "combined":
            doubt(self.warehouse, self.labels, version, *fitted.honest)
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
        """Return the gate's verdict against the champion on the test movies that both can score."""
        theirs = champion_probabilities(
            self.warehouse, self.settings, self.data, champion, self.labels, scores
        )
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


def version_of(data: Dataset, labels: LabelSet, settings: ModelSettings, model: str) -> str:
    """Return the version of a model: 12 hexadecimal digits of a hash of everything that decides it.

    Its data are those of all modalities, as in all earlier trainings.
    """
    return _hash(data.fingerprint(model), labels, settings, model)


def examples_of(data: Dataset, labels: LabelSet, settings: ModelSettings, model: str) -> str | None:
    """Return the same hash with the model's own examples in the place of all data.

    Two versions that have it in common are one model. None for the combined model, which learns from all.
    """
    if model not in data.tables:
        return None
    return _hash(data.fingerprint_of_examples(model), labels, settings, model)


def _hash(fingerprint: str, labels: LabelSet, settings: ModelSettings, model: str) -> str:
    # Metadata stand last, as in the versions of all earlier trainings.
    in_order = sorted(MODALITIES, key=lambda name: name == "metadata")
    parts = {
        "code": code_version(),
        "revision": REVISION,
        "label_set": [labels.name, *labels.genres],
        "model": model,
        "data": fingerprint,
        "parameters": [
            *(value for name in (*in_order, joint.NAME) for value in implementation(name).parameters()),
            asdict(FusionParameters()), asdict(settings.aim),
        ],
        "seed": settings.seed,
        "folds": settings.folds,
    }  # fmt: skip
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def _again(entry: Entry) -> TrainReport:
    return TrainReport(
        entry.label_set,
        entry.model,
        entry.model_version,
        entry.stage,
        "the same data, code and settings gave this version before",
        entry.metrics,
        repeated=True,
    )
