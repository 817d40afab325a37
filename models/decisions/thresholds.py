"""Thresholds per genre for a stated aim, chosen on movies that the model had not learnt from.

The threshold that is best for a rare genre on a few movies is mostly luck, so each genre's is drawn towards
the one that is best for all genres together, with the weight of `SHRINKAGE` positive movies.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.errors import ModelError
from models.labels import Floats

Numbers = npt.NDArray[np.float64]
AIMS = ("f1", "accuracy", "precision")
SHRINKAGE = 50.0
_GRID = np.round(np.arange(0.02, 0.981, 0.01), 2)


@dataclass(frozen=True)
class Aim:
    """What thresholds are chosen for: ``f1``, ``accuracy``, or a ``precision`` of at least `at_least`."""

    name: str = "f1"
    at_least: float = 0.8

    def __post_init__(self) -> None:
        if self.name not in AIMS:
            raise ModelError(f"no aim {self.name!r} for thresholds: choose {', '.join(AIMS)}")


def choose(y: Floats, p: Floats, aim: Aim | None = None, *, shrinkage: float = SHRINKAGE) -> Floats:
    """Return `(n_genres,) float32` thresholds; a genre is predicted from its threshold on.

    A genre without any positive movie gets the common threshold. Over fewer than two movies: 0.5.
    """
    aim = aim or Aim()
    if len(y) < 2:
        return np.full(y.shape[1], 0.5, np.float32)
    hits, predicted, positives = _counts(y, p)
    common = _best(hits.sum(1), predicted.sum(1), positives.sum(), y.size, aim)
    out = np.empty(y.shape[1])
    for genre in range(y.shape[1]):
        if not 0 < positives[genre] < len(y):
            out[genre] = common
            continue
        own = _best(hits[:, genre], predicted[:, genre], positives[genre], len(y), aim)
        out[genre] = (positives[genre] * own + shrinkage * common) / (positives[genre] + shrinkage)
    return np.round(out, 4).astype(np.float32)


def decide(p: Floats | Numbers, thresholds: Floats | Numbers) -> npt.NDArray[np.bool_]:
    """Return which genres are predicted: `p >= thresholds`, `(n, n_genres)`."""
    return np.asarray(p >= thresholds)


def _counts(y: Floats, p: Floats) -> tuple[Numbers, Numbers, Numbers]:
    """Return (right, predicted) per threshold of the grid and genre, and positives per genre."""
    bins = np.searchsorted(_GRID, p.astype(np.float64) + 1e-9, side="right")  # grid[:bins] <= p
    n_genres = y.shape[1]
    key = bins * n_genres + np.arange(n_genres)
    size = (len(_GRID) + 1) * n_genres
    everyone = np.bincount(key.ravel(), minlength=size).reshape(-1, n_genres)
    right = np.bincount(key.ravel(), weights=y.ravel(), minlength=size).reshape(-1, n_genres)
    predicted = everyone[::-1].cumsum(0)[::-1][1:]
    hits = right[::-1].cumsum(0)[::-1][1:]
    return hits.astype(float), predicted.astype(float), y.sum(axis=0).astype(float)


def _best(hits: Numbers, predicted: Numbers, positives: float, n: int, aim: Aim) -> float:
    """Return the grid's best threshold; of several equally good ones the middle one."""
    if aim.name == "f1":
        score = 2 * hits / np.maximum(predicted + positives, 1)
    elif aim.name == "accuracy":
        score = (n - positives - predicted + 2 * hits) / n
    else:
        enough = hits >= aim.at_least * np.maximum(predicted, 1)
        score = np.where(enough, hits, -1.0)
        if not enough.any():
            return float(_GRID[-1])
    best = np.flatnonzero(score >= score.max() - 1e-12)
    return float(_GRID[best[len(best) // 2]])
