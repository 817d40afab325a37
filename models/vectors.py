"""The poster model: a network over an embedding that a feature view computed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models import network
from models.errors import ViewMismatch
from models.files import read_tensors, write_tensors
from models.labels import Bools, Floats
from models.modality import Examples, Logits, Progress, Trained
from models.network import NetworkParameters, Perceptron
from models.split import training

POSTER = NetworkParameters(
    hidden=256, dropout=0.6, input_dropout=0.2, learning_rate=5e-4, weight_decay=0.1, epochs=10, batch=128
)


def matrix(column: pa.ChunkedArray) -> Floats:
    """A list column of equal lengths as `(n, width) float32`."""
    flat = pc.list_flatten(column.combine_chunks()).to_numpy(zero_copy_only=False)
    width = len(flat) // len(column) if len(column) else 0
    lengths = pc.list_value_length(column).to_numpy()
    if len(lengths) and (lengths != width).any():
        raise ViewMismatch("embeddings of different lengths in one view: build the view again")
    return np.asarray(flat.reshape(len(column), width), np.float32)


def standardisation(column: pa.ChunkedArray, rows: Bools) -> tuple[Floats, Floats]:
    """The mean and the deviation of a list column over the marked rows, each `(width,) float32`."""
    known = matrix(column)[rows]
    centre, deviation = known.mean(axis=0), known.std(axis=0)
    return centre.astype(np.float32), np.where(deviation > 1e-4, deviation, 1).astype(np.float32)


def standardised(column: pa.ChunkedArray, centre: Floats, scale: Floats) -> Floats:
    """A list column as `(n, width) float32` around 0, cut at 8 deviations; ViewMismatch for other widths."""
    vectors = matrix(column)
    if len(vectors) and vectors.shape[1] != len(centre):
        raise ViewMismatch(
            f"embeddings of {vectors.shape[1]} numbers; the model was trained on {len(centre)}"
        )
    vectors = vectors.reshape(len(vectors), len(centre))
    return np.asarray(np.clip((vectors - centre) / scale, -8, 8), np.float32)


@dataclass(frozen=True)
class VectorModel:
    """Genres from a vector per movie, standardised by the training movies' mean and deviation."""

    centre: Floats
    scale: Floats
    network: Perceptron

    def logits(self, table: pa.Table) -> Logits:
        """`(n, n_genres) float64` from the column `embedding`."""
        return self.network.logits(standardised(table["embedding"], self.centre, self.scale))

    def save(self, directory: Path) -> None:
        """Write `network.safetensors`."""
        write_tensors(
            directory / "network.safetensors",
            {**self.network.weights, "centre": self.centre, "scale": self.scale},
        )

    @classmethod
    def load(cls, directory: Path) -> "VectorModel":
        """What `save` wrote."""
        weights = read_tensors(directory / "network.safetensors")
        return cls(weights.pop("centre"), weights.pop("scale"), Perceptron(weights))


def fit(
    examples: Examples,
    *,
    seed: int,
    without: npt.NDArray[np.bool_] | None = None,
    schedule: object = None,
    parameters: NetworkParameters = POSTER,
    progress: Progress | None = None,
) -> Trained:
    """A vector model from the training movies, without those marked in `without`; see `tags.fit`."""
    vectors = examples.table["embedding"]
    centre, scale = standardisation(vectors, training(examples.buckets))
    fitted = network.fit(
        standardised(vectors, centre, scale),
        examples.targets,
        examples.training_rows(without),
        examples.validation_rows(),
        parameters,
        seed=seed,
        epochs=schedule if isinstance(schedule, int) else None,
        progress=progress,
    )
    return Trained(VectorModel(centre, scale, fitted.network), fitted.epochs, fitted.curve)
