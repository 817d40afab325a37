"""The rules by which the documents turned probabilities into labels.

Each is a function of the labels and probabilities that may be chosen on, both `(n, n_genres)`, and gives one
threshold per genre; a genre is predicted from its threshold on. A genre that cannot be ranked keeps 0.5.
"""

from collections.abc import Callable

import numpy as np
from sklearn.metrics import matthews_corrcoef, roc_curve

from models.baselines.scores import Rule
from models.labels import Floats
from models.metrics import exact_match, rankable

_GRID = np.round(np.arange(0.02, 0.99, 0.01), 2)


def fixed(cut: float) -> Rule:
    """Return the rule of one threshold for every genre, whatever the movies (A27: 0.5; E06: 0.03)."""
    return lambda y, p: np.full(p.shape[1], cut, np.float32)


def accuracy_optimal(y: Floats, p: Floats) -> Floats:
    """Return per genre the threshold with the most right decisions (A25).

    It is chosen among those of the ROC curve.
    """
    n = len(y)

    def right(fpr: Floats, tpr: Floats, positives: float) -> Floats:
        return np.asarray(tpr * positives + (1 - fpr) * (n - positives))

    return _from_roc(y, p, right)


def youden(y: Floats, p: Floats) -> Floats:
    """Return per genre the threshold with the largest difference of rates (A26).

    The difference is the true positive rate minus the false positive rate.
    """
    return _from_roc(y, p, lambda fpr, tpr, positives: np.asarray(tpr - fpr))


def matthews(y: Floats, p: Floats) -> Floats:
    """Return per genre the threshold of a grid with the highest Matthews correlation (B22)."""
    out = np.full(p.shape[1], 0.5, np.float32)
    for genre in np.flatnonzero(rankable(y)):
        scores = [matthews_corrcoef(y[:, genre], p[:, genre] >= cut) for cut in _GRID]
        out[genre] = _GRID[int(np.argmax(scores))]
    return out


def single_tuned(y: Floats, p: Floats) -> Floats:
    """Return one threshold for all genres: the one of a grid with the most exact matches (B21)."""
    scores = [exact_match(y, p >= cut) for cut in _GRID]
    return np.full(p.shape[1], _GRID[int(np.argmax(scores))], np.float32)


def _from_roc(y: Floats, p: Floats, score: Callable[[Floats, Floats, float], Floats]) -> Floats:
    out = np.full(p.shape[1], 0.5, np.float32)
    for genre in np.flatnonzero(rankable(y)):
        fpr, tpr, cuts = roc_curve(y[:, genre], p[:, genre])
        best = float(cuts[int(np.argmax(score(fpr, tpr, float(y[:, genre].sum()))))])
        out[genre] = best if np.isfinite(best) else np.nextafter(np.float32(p[:, genre].max()), np.float32(2))
    return out
