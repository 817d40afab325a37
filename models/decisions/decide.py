"""How a model's probabilities become decisions: thresholds per genre for each aim, and the set decoder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from models.decisions import decoder, thresholds
from models.decisions.decoder import SetDecoder
from models.decisions.thresholds import Aim
from models.labels import Bools, Floats
from models.modalities.base import Logits


@dataclass(frozen=True)
class Decisions:
    """`thresholds` `(n_genres,) float32` are those in use, `for_accuracy` those for the accuracy aim."""

    thresholds: Floats
    for_accuracy: Floats
    sets: SetDecoder

    def genre_by_genre(self, p: Floats) -> Bools:
        """Return `(n, n_genres)`: each genre from its threshold on; this is the column `predicted`."""
        return thresholds.decide(p, self.thresholds)

    def accurate(self, p: Floats) -> Bools:
        """Return `(n, n_genres)` by the thresholds for accuracy."""
        return thresholds.decide(p, self.for_accuracy)

    def as_sets(self, p: Floats) -> Bools:
        """Return `(n, n_genres)`: the most probable set of genres as a whole."""
        return self.sets.decide_probabilities(p)

    def as_json(self) -> dict[str, Any]:
        """Return plain values for an artefact."""
        return {
            "thresholds": [round(float(t), 4) for t in self.thresholds],
            "thresholds_for_accuracy": [round(float(t), 4) for t in self.for_accuracy],
            "sets": self.sets.as_json(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Decisions":
        """Return the decisions of `as_json`'s values."""
        return cls(
            np.asarray(values["thresholds"], np.float32),
            np.asarray(values["thresholds_for_accuracy"], np.float32),
            SetDecoder.from_json(values["sets"]),
        )


def fit(training: Floats, logits: Logits, p: Floats, y: Floats, aim: Aim) -> Decisions:
    """Return decisions for an aim.

    They are fitted on calibrated `logits` and probabilities `p` of movies not learnt from, with their labels
    `y`. `training` holds the training movies' labels, whose sets may be decided for.
    """
    return Decisions(
        thresholds.choose(y, p, aim),
        thresholds.choose(y, p, Aim("accuracy")),
        decoder.fit(training, logits, y),
    )
