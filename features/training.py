"""Training sets that see only what was true, and known, at the asked time."""

# ruff: noqa: S608 — names are the views' own constants, identifiers are quoted, values are bound

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from textwrap import dedent

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.cores import spreading
from features.errors import SpineError
from features.spines import Spine, spine_of
from features.view import FeatureView, declare_table
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import quote
from warehouse.transaction import Transaction
from warehouse.warehouse import Warehouse

MANY_QUESTIONS = 16
"""A movie that occurs in a spine more often than this makes the join sweep instead of look up."""

_TIME = pa.timestamp("us", tz="UTC")
_END_OF_TIME = datetime(9999, 12, 31, tzinfo=UTC)
_ROW = "__row"
# (event_time, known_time) as one number in the same order: comparing structs takes twice as long.
_PAIR = "epoch_us(event_time)::HUGEINT * 9223372036854775808 + epoch_us(known_time)"


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
    as_of: datetime | None
    """The time of the rows without one of their own, as it was asked for."""
    known_by: datetime
    """Nothing that was learnt after this time is in the set."""

    @property
    def feature_names(self) -> list[str]:
        """The columns of `table` that come from views, in order."""
        prefixes = tuple(f"{view}__" for view in self.versions)
        return [name for name in self.table.column_names if name.startswith(prefixes)]

    def view(self, name: str) -> pa.Table:
        """The columns of one view by their own names, with `present`."""
        prefix = f"{name}__"
        found = [column for column in self.table.column_names if column.startswith(prefix)]
        return self.table.select(found).rename_columns([column.removeprefix(prefix) for column in found])


def training_set(
    wh: Warehouse,
    spine: Spine,
    views: Iterable[FeatureView] | Mapping[str, FeatureView],
    as_of: datetime | None = None,
    *,
    known_by: datetime | None = None,
    label_set: str | None = None,
) -> TrainingSet:
    """What the views said of the spine's movies as of a time: the latest row that was true and known by then.

    `spine` is a table or frame, a SELECT, a range of release days (`Released`) or movie ids. It has
    `movie_id` and, optionally, `as_of` (a timestamp with its zone): the time of each row, both ends included.
    The argument `as_of` is the time for rows without one; None means everything that is known. With a
    `label_set` the rows get their `bucket` of the split and their `genres` too, as `spine_of` says.
    `known_by` leaves out whatever was learnt later, for all rows: with the `known_by` of an earlier set, the
    same spine gives the same values. A movie may occur any number of times; one that a view does not know
    gets nulls. Raises SpineError.
    """
    chosen = list(views.values() if isinstance(views, Mapping) else views)
    spine = spine_of(wh, spine, label_set)
    asked = _spine(spine, as_of)
    for view in chosen:
        declare_table(wh, view)
    sweep = _repeats(asked["movie_id"]) > MANY_QUESTIONS

    def ask(tx: Transaction) -> tuple[int, datetime, list[pa.Table]]:
        tx.register("spine", asked)
        snapshot = int(tx.scalar("SELECT id FROM lake.current_snapshot()"))
        by = known_by
        if by is None:
            last = [tx.scalar(f"SELECT max(known_time) FROM features.{quote(view.name)}") for view in chosen]
            by = max([wh.clock(), *(time for time in last if time)])
        found = [
            tx.query(as_of_sql(view, sweep=sweep), {"version": view.version, "known_by": by})
            for view in chosen
        ]
        return snapshot, by, found

    snapshot, known_by, found = wh.commit(ask)
    table = spine
    for view, features in zip(chosen, found, strict=True):
        rows = np.empty(asked.num_rows, dtype=np.int64)
        rows[features[_ROW].to_numpy()] = np.arange(asked.num_rows)
        names = ["present", *(column.name for column in view.columns)]
        with spreading() as spread:  # Arrow takes rows of one column on one core
            ordered = spread(partial(_taken, features, pa.array(rows)), names)
        for name, values in zip(names, ordered, strict=True):
            table = table.append_column(f"{view.name}__{name}", values)
    return TrainingSet(table, {view.name: view.version for view in chosen}, snapshot, as_of, known_by)


def as_of_sql(view: FeatureView, *, sweep: bool = False) -> str:
    """The SQL of the as-of join of one view to the relation `spine(__row, movie_id, as_of)`; binds
    `$version` and `$known_by`.

    Of the rows whose two times have both come, the one with the greatest (event_time, known_time) holds.
    There are two ways to find it. Where a movie occurs a few times in the spine, each occurrence looks at the
    movie's whole history. With ``sweep=True``, rows and occurrences are put in order of time, movie by movie,
    and a running maximum says at each occurrence which row holds: twice the work, but no more for a movie
    that occurs a thousand times. (DuckDB's ASOF join knows one time only, and turns into a nested loop where
    it thinks that the spine is small.)
    """
    rows = f"""
        SELECT *, {_PAIR} AS pair FROM features.{quote(view.name)}
        WHERE view_version = $version AND known_time <= $known_by
    """
    columns = column_list((column.name for column in view.columns), prefix="held")
    return f"""
        WITH rows AS NOT MATERIALIZED ({rows}),
        found AS ({_swept() if sweep else _looked_up()})
        SELECT {_ROW}, held.present IS NOT NULL AS present, {columns}
        FROM found LEFT JOIN (FROM rows WHERE present) AS held USING (movie_id, pair)
    """


def _looked_up() -> str:
    return f"""
        SELECT spine.{_ROW}, spine.movie_id, latest.pair
        FROM spine LEFT JOIN (
            SELECT {_ROW}, max(pair) AS pair
            FROM spine JOIN rows USING (movie_id)
            WHERE event_time <= as_of AND known_time <= as_of
            GROUP BY {_ROW}
        ) AS latest USING ({_ROW})
    """


def _swept() -> str:
    return f"""
        SELECT {_ROW}, movie_id, pair FROM (
            SELECT {_ROW}, movie_id, asks,
                   max(pair) OVER (PARTITION BY movie_id ORDER BY moment, asks) AS pair
            FROM (
                SELECT movie_id, greatest(event_time, known_time) AS moment, 0 AS asks,
                       NULL::BIGINT AS {_ROW}, pair
                FROM rows
                UNION ALL SELECT movie_id, as_of, 1, {_ROW}, NULL FROM spine
            )
        ) WHERE asks = 1
    """


def _taken(table: pa.Table, rows: pa.Array, name: str) -> pa.ChunkedArray:
    return table[name].take(rows)


def _repeats(movies: pa.ChunkedArray) -> int:
    """How often the movie that occurs most often does."""
    return int(pc.max(pc.value_counts(movies).field("counts")).as_py() or 0)


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


def explain(views: Iterable[FeatureView] | Mapping[str, FeatureView]) -> str:
    """The SQL that `training_set` runs for each view, with its parameters named, as text to read or to
    paste."""
    chosen = views.values() if isinstance(views, Mapping) else views
    return "\n".join(
        f"-- {view.name}, $version = '{view.version}'\n{dedent(as_of_sql(view))}" for view in chosen
    )
