"""The lake's past: which snapshots it keeps, and what changed between two of them."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import duckdb
import pyarrow as pa

from warehouse.connection import attach, connect
from warehouse.errors import QueryFailed
from warehouse.failures import reported
from warehouse.file_catalogue import FileCatalogue
from warehouse.identifiers import literal, qualified, quote
from warehouse.location import Location
from warehouse.presence import require

_EARLIER, _LATER = "earlier", "later"
_HAS_MOVIES = "FROM duckdb_views() WHERE database_name = ? AND view_name = 'current'"
_SLACK = timedelta(minutes=5)
"""How far the clock of the machine that asks may be behind that of the one that writes."""
_COUNTS = pa.schema({"table_name": pa.string(), "inserted": pa.int64(), "deleted": pa.int64()})
# What the pipeline notes about a row, rather than what a source says about a movie.
_BOOKKEEPING = (
    "movie_id",
    "row_hash",
    "event_time",
    "known_time",
    "batch_id",
    "split_key",
    "bucket",
    "sources",
)


def parse_as_of(text: str, now: datetime | None = None) -> int | datetime:
    """Return a snapshot's number, or a time (UTC where the text names no zone; a date is its first moment).

    `now`, `today` and `yesterday` are times too: the last two mean the first moment of that day in UTC.

    >>> parse_as_of("17")
    17
    >>> parse_as_of("2026-11-20 08:00")
    datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)
    """
    value = text.strip().lower()
    if value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    now = now or datetime.now(UTC)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if value in words:
        return words[value]
    try:
        # Digits alone would be read as a date without its dashes.
        time = datetime.fromisoformat(text.strip() if not value.isdigit() else "")
    except ValueError:
        raise QueryFailed(
            f"not a snapshot or a time: {text!r}; write a snapshot's number like 17, a time like "
            "2026-11-20T08:00, or yesterday"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def resolve(location: Location, as_of: int | datetime) -> int:
    """Return the number of a snapshot that the lake keeps: that one, or the newest at that time.

    Raises QueryFailed with what the lake does keep, and for a time that is still to come.
    """
    require(location)
    if isinstance(as_of, datetime) and as_of > datetime.now(UTC) + _SLACK:
        raise QueryFailed(
            f"{as_of:%Y-%m-%d %H:%M:%S %Z} is still to come: leave the time out for the lake as it is"
        )
    with reported(location), connect(location, read_only=True) as connection:
        condition = "snapshot_id = ?" if isinstance(as_of, int) else "snapshot_time <= ?"
        row = connection.execute(
            f"SELECT max(snapshot_id) FROM lake.snapshots() WHERE {condition}", [as_of]
        ).fetchone()
        if row is None or row[0] is None:
            raise QueryFailed(f"{location} has no snapshot {_said(as_of)}: {_kept(connection, as_of)}")
    return int(row[0])


def _said(as_of: int | datetime) -> str:
    return f"{as_of}" if isinstance(as_of, int) else f"as of {as_of:%Y-%m-%d %H:%M:%S %Z}"


def _kept(connection: duckdb.DuckDBPyConnection, as_of: int | datetime) -> str:
    row = connection.execute(
        "SELECT min(snapshot_id), max(snapshot_id), min(snapshot_time), max(snapshot_time), "
        "max(snapshot_id) FILTER (WHERE snapshot_id < $wanted), "
        "min(snapshot_id) FILTER (WHERE snapshot_id > $wanted) FROM lake.snapshots()",
        {"wanted": as_of if isinstance(as_of, int) else -1},
    ).fetchone()
    if row is None or row[0] is None:
        return "it has none"
    span = f"it keeps {row[0]} ({row[2]:%Y-%m-%d %H:%M:%S}) to {row[1]} ({row[3]:%Y-%m-%d %H:%M:%S} UTC)"
    between = isinstance(as_of, int) and None not in row[4:]
    return f"{span}, of which {row[4]} is the last before it and {row[5]} the next after" if between else span


@dataclass(frozen=True)
class Diff:
    """What changed from snapshot `earlier` to snapshot `later`."""

    earlier: int
    later: int
    earlier_time: datetime
    later_time: datetime
    """When the snapshots were taken."""
    tables: pa.Table
    """table_name, inserted, deleted: rows that only the later, or only the earlier snapshot has; a row whose
    values changed is one of each."""
    movies: pa.Table
    """movie_id, title, change: added, deleted, or changed."""
    fields: pa.Table
    """movie_id, title, field, before, after: the values of changed movies, as text."""
    predictions: pa.Table
    """movie_id, title, label_set, model, genre, before, after, probability_before, probability_after: the
    champions' decisions that differ."""


def diff(location: Location, earlier: int | datetime, later: int | datetime | None = None) -> Diff:
    """Return what changed between two snapshots or times; `later` is now where it is not given.

    Raises QueryFailed where the lake does not keep them, or where they are in the wrong order.
    """
    first = resolve(location, earlier)
    with reported(location), connect(location, read_only=True) as connection:
        if later is None:
            row = connection.execute("SELECT id FROM lake.current_snapshot()").fetchone()
            last = int(row[0]) if row else first
        else:
            last = resolve(location, later)
        if first > last:
            raise QueryFailed(f"snapshot {first} is later than {last}: give the earlier one first")
        for alias, number in ((_EARLIER, first), (_LATER, last)):
            attach(connection, location, alias, read_only=True, snapshot=f"SNAPSHOT_VERSION {number:d}")
        if not connection.execute(_HAS_MOVIES, [_EARLIER]).fetchone():
            raise QueryFailed(f"snapshot {first} is from before the tables were made: take a later one")
        times = _times(connection)
        changes = _Changes(connection, FileCatalogue(location, connection), first, last)
        return Diff(
            first,
            last,
            times[first],
            times[last],
            _tables(connection, changes, first, last),
            _movies(connection, changes),
            _fields(connection),
            _predictions(connection, changes),
        )


def _times(connection: duckdb.DuckDBPyConnection) -> dict[int, datetime]:
    rows = connection.execute("SELECT snapshot_id, snapshot_time FROM lake.snapshots()").fetchall()
    return {number: time.astimezone(UTC) for number, time in rows}


class _Changes:
    """What differs between the two attached snapshots, read from the files that are not in both.

    DuckLake's own change feed is not used: it tells rows that compaction only wrote anew, some of them twice.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, files: FileCatalogue, first: int, last: int
    ) -> None:
        self._connection = connection
        self._files = files
        self._first, self._last = first, last

    def unsettled(self, alias: str, table: str, row: str) -> str:
        """Return SQL for `row` of each row of a table that is not in a file of both snapshots."""
        settled = ", ".join(literal(path) for path in self._settled(table))
        outside = f"NOT list_contains([{settled}], filename)" if settled else "true"
        return f"SELECT {row} FROM {alias}.{qualified(table)} WHERE {outside}"

    def counts(self, table: str) -> tuple[int, int]:
        """Return how many rows the later snapshot has that the earlier lacks, and the reverse.

        Rows are told apart by a hash of 64 bits of their values as text, so that a column whose type grew is
        the same; columns that only one of the snapshots has do not count.
        """
        columns = self._connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name IN (?, ?) "
            "AND schema_name || '.' || table_name = ? GROUP BY ALL HAVING count(*) = 2 ORDER BY ALL",
            [_EARLIER, _LATER, table],
        ).fetchall()
        values = ", ".join(f"CAST({quote(name)} AS VARCHAR)" for (name,) in columns)
        row = self._connection.execute(
            f"""
            SELECT coalesce(sum(net) FILTER (WHERE net > 0), 0)::BIGINT,
                   coalesce(-sum(net) FILTER (WHERE net < 0), 0)::BIGINT
            FROM (SELECT sum(sign) AS net FROM (
                      {self.unsettled(_LATER, table, f"hash({values}) AS row_values, 1 AS sign")} UNION ALL
                      {self.unsettled(_EARLIER, table, f"hash({values}), -1")}
                  ) GROUP BY row_values)
            """
        ).fetchone()
        return (int(row[0]), int(row[1])) if row else (0, 0)

    def _settled(self, table: str) -> Iterator[str]:
        """Yield the files whose rows are the same in both snapshots."""
        for file in self._files.data_files(table):
            moments = [file.partial_max or 0]
            for deletes in file.deletes:
                ended = deletes.end_snapshot or 0
                moments += [deletes.begin_snapshot, ended, deletes.partial_max or 0]
            lives = file.begin_snapshot <= self._first and (file.end_snapshot or self._last + 1) > self._last
            if lives and not any(self._first < moment <= self._last for moment in moments):
                yield file.path


def _tables(connection: duckdb.DuckDBPyConnection, changes: _Changes, first: int, last: int) -> pa.Table:
    """Count each table's new and vanished rows; a row that was only written to another file is neither."""
    tables = "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL"
    held = connection.execute(tables, [_EARLIER]).fetchall()
    counts = []
    for schema, table in connection.execute(tables, [_LATER]).fetchall() if first < last else []:
        name = f"{schema}.{table}"
        if (schema, table) in held:
            inserted, deleted = changes.counts(name)
        else:
            row = connection.execute(f"SELECT count(*) FROM {_LATER}.{qualified(name)}").fetchone()
            inserted, deleted = int(row[0]) if row else 0, 0
        if inserted or deleted:
            counts.append({"table_name": name, "inserted": inserted, "deleted": deleted})
    return pa.Table.from_pylist(counts, schema=_COUNTS)


def _movies(connection: duckdb.DuckDBPyConnection, changes: _Changes) -> pa.Table:
    """Find the movies that may have changed, and leave them in the temporary table `touched`."""
    connection.execute(f"CREATE TEMP TABLE touched AS {_ids(changes, 'core.movies')}")
    return connection.execute(
        """
        SELECT t.movie_id, coalesce(l.title, e.title) AS title,
               CASE WHEN l.movie_id IS NULL THEN 'deleted'
                    WHEN l.deleted_at IS NOT NULL AND e.deleted_at IS NULL THEN 'deleted'
                    WHEN e.movie_id IS NULL THEN 'added' ELSE 'changed' END AS change
        FROM touched t
        LEFT JOIN earlier.core.movies e USING (movie_id)
        LEFT JOIN later.core.movies l ON l.movie_id = t.movie_id
        WHERE e.row_hash IS DISTINCT FROM l.row_hash OR e.deleted_at IS DISTINCT FROM l.deleted_at
              OR e.movie_id IS NULL OR l.movie_id IS NULL
        ORDER BY change, title, t.movie_id
        """
    ).to_arrow_table()


def _ids(changes: _Changes, table: str) -> str:
    """Return SQL for the movies of the rows that may differ."""
    return " UNION ".join(changes.unsettled(alias, table, "movie_id") for alias in (_EARLIER, _LATER))


def _fields(connection: duckdb.DuckDBPyConnection) -> pa.Table:
    """Compare the touched movies field by field; what a table around them holds is one text per movie."""
    columns = [
        row[0]
        for row in connection.execute(
            "SELECT column_name FROM duckdb_columns() WHERE database_name IN (?, ?) AND schema_name = 'core' "
            "AND table_name = 'movies' GROUP BY column_name HAVING count(*) = 2 ORDER BY min(column_index)",
            [_EARLIER, _LATER],
        ).fetchall()
    ]
    compared = [name for name in columns if name not in _BOOKKEEPING]
    fields = [
        f"SELECT l.movie_id, l.title, {literal(name)} AS field, "
        f"CAST(e.{quote(name)} AS VARCHAR) AS before, CAST(l.{quote(name)} AS VARCHAR) AS after "
        "FROM earlier.core.movies e JOIN later.core.movies l USING (movie_id) JOIN touched USING (movie_id) "
        f"WHERE e.{quote(name)} IS DISTINCT FROM l.{quote(name)}"
        for name in compared
    ]
    for table, what in (("core.movie_genres", "source || ': ' || genre"), ("core.movie_keywords", "keyword")):
        held = (
            f"SELECT movie_id, string_agg({what}, ' | ' ORDER BY {what}) AS held "
            "FROM {alias}." + qualified(table) + " SEMI JOIN touched USING (movie_id) GROUP BY movie_id"
        )
        fields.append(
            f"SELECT l.movie_id, l.title, {literal(table.removeprefix('core.movie_'))}, b.held, a.held "
            "FROM later.core.movies l JOIN touched USING (movie_id) "
            "SEMI JOIN earlier.core.movies e ON e.movie_id = l.movie_id "
            f"LEFT JOIN ({held.format(alias=_EARLIER)}) b ON b.movie_id = l.movie_id "
            f"LEFT JOIN ({held.format(alias=_LATER)}) a ON a.movie_id = l.movie_id "
            "WHERE b.held IS DISTINCT FROM a.held"
        )
    return connection.execute(
        f"{' UNION ALL '.join(fields)} ORDER BY title, movie_id, field"
    ).to_arrow_table()


def _predictions(connection: duckdb.DuckDBPyConnection, changes: _Changes) -> pa.Table:
    """Compare the champions' decisions: of all movies where a champion changed, else of those scored anew."""
    row = connection.execute(_OTHER_CHAMPIONS).fetchone()
    scored = (
        "SELECT movie_id FROM earlier.predictions.scores UNION SELECT movie_id FROM later.predictions.scores"
    )
    if row is None or not row[0]:
        scored = _ids(changes, "predictions.scores")
    connection.execute(f"CREATE TEMP TABLE scored AS {scored}")
    return connection.execute(_PREDICTIONS).to_arrow_table()


_OTHER_CHAMPIONS = """
    SELECT count(*) FROM (
        (SELECT label_set, model, model_version FROM earlier.ops.models WHERE stage = 'champion'
         EXCEPT SELECT label_set, model, model_version FROM later.ops.models WHERE stage = 'champion')
        UNION ALL
        (SELECT label_set, model, model_version FROM later.ops.models WHERE stage = 'champion'
         EXCEPT SELECT label_set, model, model_version FROM earlier.ops.models WHERE stage = 'champion')
    )
"""
_PREDICTIONS = """
    SELECT coalesce(l.movie_id, e.movie_id) AS movie_id, coalesce(l.title, e.title) AS title,
           coalesce(l.label_set, e.label_set) AS label_set, coalesce(l.model, e.model) AS model,
           coalesce(l.genre, e.genre) AS genre, e.predicted AS before, l.predicted AS after,
           e.probability AS probability_before, l.probability AS probability_after
    FROM (FROM earlier.predictions.current SEMI JOIN scored USING (movie_id)) e
    FULL JOIN (FROM later.predictions.current SEMI JOIN scored USING (movie_id)) l
         ON l.movie_id = e.movie_id AND l.label_set = e.label_set AND l.model = e.model AND l.genre = e.genre
    WHERE coalesce(e.predicted, false) <> coalesce(l.predicted, false)
    ORDER BY title, movie_id, label_set, model, genre
"""
