"""Training sets that see only what was true, and known, at the asked time."""

# ruff: noqa: S608 — names are the views' own constants, identifiers are quoted, values are bound

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.errors import SpineError
from features.view import FeatureView
from warehouse.identifiers import quote
from warehouse.schema import feature_table
from warehouse.warehouse import Warehouse

_TIME = pa.timestamp("us", tz="UTC")
_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
_ROW = "__row"


@dataclass(frozen=True)
class TrainingSet:
    """Features for the rows of a spine, in the spine's order.

    `table` holds the spine's columns, and for each view `<view>__present` (bool, never null: whether the
    movie had the modality at that time) and `<view>__<column>`, null where it had not.
    """

    table: pa.Table
    versions: Mapping[str, str]
    """The version of each view by its name."""
    snapshot_id: int
    """The warehouse snapshot that was read."""

    def view(self, name: str) -> pa.Table:
        """The columns of one view by their own names, with `present`."""
        prefix = f"{name}__"
        found = [column for column in self.table.column_names if column.startswith(prefix)]
        return self.table.select(found).rename_columns([column.removeprefix(prefix) for column in found])


def training_set(
    wh: Warehouse,
    spine: pa.Table,
    views: Iterable[FeatureView] | Mapping[str, FeatureView],
    as_of: datetime | None = None,
) -> TrainingSet:
    """What the views said of the spine's movies as of a time: the latest row that was true and known by then.

    `spine` has `movie_id` and, optionally, `as_of` (a timestamp with its zone): the time of each row, both
    ends included. The argument `as_of` is the time for rows without one; None means now, with everything that
    is known. A movie may occur any number of times; one that a view does not know gets nulls. Raises
    SpineError.
    """
    chosen = list(views.values() if isinstance(views, Mapping) else views)
    asked = _spine(spine, as_of)
    wh.declare(*(feature_table(view.name, view.comment, view.columns) for view in chosen))
    with wh.transaction() as tx:
        tx.register("spine", asked)
        snapshot = int(tx.scalar("SELECT id FROM lake.current_snapshot()"))
        found = [tx.query(as_of_sql(view), {"version": view.version}) for view in chosen]
    table = spine
    for view, features in zip(chosen, found, strict=True):
        rows = np.empty(asked.num_rows, dtype=np.int64)
        rows[features[_ROW].to_numpy()] = np.arange(asked.num_rows)
        features = features.take(pa.array(rows))
        table = table.append_column(f"{view.name}__present", pc.fill_null(features["present"], False))
        for column in view.columns:
            table = table.append_column(f"{view.name}__{column.name}", features[column.name])
    return TrainingSet(table, {view.name: view.version for view in chosen}, snapshot)


def as_of_sql(view: FeatureView) -> str:
    """The SQL of the as-of join of one view to the relation `spine(__row, movie_id, as_of)`; binds
    `$version`.

    A row can be seen from the later of its two times on. Of the rows that can be seen, the one with the
    greatest (event_time, known_time) holds; a row that is already superseded when it can first be seen (a
    correction of the past that came late) never holds, and is left out. Those that are left hold one after
    the other, so that the join needs one inequality.
    """
    columns = ", ".join(
        f"CASE WHEN held.present THEN held.{quote(c.name)} END AS {quote(c.name)}" for c in view.columns
    )
    return f"""
        WITH rows AS (
            SELECT *, greatest(event_time, known_time) AS visible
            FROM features.{quote(view.name)} WHERE view_version = $version
        ), kept AS (
            SELECT movie_id, event_time, known_time, visible FROM rows
            QUALIFY (event_time, known_time) = max((event_time, known_time)) OVER (
                PARTITION BY movie_id ORDER BY visible, event_time, known_time
            )
        ), last AS (
            SELECT movie_id, visible, max(struct_pack(event := event_time, known := known_time)) AS times
            FROM kept GROUP BY movie_id, visible
        ), joined AS (
            SELECT {_ROW}, movie_id, times.event AS event_time, times.known AS known_time
            FROM (SELECT {_ROW}, movie_id, as_of AS visible FROM spine)
            ASOF LEFT JOIN last USING (movie_id, visible)
        )
        SELECT joined.{_ROW}, held.present, {columns}
        FROM joined LEFT JOIN rows AS held USING (movie_id, event_time, known_time)
    """


def _spine(spine: pa.Table, as_of: datetime | None) -> pa.Table:
    """`__row`, `movie_id` and `as_of` of a spine."""
    if "movie_id" not in spine.column_names:
        raise SpineError(f"a spine needs the column movie_id; this one has {spine.column_names}")
    if not pa.types.is_integer(spine.schema.field("movie_id").type):
        raise SpineError(f"movie_id is {spine.schema.field('movie_id').type} in the spine, not an integer")
    if as_of is not None and as_of.tzinfo is None:
        raise SpineError(f"as_of {as_of} has no time zone")
    default = pa.scalar(as_of or _END_OF_TIME, _TIME)
    if "as_of" in spine.column_names:
        given = spine.schema.field("as_of").type
        if not (pa.types.is_timestamp(given) and given.tz):
            raise SpineError(f"as_of is {given} in the spine, not a timestamp with its time zone")
        times = pc.fill_null(spine["as_of"].cast(_TIME), default)
    else:
        times = pa.chunked_array([pa.repeat(default, spine.num_rows)])
    return pa.table(
        {
            _ROW: pa.array(np.arange(spine.num_rows, dtype=np.int64)),
            "movie_id": spine["movie_id"].cast(pa.int64()),
            "as_of": times,
        }
    )
