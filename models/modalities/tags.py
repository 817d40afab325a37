"""The tags model: TF-IDF over tags and their words, and a network that learns from all sources' genres."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.files import read_json, read_tensors, write_json, write_tensors
from models.modalities import network
from models.modalities.bags import BagEncoder
from models.modalities.base import Examples, Logits, Progress, Schedule, TrainedModel
from models.modalities.network import NetworkParameters, Perceptron
from models.split import training

PARAMETERS = NetworkParameters(
    hidden=128, dropout=0.5, input_dropout=0.2, learning_rate=3e-3, weight_decay=1e-2, epochs=8, batch=256
)


@dataclass(frozen=True)
class TagsModel:
    """Genres from a movie's bag of tags."""

    encoder: BagEncoder
    network: Perceptron

    def logits(self, table: pa.Table) -> Logits:
        """Return `(n, n_genres) float64` from the columns `tags` and `weights`."""
        return self.network.logits(self.encoder.encode(table["tags"], table["weights"]))

    def save(self, directory: Path) -> None:
        """Write `network.safetensors` and `vocabulary.json`."""
        write_tensors(directory / "network.safetensors", {**self.network.weights, "idf": self.encoder.idf})
        write_json(directory / "vocabulary.json", self.encoder.pieces)


def load(directory: Path, *, threads: int = 1) -> TagsModel:
    """Return the model that its `save` wrote."""
    weights = read_tensors(directory / "network.safetensors")
    idf = weights.pop("idf")
    return TagsModel(BagEncoder(read_json(directory / "vocabulary.json"), idf), Perceptron(weights))


def parameters() -> list[object]:
    """Return what decides a training besides code and data, as JSON-ready values."""
    return [asdict(PARAMETERS)]


def fit(
    examples: Examples,
    *,
    seed: int,
    without: npt.NDArray[np.bool_] | None = None,
    schedule: Schedule = None,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fit a tags model on the training movies, without those marked in `without`.

    With the `schedule` of an earlier training the validation movies are not looked at.
    """
    table = examples.table
    encoder = BagEncoder.fit(table["tags"], training(examples.buckets))
    fitted = network.fit(
        encoder.encode(table["tags"], table["weights"]),
        examples.targets,
        examples.training_rows(without),
        examples.validation_rows(),
        PARAMETERS,
        seed=seed,
        epochs=schedule if isinstance(schedule, int) else None,
        progress=progress,
    )
    return TrainedModel(TagsModel(encoder, fitted.network), fitted.epochs, fitted.curve)
