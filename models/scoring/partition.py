"""One partition of scoring: the champions' opinions on some movies, from the views' rows alone.

Whoever computes it needs the code and the models' files, neither the lake nor its keys. So it may be another
process, on another machine, and the opinions are the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.labels import Floats, Ids, positions
from models.modalities.base import Logits
from models.predictors.apply import load_model
from models.predictors.combined import CombinedModel
from models.predictors.single import SingleModel
from models.registry import Entry
from models.settings import ModelSettings

Models = Mapping[str, SingleModel | CombinedModel]
Opinions = dict[str, tuple[npt.NDArray[np.intp], Floats]]
"""By model: where the movies stand in the partition's `wanted`, and their `(n, n_genres)` probabilities."""

_ONE_AT_A_TIME = Lock()
_kept: tuple[tuple[str, ...], Models] = ((), {})  # the artefacts' hashes, and what was loaded from them


@dataclass(frozen=True)
class Partition:
    """What there is to say about some movies.

    `wanted`: by model, in the order in which they are asked, the sorted movies to score. `tables`: by
    modality, the views' rows. `shared`: modalities whose champion is the very part of the combined model.
    """

    wanted: Mapping[str, Ids]
    tables: Mapping[str, pa.Table]
    shared: frozenset[str]


def opinions(models: Models, partition: Partition) -> Opinions:
    """Return what each model says of the movies that it is wanted for."""
    part_logits: dict[str, Logits] = {}
    answers: Opinions = {}
    for name, wanted in partition.wanted.items():
        model = models[name]
        if isinstance(model, CombinedModel):
            tables = {part: partition.tables[part] for part in model.parts if part in partition.tables}
            answers[name] = np.arange(len(wanted)), model.probabilities(wanted, tables, part_logits)
            continue
        table = partition.tables[model.modality]
        if model.modality in partition.shared and "combined" in partition.wanted:
            logits = model.model.logits(table)
            part_logits[model.modality] = model.calibration.logits(logits)
            p = model.calibration.probabilities(logits)
        else:
            p = model.probabilities(table)
        at, matches = positions(wanted, table["movie_id"].to_numpy())
        answers[name] = np.flatnonzero(matches), p[at[matches]]
    return answers


def opinions_there(settings: ModelSettings, entries: Mapping[str, Entry], partition: Partition) -> Opinions:
    """Return what `opinions` returns, in a process that was sent the partition and finds the files itself.

    The models stay loaded for the next partition. DamagedModel where `settings.model_dir` does not have the
    very files that were registered.
    """
    global _kept
    with _ONE_AT_A_TIME:
        hashes = tuple(entry.artefact_sha256 for entry in entries.values())
        if _kept[0] != hashes:
            _kept = hashes, {name: load_model(settings, entry) for name, entry in entries.items()}
        return opinions(_kept[1], partition)
