"""The rows of a training set, from whatever names movies: ids, SQL, a range of release days, a frame."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Protocol, TypeAlias, runtime_checkable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import SpineError
from warehouse.live import LIVE_MOVIES
from warehouse.sql import open_read_only
from warehouse.warehouse import Warehouse


@runtime_checkable
class Frame(Protocol):
    """A table of any library that speaks Arrow's C interface: pandas, polars, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """Return the table as a capsule of the Arrow C stream interface."""


@dataclass(frozen=True)
class Released:
    """Live movies released on `first` or later and before `end`; None is no limit."""

    first: date | None = None
    end: date | None = None


Spine: TypeAlias = pa.Table | Frame | str | Released | Iterable[int]
"""A table or frame with `movie_id`, a SELECT that gives one, a range of release days, or movie ids."""

_RELEASED = f"""
    SELECT movie_id FROM {LIVE_MOVIES}
    WHERE ($first IS NULL OR release_date >= $first) AND ($end IS NULL OR release_date < $end)
    ORDER BY movie_id
"""
_SPLIT = "SELECT movie_id, bucket FROM core.movies"
_GENRES = """
    SELECT movie_id, list(genre ORDER BY genre) AS genres FROM core.movie_genres WHERE source = $source
    GROUP BY movie_id
"""


def spine_of(warehouse: Warehouse, definition: Spine, label_set: str | None = None) -> pa.Table:
    """Return the spine that `definition` names.

    With a `label_set` (movielens, tmdb, imdb) it needs `movie_id` and gets `bucket` (0 test, 1 validation,
    else training) and `genres` (VARCHAR[], those of the source now; null for an unlabelled movie). Raises
    SpineError.
    """
    spine = _table(warehouse, definition)
    if label_set is None:
        return spine
    if "movie_id" not in spine.column_names:
        raise SpineError(f"a spine needs the column movie_id; this one has {spine.column_names}")
    for name, sql, values in (("bucket", _SPLIT, {}), ("genres", _GENRES, {"source": label_set})):
        if name in spine.column_names:
            raise SpineError(f"the spine has a column {name} already: leave it out, or ask for no label set")
        known = warehouse.query(sql, values)
        at = pc.index_in(spine["movie_id"].cast(pa.int64()), known["movie_id"].combine_chunks())
        spine = spine.append_column(name, known[name].take(at))
    if spine["genres"].null_count == spine.num_rows > 0:
        raise SpineError(f"no movie of the spine has genres at {label_set}: is it movielens, tmdb or imdb?")
    return spine


def _table(warehouse: Warehouse, definition: Spine) -> pa.Table:
    if isinstance(definition, pa.Table):
        return definition
    if isinstance(definition, str):
        with open_read_only(warehouse.location) as connection:
            return connection.execute(definition).to_arrow_table()
    if isinstance(definition, Released):
        return warehouse.query(_RELEASED, {"first": definition.first, "end": definition.end})
    if isinstance(definition, Frame):
        return pa.table(definition)
    ids = definition if isinstance(definition, np.ndarray) else list(definition)
    try:
        return pa.table({"movie_id": pa.array(ids, pa.int64())})
    except (pa.ArrowInvalid, pa.ArrowTypeError, TypeError) as error:
        raise SpineError(f"movie ids are integers, and these are not: {error}") from None
