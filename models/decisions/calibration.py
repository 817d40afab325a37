"""Calibration: from a model's logits to probabilities that mean what they say.

Beta calibration per genre (Kull, Silva Filho and Flach 2017): ``logit' = below * log p - above * log(1 - p) +
intercept`` with ``p`` what the model said, fitted on logits that it gave to movies it had not learnt from.
With both slopes equal it is Platt's scaling; two are needed because a model that is too sure of what it finds
is seldom as wrong about what it does not find. A Gaussian prior draws the slopes to 1 and the intercept to 0,
so that a rare genre with little evidence keeps what the model said.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.labels import Floats

Numbers = npt.NDArray[np.float64]
PRIOR_MOVIES = 10.0
"""Strength of the prior, in units of one squared step of slope or intercept."""
FLATTEST = 1e-3
"""No slope is smaller: more evidence never means less probability."""
_DECIMALS = 6
_STEPS = 50


def sigmoid(logits: Numbers) -> Numbers:
    """Return the logistic function, computed without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))


@dataclass(frozen=True)
class Calibration:
    """`below` and `above`, the slopes for low and for high logits, and `intercept`, `(n_genres,) float64`."""

    below: Numbers
    above: Numbers
    intercept: Numbers

    @classmethod
    def identity(cls, n_genres: int) -> "Calibration":
        """Return the calibration that changes nothing."""
        return cls(np.ones(n_genres), np.ones(n_genres), np.zeros(n_genres))

    def logits(self, logits: Numbers) -> Numbers:
        """Return calibrated logits, float64."""
        bend = (self.above - self.below) * np.logaddexp(0, logits)
        return np.asarray(logits * self.below + bend + self.intercept)

    def probabilities(self, logits: Numbers) -> Floats:
        """Return `(n, n_genres) float32`, rounded to six decimals: the same alone and in any batch."""
        return np.round(sigmoid(self.logits(logits)), _DECIMALS).astype(np.float32)

    def as_json(self) -> dict[str, list[float]]:
        """Return plain values for an artefact."""
        return {name: getattr(self, name).tolist() for name in ("below", "above", "intercept")}

    @classmethod
    def from_json(cls, values: Mapping[str, list[float]]) -> "Calibration":
        """Return the calibration of `as_json`'s values; earlier files have one `slope` for both."""
        slopes = (values.get("slope", values.get(name)) for name in ("below", "above"))
        return cls(*(np.asarray(each, float) for each in (*slopes, values["intercept"])))


def fit(logits: Numbers, y: Floats, *, prior: float = PRIOR_MOVIES) -> Calibration:
    """Fit beta calibration per genre by Newton's method on the penalised log-likelihood.

    `logits` and `y` are `(n, n_genres)`. A genre that all or none of the movies have keeps its logits.
    """
    n_genres = y.shape[1]
    fitted = np.tile(_START, (n_genres, 1))
    for genre in range(n_genres):
        positives = float(y[:, genre].sum())
        if 0 < positives < len(y):
            fitted[genre] = _beta(logits[:, genre], y[:, genre].astype(float), prior)
    return Calibration(*fitted.T)


_START = np.array([1.0, 1.0, 0.0])


def _beta(z: Numbers, y: Numbers, prior: float) -> Numbers:
    above = np.logaddexp(0, z)
    x = np.stack([z - above, above, np.ones_like(z)], axis=1)
    w = _START.copy()
    for _ in range(_STEPS):
        p = sigmoid(x @ w)
        gradient = x.T @ (p - y) + prior * (w - _START)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + prior * np.eye(3)
        step = np.linalg.solve(hessian, gradient)
        w = w - np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return np.asarray(np.maximum(w, [FLATTEST, FLATTEST, -np.inf]))
