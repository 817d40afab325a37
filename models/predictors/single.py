"""A calibrated model of one modality: what is registered, loaded and applied."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from models.decisions.calibration import Calibration
from models.decisions.decide import Decisions
from models.errors import NoModel
from models.files import read_json, write_json
from models.labels import Floats
from models.modalities import joint
from models.modalities.base import Logits, ModalityModel
from models.modalities.modality import MODALITIES, Implementation


def implementation(modality: str) -> Implementation:
    """Return what fits and loads a modality's model, or the joint one; NoModel where there is none."""
    if modality == joint.NAME:
        return joint
    if modality not in MODALITIES:
        raise NoModel(f"no model {modality!r}: there are {', '.join(MODALITIES)} and combined")
    return MODALITIES[modality].implementation()


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
        """Return the model that `save` wrote; NoModel where there is no such modality."""
        return cls(
            modality,
            implementation(modality).load(directory, threads=threads),
            Calibration.from_json(read_json(directory / "calibration.json")),
            Decisions.from_json(read_json(directory / "decisions.json")),
        )
