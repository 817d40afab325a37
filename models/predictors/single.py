"""A calibrated model of one modality: what is registered, loaded and applied."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from models.decisions.calibration import Calibration
from models.decisions.decide import Decisions
from models.errors import NoModel
from models.files import read_json, write_json
from models.labels import Floats
from models.modalities import joint, metadata, poster, tags, text
from models.modalities.base import MODALITIES, Logits, ModalityModel, TrainedModel
from models.modalities.joint import JointModel
from models.modalities.metadata import MetadataModel
from models.modalities.poster import VectorModel
from models.modalities.tags import TagsModel
from models.modalities.text import TextModel


def trainer(modality: str) -> Callable[..., TrainedModel]:
    """Return the `fit` of a modality; NoModel where there is none."""
    known: dict[str, Callable[..., TrainedModel]] = {
        "metadata": functools.partial(metadata.fit, threads=1),
        "tags": tags.fit,
        "text": text.fit,
        "poster": poster.fit,
        joint.NAME: joint.fit,
    }
    try:
        return known[modality]
    except KeyError:
        raise NoModel(f"no model {modality!r}: there are {', '.join(MODALITIES)} and combined") from None


@dataclass(frozen=True)
class SingleModel:
    """A modality's model, its calibration, and how its probabilities become decisions."""

    modality: str
    model: ModalityModel
    calibration: Calibration
    decisions: Decisions

    def logits(self, table: pa.Table) -> Logits:
        """Return calibrated logits `(n, n_genres) float64` of the rows of the modality's view."""
        return self.calibration.logits(self.model.logits(table))

    def probabilities(self, table: pa.Table) -> Floats:
        """Return calibrated probabilities `(n, n_genres) float32`."""
        return self.calibration.probabilities(self.model.logits(table))

    def save(self, directory: Path) -> None:
        """Write the model's files, `calibration.json` and `decisions.json`."""
        directory.mkdir(parents=True)
        self.model.save(directory)
        write_json(directory / "calibration.json", self.calibration.as_json())
        write_json(directory / "decisions.json", self.decisions.as_json())

    @classmethod
    def load(cls, modality: str, directory: Path, *, threads: int = 2) -> "SingleModel":
        """Return the model that `save` wrote."""
        model: ModalityModel
        if modality == "metadata":
            model = MetadataModel.load(directory, threads=threads)
        elif modality == "tags":
            model = TagsModel.load(directory)
        elif modality == "text":
            model = TextModel.load(directory)
        elif modality == joint.NAME:
            model = JointModel.load(directory)
        else:
            model = VectorModel.load(directory)
        return cls(
            modality,
            model,
            Calibration.from_json(read_json(directory / "calibration.json")),
            Decisions.from_json(read_json(directory / "decisions.json")),
        )
