"""Calibration: from a model's logits to probabilities that mean what they say.

One Platt scaler per genre (Platt 1999): ``p = 1 / (1 + exp(-(slope * logit + intercept)))``, fitted on logits
that the model gave to movies it had not learnt from. A Gaussian prior draws slope to 1 and intercept to 0, so
that a rare genre with little evidence keeps what the model said.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.labels import Floats

Numbers = npt.NDArray[np.float64]
PRIOR_MOVIES = 10.0
"""Strength of the prior, in units of one squared step of slope or intercept."""
_DECIMALS = 6
_STEPS = 50


def sigmoid(logits: Numbers) -> Numbers:
    """The logistic function without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * logits)))


@dataclass(frozen=True)
class Calibration:
    """`slope` and `intercept`, each `(n_genres,) float64`."""

    slope: Numbers
    intercept: Numbers

    @classmethod
    def identity(cls, n_genres: int) -> "Calibration":
        """The calibration that changes nothing."""
        return cls(np.ones(n_genres), np.zeros(n_genres))

    def logits(self, logits: Numbers) -> Numbers:
        """Calibrated logits, float64."""
        return np.asarray(logits * self.slope + self.intercept)

    def probabilities(self, logits: Numbers) -> Floats:
        """`(n, n_genres) float32`, rounded to six decimals: the same alone and in any batch."""
        return np.round(sigmoid(self.logits(logits)), _DECIMALS).astype(np.float32)

    def as_json(self) -> dict[str, list[float]]:
        """Plain values for an artefact."""
        return {"slope": self.slope.tolist(), "intercept": self.intercept.tolist()}

    @classmethod
    def from_json(cls, values: Mapping[str, list[float]]) -> "Calibration":
        """What `as_json` gave."""
        return cls(np.asarray(values["slope"], float), np.asarray(values["intercept"], float))


def fit(logits: Numbers, y: Floats, *, prior: float = PRIOR_MOVIES) -> Calibration:
    """Platt scaling per genre by Newton's method on the penalised log-likelihood.

    `logits` and `y` are `(n, n_genres)`. A genre that all or none of the movies have keeps its logits.
    """
    n_genres = y.shape[1]
    slope, intercept = np.ones(n_genres), np.zeros(n_genres)
    for genre in range(n_genres):
        positives = float(y[:, genre].sum())
        if 0 < positives < len(y):
            slope[genre], intercept[genre] = _platt(logits[:, genre], y[:, genre].astype(float), prior)
    return Calibration(slope, intercept)


def _platt(z: Numbers, y: Numbers, prior: float) -> tuple[float, float]:
    x = np.stack([z, np.ones_like(z)], axis=1)
    start = np.array([1.0, 0.0])
    w = start.copy()
    for _ in range(_STEPS):
        p = sigmoid(x @ w)
        gradient = x.T @ (p - y) + prior * (w - start)
        hessian = (x * (p * (1 - p))[:, None]).T @ x + prior * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        w = w - np.clip(step, -1, 1)
        if np.abs(step).max() < 1e-8:
            break
    return float(max(w[0], 1e-3)), float(w[1])
