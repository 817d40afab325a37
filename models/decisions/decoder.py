"""The set decoder: the most probable set of genres as a whole, for those who want all of them right.

Deciding genre by genre gives combinations that no movie has. The decoder chooses among the sets that training
movies have: the one with the highest product of the genres' probabilities, times how much more often the set
occurs than its genres would together by chance, to a power that is chosen on movies not learnt from. Power 0
would trust the genres alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from models.labels import Bools, Floats
from models.metrics import exact_match
from models.modalities.base import Logits

POWERS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
MOST_SETS = 1_500
CHUNK_ROWS = 4_096


def log_odds(p: Floats) -> Logits:
    """Return the logits of probabilities, which are kept 1e-6 away from 0 and 1."""
    q = np.clip(np.asarray(p, np.float64), 1e-6, 1 - 1e-6)
    return np.asarray(np.log(q) - np.log1p(-q))


@dataclass(frozen=True)
class SetDecoder:
    """`sets` `(n_sets, n_genres)` zeros and ones; `bonus` `(n_sets,)`, the logarithm added to each."""

    sets: Floats
    bonus: npt.NDArray[np.float64]

    def decide(self, logits: Logits) -> Bools:
        """Return the most probable set of each movie as `(n, n_genres)`, from calibrated logits.

        The log-probability of a set is a constant of the movie plus the sum of its genres' logits.
        """
        out = np.empty(logits.shape, bool)
        members = self.sets.astype(np.float64).T
        for start in range(0, len(logits), CHUNK_ROWS):
            rows = slice(start, start + CHUNK_ROWS)
            out[rows] = self.sets[(logits[rows] @ members + self.bonus).argmax(axis=1)] > 0
        return out

    def decide_probabilities(self, p: Floats) -> Bools:
        """Return the same from calibrated probabilities, such as stored ones."""
        return self.decide(log_odds(p))

    def as_json(self) -> dict[str, Any]:
        """Return plain values for an artefact: the genres of each set by position, and the bonuses."""
        sets = [np.flatnonzero(members).tolist() for members in self.sets]
        return {"sets": sets, "bonus": self.bonus.tolist(), "n_genres": self.sets.shape[1]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "SetDecoder":
        """Return the decoder of `as_json`'s values."""
        sets = np.zeros((len(values["sets"]), values["n_genres"]), np.float32)
        for row, genres in enumerate(values["sets"]):
            sets[row, genres] = 1
        return cls(sets, np.asarray(values["bonus"], float))


def fit(training: Floats, logits: Logits, y: Floats) -> SetDecoder:
    """Fit a decoder over the sets of `training`, its power chosen for exact match of `logits` with `y`.

    `logits` are calibrated, of movies that they were not learnt from.
    """
    sets, counts = np.unique(training, axis=0, return_counts=True)
    if len(sets) > MOST_SETS:
        kept = np.sort(np.argsort(-counts, kind="stable")[:MOST_SETS])
        sets, counts = sets[kept], counts[kept]
    share = np.clip(training.mean(axis=0), 1e-4, 1 - 1e-4).astype(np.float64)
    by_chance = sets @ np.log(share) + (1 - sets) @ np.log(1 - share)
    lift = np.log((counts + 0.5) / len(training)) - by_chance
    decoders = [SetDecoder(sets.astype(np.float32), power * lift) for power in POWERS]
    if not len(y):
        return decoders[len(POWERS) // 2]
    return max(decoders, key=lambda decoder: exact_match(y, decoder.decide(logits)))
