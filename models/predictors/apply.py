"""Registered models, loaded and applied."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models import registry
from models.labels import Ids, positions
from models.predictors.combined import CombinedModel
from models.predictors.single import SingleModel
from models.registry import Entry
from models.settings import ModelSettings


def load_model(settings: ModelSettings, entry: Entry) -> SingleModel | CombinedModel:
    """Return the model of an entry.

    Its files are checked against the registered hash; DamagedModel where they do not have it.
    """
    directory = registry.verified(settings.model_dir, entry)
    if entry.model == "combined":
        return CombinedModel.load(directory, threads=settings.threads)
    return SingleModel.load(entry.model, directory, threads=settings.threads)


def probabilities_of(
    model: SingleModel | CombinedModel, movie_ids: Ids, tables: Mapping[str, pa.Table]
) -> npt.NDArray[np.float64]:
    """Return `(n, n_genres)` for sorted movies; NaN for those that have none of the model's modalities."""
    if isinstance(model, CombinedModel):
        p = model.probabilities(movie_ids, tables).astype(np.float64)
        presence = np.zeros(len(movie_ids), bool)
        for table in tables.values():
            at, matches = positions(table["movie_id"].to_numpy(), movie_ids)
            presence[at[matches]] = True
        p[~presence] = np.nan
        return p
    table = tables[model.modality]
    scores = model.probabilities(table)
    out = np.full((len(movie_ids), scores.shape[1]), np.nan)
    at, matches = positions(table["movie_id"].to_numpy(), movie_ids)
    out[at[matches]] = scores[matches]
    return out
