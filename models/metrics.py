"""Metrics of multi-label predictions, each with its definition.

Throughout, `y` is `(n_movies, n_genres)` of zeros and ones, `p` the probabilities and `d` the decisions of
the same shape. A genre that all or none of the movies have cannot be ranked: `roc_auc`, `average_precision`
and what is built on them skip it, and `MetricTable.skipped` names it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

Array = npt.NDArray[Any]
"""Floats, or booleans for decisions."""
Numbers = npt.NDArray[np.float64]


def rankable(y: Array) -> npt.NDArray[np.bool_]:
    """Return `(n_genres,) bool`: the genres that some movies have and some have not."""
    positives = y.sum(axis=0)
    return np.asarray((positives > 0) & (positives < len(y)))


def roc_auc(y: Array, p: Array) -> Numbers:
    """Return ROC-AUC per genre, by the Mann-Whitney form.

    It is the chance that a movie with the genre outranks one without; ties count half. NaN for genres that
    cannot be ranked.
    """
    positives = y.sum(axis=0, dtype=np.float64)
    negatives = len(y) - positives
    if not len(y):
        return np.full(y.shape[1], np.nan)
    ranks = rankdata(p, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        u = (ranks * y).sum(axis=0) - positives * (positives + 1) / 2
        return np.where(rankable(y), u / (positives * negatives), np.nan)


def mean_auc(y: Array, p: Array) -> float:
    """Return the mean of ROC-AUC over the genres that can be ranked; NaN where none can."""
    return _mean(roc_auc(y, p))


def average_precision(y: Array, p: Array) -> Numbers:
    """Return average precision per genre: the sum of precision times the step in recall.

    NaN as in `roc_auc`. Movies of equal probability enter together, as in scikit-learn.
    """
    out = np.full(y.shape[1], np.nan)
    for genre in np.flatnonzero(rankable(y)):
        order = np.argsort(-p[:, genre], kind="stable")
        hits = np.cumsum(y[order, genre])
        last = np.flatnonzero(np.append(np.diff(p[order, genre]) != 0, True))
        recall = hits[last] / hits[-1]
        precision = hits[last] / (last + 1)
        out[genre] = np.sum(np.diff(recall, prepend=0) * precision)
    return out


def accuracy(y: Array, d: Array) -> float:
    """Return the share of (movie, genre) pairs decided rightly: 1 - Hamming loss."""
    return float(np.mean((y > 0) == (d > 0)))


def hamming_loss(y: Array, d: Array) -> float:
    """Return the share of (movie, genre) pairs decided wrongly."""
    return 1 - accuracy(y, d)


def jaccard(y: Array, d: Array) -> float:
    """Return the mean over movies of |true and predicted| / |true or predicted|.

    A movie where both are empty counts as 0, as in scikit-learn.
    """
    both = ((y > 0) & (d > 0)).sum(axis=1)
    either = ((y > 0) | (d > 0)).sum(axis=1)
    return float(np.mean(both / np.maximum(either, 1)))


def exact_match(y: Array, d: Array) -> float:
    """Return the share of movies whose set of genres is predicted exactly (subset accuracy)."""
    return float(np.mean(((y > 0) == (d > 0)).all(axis=1)))


@dataclass(frozen=True)
class PRF:
    """Precision, recall and F1 under one way of averaging."""

    precision: float
    recall: float
    f1: float


def _prf(hits: Array, predicted: Array, true: Array) -> tuple[Numbers, Numbers, Numbers]:
    hits, predicted, true = (np.asarray(x, np.float64) for x in (hits, predicted, true))
    precision = np.divide(hits, predicted, out=np.zeros_like(hits), where=predicted > 0)
    recall = np.divide(hits, true, out=np.zeros_like(hits), where=true > 0)
    total = predicted + true
    f1 = np.divide(2 * hits, total, out=np.zeros_like(hits), where=total > 0)
    return precision, recall, f1


def precision_recall_f1(y: Array, d: Array, average: str) -> PRF:
    """Return precision, recall and F1, with 0 for 0/0.

    `average`: ``micro`` pools all pairs, ``macro`` is the mean over genres, ``weighted`` the mean over genres
    weighted by their movies, ``samples`` the mean over movies.
    """
    true, predicted = y > 0, d > 0
    both = true & predicted
    if average == "micro":
        parts = _prf(*(np.array([x.sum()]) for x in (both, predicted, true)))
        return PRF(*(float(x[0]) for x in parts))
    axis = 1 if average == "samples" else 0
    parts = _prf(both.sum(axis=axis), predicted.sum(axis=axis), true.sum(axis=axis))
    weights = true.sum(axis=0) if average == "weighted" else None
    if weights is not None and not weights.sum():
        return PRF(0.0, 0.0, 0.0)
    if average not in ("macro", "weighted", "samples"):
        raise ValueError(f"average is micro, macro, weighted or samples, not {average!r}")
    return PRF(*(float(np.average(x, weights=weights)) for x in parts))


def log_loss(y: Array, p: Array) -> float:
    """Return the mean negative log-likelihood per (movie, genre) pair, in nats."""
    q = np.clip(np.asarray(p, np.float64), 1e-7, 1 - 1e-7)
    return float(np.mean(-np.where(y > 0, np.log(q), np.log1p(-q))))


def brier(y: Array, p: Array) -> float:
    """Return the mean squared error of the probabilities."""
    return float(np.mean((np.asarray(p, np.float64) - y) ** 2))


def expected_calibration_error(y: Array, p: Array, bins: int = 10) -> Numbers:
    """Return ECE per genre: the mean |share with the genre - mean probability| over bins.

    Bins hold equally many movies (adaptive ECE, Nguyen and O'Connor 2015), because a rare genre leaves most
    bins of equal width empty.
    """
    n = len(y)
    out = np.full(y.shape[1], np.nan)
    if not n:
        return out
    edges = np.linspace(0, n, min(bins, n) + 1).astype(int)
    for genre in range(y.shape[1]):
        order = np.argsort(p[:, genre], kind="stable")
        gaps = np.add.reduceat((y[order, genre] - p[order, genre]).astype(np.float64), edges[:-1])
        out[genre] = np.abs(gaps).sum() / n
    return out


def _mean(values: Numbers) -> float:
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


@dataclass(frozen=True)
class MetricTable:
    """Everything about one model on one set of movies; `skipped` are genres that cannot be ranked."""

    n: int
    values: dict[str, float]
    per_genre: dict[str, dict[str, float]]
    skipped: tuple[str, ...]

    def as_json(self) -> dict[str, object]:
        """Return plain values for ops.models; what is not a number becomes None."""
        clean = {name: _plain(value) for name, value in self.values.items()}
        genres = {g: {k: _plain(v) for k, v in row.items()} for g, row in self.per_genre.items()}
        return {"n": self.n, **clean, "per_genre": genres, "skipped": list(self.skipped)}


def _plain(value: float) -> float | None:
    return round(float(value), 6) if np.isfinite(value) else None


def table(y: Array, p: Array, d: Array, genres: tuple[str, ...]) -> MetricTable:
    """Return all metrics of a model's probabilities and decisions on the same movies; none over no movies."""
    if not len(y):
        return MetricTable(0, {}, {}, genres)
    auc, precision, ece = roc_auc(y, p), average_precision(y, p), expected_calibration_error(y, p)
    micro, macro, weighted, samples = (
        precision_recall_f1(y, d, how) for how in ("micro", "macro", "weighted", "samples")
    )
    hits = ((y > 0) & (d > 0)).sum(axis=0)
    p_genre, r_genre, f_genre = _prf(hits, (d > 0).sum(axis=0), (y > 0).sum(axis=0))
    values = {
        "auc": _mean(auc),
        "accuracy": accuracy(y, d),
        "micro_f1": micro.f1,
        "macro_f1": macro.f1,
        "weighted_f1": weighted.f1,
        "samples_f1": samples.f1,
        "micro_precision": micro.precision,
        "micro_recall": micro.recall,
        "jaccard": jaccard(y, d),
        "exact_match": exact_match(y, d),
        "hamming_loss": hamming_loss(y, d),
        "map": _mean(precision),
        "log_loss": log_loss(y, p),
        "brier": brier(y, p),
        "ece": _mean(ece),
    }
    per_genre = {
        genre: {
            "positives": float(y[:, i].sum()),
            "auc": auc[i],
            "average_precision": precision[i],
            "precision": p_genre[i],
            "recall": r_genre[i],
            "f1": f_genre[i],
            "ece": ece[i],
        }
        for i, genre in enumerate(genres)
    }
    skipped = tuple(genre for genre, ok in zip(genres, rankable(y), strict=True) if not ok)
    return MetricTable(len(y), values, per_genre, skipped)


@dataclass(frozen=True)
class Difference:
    """A metric's difference between two models on the same movies: estimate and 95 % interval."""

    estimate: float
    low: float
    high: float
    worse: float
    """The share of resamples in which the first model is below the second."""


def paired_bootstrap(
    y: Array,
    first: Array,
    second: Array,
    metric: Callable[[Array, Array], float] = mean_auc,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> Difference:
    """Return metric(first) - metric(second) with its bootstrap interval (Efron 1979).

    Movies are drawn with replacement, the same for both.
    """
    rng = np.random.default_rng(seed)
    differences = np.empty(resamples)
    for i in range(resamples):
        rows = rng.integers(0, len(y), len(y))
        differences[i] = metric(y[rows], first[rows]) - metric(y[rows], second[rows])
    differences = differences[np.isfinite(differences)]
    estimate = metric(y, first) - metric(y, second)
    if not len(differences):
        return Difference(estimate, float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(differences, [0.025, 0.975])
    return Difference(estimate, float(low), float(high), float(np.mean(differences < 0)))


def interval(
    y: Array,
    p: Array,
    metric: Callable[[Array, Array], float] = mean_auc,
    *,
    resamples: int = 500,
    seed: int = 0,
) -> tuple[float, float]:
    """Return the 95 % percentile bootstrap interval of a metric over movies."""
    rng = np.random.default_rng(seed)
    values = [metric(y[rows], p[rows]) for rows in rng.integers(0, len(y), (resamples, len(y)))]
    low, high = np.nanquantile(values, [0.025, 0.975])
    return float(low), float(high)
