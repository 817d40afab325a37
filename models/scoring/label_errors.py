"""Labels that are most likely wrong or missing in a source: where models that had not seen them disagree.

Each labelled movie was judged by a fusion that had learnt from other movies (out of fold). A genre that it
gives a high probability and the source does not list may be missing; one that it gives a low probability and
the source lists may be wrong. This is what confident learning ranks by (Northcutt et al. 2021).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models import registry
from models.decimals import shortest
from models.errors import NoModel
from models.files import read_tensors
from models.labels import Bools, Floats, Ids, Labels, LabelSet, label_matrix, positions
from models.labels import label_set as label_set_named
from models.settings import ModelSettings
from warehouse import Warehouse

HONEST = "honest.safetensors"
"""The file of an artefact with the probabilities of movies that were not learnt from."""
_GENRES = "SELECT movie_id, source, genre FROM core.movie_genres WHERE source = ?"
_TITLES = "SELECT movie_id, title, year, imdb_id FROM core.movies WHERE list_contains(?, movie_id)"


MOST = 2_000
"""So many of a version's most doubtful labels are kept in `predictions.doubted`."""


@dataclass(frozen=True)
class Doubts:
    """Labels in order of doubt, the most doubtful first: movies, columns of the label set, whether the source
    gives the genre, and the model's probability."""

    movie_ids: Ids
    columns: npt.NDArray[np.intp]
    given: Bools
    probability: npt.NDArray[np.float64]


def doubts(
    ids: Ids, p: npt.NDArray[np.float64], labels: Labels, limit: int, kind: str | None = None
) -> Doubts:
    """Return the most doubtful labels of the movies, whose honest probabilities are `p` `(n, n_genres)`.

    With `kind` only those that are ``missing`` or only those that are ``wrong``.
    """
    given = labels.y > 0
    doubt = np.where(given, 1 - p, p)
    doubt[~labels.known] = -1
    if kind is not None:
        doubt[given != (kind == "wrong")] = -1
    order = np.argsort(-doubt, axis=None, kind="stable")[:limit]
    row, column = np.unravel_index(order, doubt.shape)
    kept = doubt[row, column] >= 0
    row, column = row[kept], column[kept]
    return Doubts(ids[row], column, given[row, column], p[row, column])


def record(warehouse: Warehouse, labels: LabelSet, version: str, ids: Ids, p: Floats) -> None:
    """Put the most doubtful labels of a combined model's version into `predictions.doubted`."""
    matrix = label_matrix(warehouse.query(_GENRES, [labels.source]), ids, labels)
    ranking = doubts(ids, shortest(p), matrix, MOST)
    rows = pa.table(
        {
            "movie_id": ranking.movie_ids,
            "genre": [labels.genres[i] for i in ranking.columns],
            "probability": ranking.probability,
            "given": ranking.given,
        }
    )
    whose = {"label_set": labels.name, "model_version": version}
    warehouse.commit(lambda tx: tx.replace("predictions.doubted", rows, whose, constants=whose))


def suspects(
    warehouse: Warehouse, settings: ModelSettings, *, label_set: str, limit: int = 50, kind: str | None = None
) -> pa.Table:
    """Return the most doubtful labels: movie_id, title, year, imdb_id, genre, kind, probability.

    `kind` is ``missing`` or ``wrong``; most doubtful first, of one `kind` only where that is
    given. NoModel where the combined model has no champion.
    """
    labels = label_set_named(label_set)
    entry = registry.champion(warehouse, labels.name, "combined")
    if entry is None:
        raise NoModel(f"{label_set} combined has no champion: run `reelhouse train` first")
    stored = read_tensors(registry.verified(settings.model_dir, entry) / HONEST)
    ids, p = stored["movie_ids"].astype(np.int64), stored["probabilities"].astype(np.float64)
    matrix = label_matrix(warehouse.query(_GENRES, [labels.source]), ids, labels)
    ranking = doubts(ids, p, matrix, limit, kind)
    titles = warehouse.query(_TITLES, [ranking.movie_ids.tolist()]).sort_by("movie_id")
    at, matches = positions(ranking.movie_ids, titles["movie_id"].to_numpy())
    movies = titles.take(pa.array(at, mask=~matches)) if titles.num_rows else titles
    return pa.table(
        {
            "movie_id": ranking.movie_ids,
            "title": movies["title"],
            "year": movies["year"],
            "imdb_id": movies["imdb_id"],
            "genre": [labels.genres[i] for i in ranking.columns],
            "kind": np.where(ranking.given, "wrong", "missing").tolist(),
            "probability": ranking.probability,
        }
    )
