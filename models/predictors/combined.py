"""The combined model: the single models of its own training, and the fusion of what they say."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.decisions.calibration import Calibration
from models.decisions.decide import Decisions
from models.files import read_json, read_tensors, write_json, write_tensors
from models.labels import Bools, Floats, Ids, positions
from models.modalities import joint
from models.modalities.base import Logits
from models.modalities.modality import MODALITIES
from models.predictors.fusion import Fusion
from models.predictors.single import SingleModel


def _joined(tables: Mapping[str, pa.Table]) -> pa.Table:
    """Return the joined table of the movies that the joint model speaks about."""
    spoken = [tables[name]["movie_id"].to_numpy() for name in joint.HEARD]
    return joint.joined(np.unique(np.concatenate(spoken)), tables)


def alone(p: Floats, logits: Mapping[str, Logits], present: Mapping[str, Bools]) -> Floats:
    """Return the fused probabilities, save for movies with one modality, which keep its own opinion.

    So the combined model is never below the only one that a movie has. `logits` are calibrated.
    """
    own = [name for name in MODALITIES if name in present]
    single = np.stack([present[name] for name in own]).sum(axis=0) == 1
    out = p.copy()
    for name in own:
        rows = single & present[name]
        out[rows] = Calibration.identity(p.shape[1]).probabilities(logits[name][rows])
    return out


@dataclass(frozen=True)
class CombinedModel:
    """Carries its own copies of the single models, so that no later champion changes what it says."""

    parts: Mapping[str, SingleModel]
    fusion: Fusion
    calibration: Calibration
    decisions: Decisions

    def probabilities(
        self, movie_ids: Ids, tables: Mapping[str, pa.Table], known: Mapping[str, Logits] | None = None
    ) -> Floats:
        """Return `(n, n_genres) float32` for sorted `movie_ids`, from whatever views' rows each has.

        `known` may bring the calibrated logits of parts that were computed already, one row per row of the
        view's table.
        """
        logits: dict[str, Logits] = {}
        present: dict[str, Bools] = {}
        for modality in self.fusion.modalities:
            presence, spread = (
                np.zeros(len(movie_ids), bool),
                np.zeros((len(movie_ids), len(self.fusion.prior))),
            )
            table = _joined(tables) if modality == joint.NAME else tables.get(modality)
            if table is not None and table.num_rows:
                part_logits = (known or {}).get(modality)
                part_logits = self.parts[modality].logits(table) if part_logits is None else part_logits
                at, matches = positions(table["movie_id"].to_numpy(), movie_ids)
                presence[at[matches]] = True
                spread[at[matches]] = part_logits[matches]
            logits[modality], present[modality] = spread, presence
        fused = self.calibration.probabilities(self.fusion.logits(self.fusion.opinions(logits, present)))
        return alone(fused, logits, present)

    def save(self, directory: Path) -> None:
        """Write `fusion.safetensors`, `combined.json`, `decisions.json` and a directory per part."""
        directory.mkdir(parents=True)
        for modality, part in self.parts.items():
            part.save(directory / modality)
        write_tensors(directory / "fusion.safetensors", {**self.fusion.weights, "prior": self.fusion.prior})
        write_json(
            directory / "combined.json",
            {"modalities": self.fusion.modalities, "calibration": self.calibration.as_json()},
        )
        write_json(directory / "decisions.json", self.decisions.as_json())

    @classmethod
    def load(cls, directory: Path, *, threads: int = 2) -> "CombinedModel":
        """Return the model that `save` wrote."""
        about = read_json(directory / "combined.json")
        weights = read_tensors(directory / "fusion.safetensors")
        prior = weights.pop("prior")
        names = tuple(about["modalities"])
        parts = {name: SingleModel.load(name, directory / name, threads=threads) for name in names}
        return cls(
            parts,
            Fusion(names, prior, weights),
            Calibration.from_json(about["calibration"]),
            Decisions.from_json(read_json(directory / "decisions.json")),
        )
