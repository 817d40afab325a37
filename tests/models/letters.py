"""A modality of the tests, all of it in one file: which letters the title has, the view and the model."""

from dataclasses import asdict, dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import ClassVar

import numpy as np
import pyarrow as pa

from features import FeatureView
from features.view import vector_column
from models.files import read_tensors, write_tensors
from models.labels import Bools
from models.modalities import network
from models.modalities.base import Examples, Logits, Progress, Schedule, TrainedModel
from models.modalities.poster import matrix
from warehouse import Column

PARAMETERS = network.NetworkParameters(hidden=32, dropout=0.1, learning_rate=1e-2, epochs=20, batch=32)


class Letters(FeatureView):
    name: ClassVar[str] = "letters"
    comment: ClassVar[str] = "Letters of the title."
    columns: ClassVar[tuple[Column, ...]] = (Column("letters", "FLOAT[]", "How often each stands there."),)
    inputs: ClassVar[str] = "SELECT movie_id, title FROM core.movies SEMI JOIN wanted USING (movie_id)"

    def compute(self, inputs: pa.Table) -> pa.Table:
        counts = [[title.lower().count(a) for a in ascii_lowercase] for title in inputs["title"].to_pylist()]
        vectors = np.array(counts, np.float32).reshape(-1, 26)
        return pa.table({"movie_id": inputs["movie_id"], "letters": vector_column(vectors)})


@dataclass(frozen=True)
class LettersModel:
    fitted: network.Perceptron

    def logits(self, table: pa.Table) -> Logits:
        return self.fitted.logits(matrix(table["letters"]))

    def save(self, directory: Path) -> None:
        write_tensors(directory / "network.safetensors", self.fitted.weights)


def load(directory: Path, *, threads: int = 1) -> LettersModel:
    return LettersModel(network.Perceptron(read_tensors(directory / "network.safetensors")))


def parameters() -> list[object]:
    return [asdict(PARAMETERS)]


def fit(examples: Examples, *, seed: int, without: Bools | None = None, schedule: Schedule = None,
        progress: Progress | None = None) -> TrainedModel:  # fmt: skip
    rows = examples.training_rows(without), examples.validation_rows()
    epochs = schedule if isinstance(schedule, int) else None
    vectors, targets = matrix(examples.table["letters"]), examples.targets
    fitted = network.fit(vectors, targets, *rows, PARAMETERS, seed=seed, epochs=epochs, progress=progress)
    return TrainedModel(LettersModel(fitted.network), fitted.epochs, fitted.curve)
