"""Two registered versions of a model, compared on the same test movies as the gate would."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from features import FeatureView
from models import dataset, registry
from models.errors import NoModel
from models.labels import label_set as label_set_named
from models.metrics import mean_auc, paired_bootstrap
from models.settings import ModelSettings
from models.split import TEST
from models.training import gate
from models.training.test_scores import TestScores, champion_probabilities
from warehouse import Warehouse


@dataclass(frozen=True)
class Duel:
    """`version` against `against` on `n` common test movies: AUC of both, the difference with its 95 %
    interval, and what the gate would say."""

    label_set: str
    model: str
    version: str
    against: str
    n: int
    auc: float
    auc_against: float
    difference: float
    low: float
    high: float
    stage: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Return plain values."""
        return asdict(self)


def duel(
    warehouse: Warehouse,
    settings: ModelSettings,
    views: Mapping[str, FeatureView],
    *,
    label_set: str,
    model: str,
    version: str,
    against: str | None = None,
) -> Duel:
    """Compare a version with another one, or with the champion.

    A version whose views are not built any more is judged by its stored scores. NoModel where a version does
    not exist, there is no champion, or the two share no test movie.
    """
    labels = label_set_named(label_set)
    first = registry.find(warehouse, labels.name, model, version)
    second = (
        registry.champion(warehouse, labels.name, model)
        if against is None
        else registry.find(warehouse, labels.name, model, against)
    )
    if second is None:
        raise NoModel(f"{label_set} {model} has no champion to compare with")
    data = dataset.load(warehouse, views, None if model == "combined" else (model,))
    own = data.labels[labels.name]
    test = np.flatnonzero(own.known & (data.buckets == TEST))
    empty = np.zeros((len(test), len(labels.genres)), np.float32)
    movies = TestScores(data.movie_ids[test], own.y[test], empty)
    p, q = (
        champion_probabilities(warehouse, settings, data, entry, labels, movies) for entry in (first, second)
    )
    common = np.isfinite(p).all(axis=1) & np.isfinite(q).all(axis=1)
    if not common.any():
        raise NoModel(
            f"{first.model_version} and {second.model_version} can be applied to no common test movie"
        )
    y, ours, theirs = movies.y[common], p[common].astype(np.float32), q[common].astype(np.float32)
    gap = paired_bootstrap(y, ours, theirs, resamples=settings.resamples, seed=settings.seed)
    verdict = gate.compare(
        y,
        ours,
        theirs,
        resamples=settings.resamples,
        seed=settings.seed,
        suspicious_gain=settings.suspicious_gain,
        recorded=second.metrics.get("auc"),
    )
    return Duel(
        labels.name,
        model,
        first.model_version,
        second.model_version,
        int(common.sum()),
        mean_auc(y, ours),
        mean_auc(y, theirs),
        gap.estimate,
        gap.low,
        gap.high,
        verdict.stage,
        verdict.reason,
    )
