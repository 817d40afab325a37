"""Training sets that see only what was true, and known, at the asked time."""

# ruff: noqa: S608 — names are the views' own constants, identifiers are quoted, values are bound

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from textwrap import dedent

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.asof import held
from features.cores import spreading
from features.errors import SpineError
from features.spines import Spine, spine_of
from features.view import FeatureView, declare_table
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import quote
from warehouse.reading import Reading
from warehouse.warehouse import Warehouse

ROWS_A_QUESTION = 2
"""A view of up to so many rows for each row of the spine is read whole and joined in memory, which is faster;
a larger one is joined by DuckDB, which may spill to disk."""

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
        """Return the columns of one view by their own names, with `present`."""
        prefix = f"{name}__"
        names = [column for column in self.table.column_names if column.startswith(prefix)]
        return self.table.select(names).rename_columns([column.removeprefix(prefix) for column in names])


def training_set(
    warehouse: Warehouse,
    spine: Spine,
    views: Iterable[FeatureView] | Mapping[str, FeatureView],
    as_of: datetime | None = None,
    *,
    known_by: datetime | None = None,
    label_set: str | None = None,
) -> TrainingSet:
    """Return the latest rows of the views for the spine's movies that were true and known at a time.

    It builds no view: `build_view` does.

    Args:
        warehouse: The warehouse.
        spine: A table or frame, a SELECT, a range of release days (`Released`) or movie ids. A table has
            `movie_id` and may have `as_of` (a timestamp with its zone), the time of each row. A movie may
            occur any number of times.
        views: The views to read, or a mapping of them by name.
        as_of: The time for rows without one, with its zone. That moment itself is included. None means
            everything that is known.
        known_by: Leaves out what was learnt later, for all rows. With the `known_by` of an earlier set, the
            same spine gives the same values.
        label_set: `movielens`, `tmdb` or `imdb`. The rows then get their `bucket` of the split and their
            `genres`, as `spine_of` says.

    Returns:
        One row for each row of the spine, in its order. A movie gets nulls from a view that does not know it.

    Raises:
        SpineError: The spine lacks `movie_id`, a column has the wrong type, `as_of` has no time zone, or no
            movie of the spine has genres in the label set.

    Example:
        >>> from features import view_named
        >>> tags = view_named(settings, "tags")
        >>> made = training_set(warehouse, [1, 2, 3], [tags], label_set="movielens")
        >>> made.table.select(["movie_id", "bucket", "genres", "tags__tags"]).to_pylist()[0]
        {'movie_id': 1, 'bucket': 2, 'genres': ['Crime'], 'tags__tags': ['heist', 'los angeles']}
        >>> before = training_set(warehouse, [1, 2, 3], [tags], datetime(2023, 12, 31, tzinfo=UTC))
        >>> before.view("tags")["present"].to_pylist()  # nothing was known on that day
        [False, False, False]
    """
    view_list = list(views.values() if isinstance(views, Mapping) else views)
    spine = spine_of(warehouse, spine, label_set)
    questions = _spine(spine, as_of)
    for view in view_list:
        declare_table(warehouse, view)

    def read(reading: Reading) -> tuple[int, datetime, list[list[pa.ChunkedArray]]]:
        snapshot = int(reading.scalar("SELECT id FROM lake.current_snapshot()"))
        sql = "SELECT max(known_time) AS last, count(*) AS rows FROM features.{}"
        stored = [reading.query(sql.format(quote(view.name))).to_pylist()[0] for view in view_list]
        by = known_by or max([warehouse.clock(), *(each["last"] for each in stored if each["rows"])])
        return (
            snapshot,
            by,
            [
                _joined(reading, view, questions, by, each["rows"])
                for view, each in zip(view_list, stored, strict=True)
            ],
        )

    snapshot, known_by, columns = warehouse.read(read)
    table = spine
    for view, ordered in zip(view_list, columns, strict=True):
        names = ["present", *(column.name for column in view.columns)]
        for name, values in zip(names, ordered, strict=True):
            table = table.append_column(f"{view.name}__{name}", values)
    return TrainingSet(table, {view.name: view.version for view in view_list}, snapshot, as_of, known_by)


def _joined(
    reading: Reading, view: FeatureView, questions: pa.Table, by: datetime, stored: int
) -> list[pa.ChunkedArray]:
    """Return `present` and the columns of a view with `stored` rows, in the spine's order."""
    bound = {"version": view.version, "known_by": by}
    names = [column.name for column in view.columns]
    if stored > ROWS_A_QUESTION * questions.num_rows:
        values = reading.query(as_of_sql(view), bound, {"spine": questions})
        places = np.argsort(values[_ROW].to_numpy())
        return _taken(values, ["present", *names], places, np.ones(len(places), dtype=bool))
    rows = f"FROM features.{quote(view.name)} WHERE view_version = $version AND known_time <= $known_by"
    keys = reading.query(f"SELECT rowid, movie_id, event_time, known_time, present {rows}", bound)
    with ThreadPoolExecutor(1) as pool:  # the values are read while the rows are looked for
        value_rows = pool.submit(reading.query, f"SELECT rowid, {column_list(names)} {rows}", bound)
        times = (_numbers(keys["event_time"]), _numbers(keys["known_time"]))
        places = held(
            keys["movie_id"].to_numpy(),
            *times,
            questions["movie_id"].to_numpy(),
            _numbers(questions["as_of"]),
        )
        values = value_rows.result()
    present = np.append(keys["present"].to_numpy(), False)[places]  # where no row holds, the last
    places = _moved(places, keys["rowid"].to_numpy(), values["rowid"].to_numpy())
    return [pa.chunked_array([present]), *_taken(values, names, places, present)]


def as_of_sql(view: FeatureView) -> str:
    """Return the SQL of the as-of join of one view to the relation `spine(__row, movie_id, as_of)`.

    It binds `$version` and `$known_by`. Of the rows whose two times have both come, the one with the greatest
    (event_time, known_time) holds: each row of the spine looks at the movie's whole history. (DuckDB's ASOF
    join knows one time only, and turns into a nested loop where it thinks that the spine is small.)
    """
    columns = column_list((column.name for column in view.columns), prefix="held")
    return f"""
        WITH rows AS NOT MATERIALIZED (
            SELECT *, {_PAIR} AS pair FROM features.{quote(view.name)}
            WHERE view_version = $version AND known_time <= $known_by
        ),
        found AS (
            SELECT spine.{_ROW}, spine.movie_id, latest.pair
            FROM spine LEFT JOIN (
                SELECT {_ROW}, max(pair) AS pair
                FROM spine JOIN rows USING (movie_id)
                WHERE event_time <= as_of AND known_time <= as_of
                GROUP BY {_ROW}
            ) AS latest USING ({_ROW})
        )
        SELECT {_ROW}, held.present IS NOT NULL AS present, {columns}
        FROM found LEFT JOIN (FROM rows WHERE present) AS held USING (movie_id, pair)
    """


def _moved(
    places: npt.NDArray[np.int64], ids: npt.NDArray[np.int64], read: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """Return places among `ids` as places among `read`: the same rows, perhaps in another order."""
    if np.array_equal(ids, read):
        return places
    order = np.argsort(read)
    return order[np.searchsorted(read, ids, sorter=order)][places]


def _numbers(times: pa.ChunkedArray) -> npt.NDArray[np.int64]:
    microseconds: npt.NDArray[np.int64] = times.cast(pa.int64()).to_numpy()
    return microseconds


def _taken(
    table: pa.Table, names: Iterable[str], places: npt.NDArray[np.int64], present: npt.NDArray[np.bool_]
) -> list[pa.ChunkedArray]:
    """Return the rows of a table at these places, column by column, null where they are not `present`."""
    rows, valid = pa.array(places, mask=~present), pa.array(present)
    full = pc.fill_null(rows, 0)

    def take(name: str) -> pa.ChunkedArray:
        column = table[name]
        if not table.num_rows or not rows.null_count or not pa.types.is_primitive(column.type):
            return column.take(rows)
        # Arrow takes rows of numbers twice as fast where no place is null.
        return pc.if_else(valid, column.take(full), pa.scalar(None, column.type))

    with spreading() as spread:  # Arrow takes rows of one column on one core
        return spread(take, names)


def _spine(spine: pa.Table, as_of: datetime | None) -> pa.Table:
    """Return `__row`, `movie_id` and `as_of` of a spine; raise SpineError for other types."""
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
    """Return the SQL of what `training_set` finds for each view, with named parameters, to read or to paste.

    A view that is small beside the spine is joined in memory instead, with the same outcome.
    """
    view_list = views.values() if isinstance(views, Mapping) else views
    return "\n".join(
        f"-- {view.name}, $version = '{view.version}'\n{dedent(as_of_sql(view))}" for view in view_list
    )
