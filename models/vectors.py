"""The text and poster models: a network over an embedding that a feature view computed."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from models import network
from models.errors import ViewMismatch
from models.files import read_tensors, write_tensors
from models.labels import Floats
from models.modality import Examples, Logits, Progress, Trained
from models.network import NetworkParameters, Perceptron
from models.split import training

TEXT = NetworkParameters(
    hidden=256, dropout=0.5, input_dropout=0.1, learning_rate=2e-3, weight_decay=1e-2, epochs=12, batch=128
)
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


@dataclass(frozen=True)
class VectorModel:
    """Genres from a vector per movie, standardised by the training movies' mean and deviation."""

    centre: Floats
    scale: Floats
    network: Perceptron

    def standardised(self, table: pa.Table) -> Floats:
        """The column `embedding` as the network sees it, `(n, width) float32`."""
        vectors = matrix(table["embedding"])
        if len(vectors) and vectors.shape[1] != len(self.centre):
            raise ViewMismatch(
                f"embeddings of {vectors.shape[1]} numbers, the model was trained on {len(self.centre)}"
            )
        vectors = vectors.reshape(len(vectors), len(self.centre))
        return np.asarray(np.clip((vectors - self.centre) / self.scale, -8, 8), np.float32)

    def logits(self, table: pa.Table) -> Logits:
        """`(n, n_genres) float64` from the column `embedding`."""
        return self.network.logits(self.standardised(table))

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
    parameters: NetworkParameters = TEXT,
    progress: Progress | None = None,
) -> Trained:
    """A vector model from the training movies, without those marked in `without`; see `tags.fit`."""
    vectors = matrix(examples.table["embedding"])
    known = vectors[training(examples.buckets)]
    centre, deviation = known.mean(axis=0), known.std(axis=0)
    scale = np.where(deviation > 1e-6, deviation, 1).astype(np.float32)
    untrained = VectorModel(centre.astype(np.float32), scale, Perceptron({}))
    fitted = network.fit(
        untrained.standardised(examples.table),
        examples.targets,
        examples.training_rows(without),
        examples.validation_rows(),
        parameters,
        seed=seed,
        epochs=schedule if isinstance(schedule, int) else None,
        progress=progress,
    )
    return Trained(VectorModel(untrained.centre, scale, fitted.network), fitted.epochs, fitted.curve)
