"""What the models of single modalities have in common."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.labels import Floats, Labels, Targets
from models.split import VALIDATION, Buckets, training

Logits: TypeAlias = npt.NDArray[np.float64]
Progress: TypeAlias = Callable[[int, int | None], None]
Schedule: TypeAlias = int | list[int] | None
"""How long to train: epochs of a network, rounds per genre of a booster; None where nothing is repeated."""


@dataclass(frozen=True)
class Examples:
    """The movies that have one modality: `table` is the view's rows, everything else lines up with it.

    `pooled` are the labels of all sources under common names (`pooled_genres`); `elsewhere` is what other
    sources say of the model's own genres, NaN where they say nothing.
    """

    table: pa.Table
    targets: Targets
    pooled: Labels
    pooled_genres: tuple[str, ...]
    elsewhere: Floats
    buckets: Buckets

    def training_rows(self, without: npt.NDArray[np.bool_] | None = None) -> npt.NDArray[np.intp]:
        """Return the rows of training movies labelled in any label set, save those marked in `without`."""
        rows = training(self.buckets) & self.targets.any_known
        return np.flatnonzero(rows if without is None else rows & ~without)

    def validation_rows(self) -> npt.NDArray[np.intp]:
        """Return the rows of validation movies labelled in the model's own label set."""
        return np.flatnonzero((self.buckets == VALIDATION) & self.targets.known)


@runtime_checkable
class NeutralVectors(Protocol):
    """What a model that reads vectors may have beside: explanations put zeros where it has not."""

    def neutral(self, column: str) -> Floats:
        """Return the vector of a column that speaks for no genre, `(width,) float32`."""


class ModalityModel(Protocol):
    """A trained model of one modality; one that reads vectors may have `NeutralVectors`, too."""

    def logits(self, table: pa.Table) -> Logits:
        """Return `(n, n_genres) float64`, one row per row of a view's table.

        Each row is independent of the others.
        """

    def save(self, directory: Path) -> None:
        """Write the model's files into an existing directory."""


@dataclass(frozen=True)
class TrainedModel:
    """A model, what an out-of-fold stand-in needs to be trained alike, and the course of the training."""

    model: ModalityModel
    schedule: Schedule
    curve: list[dict[str, float]] = field(default_factory=list)
    notes: tuple[str, ...] = ()
