"""What DuckLake's catalogue says of snapshots, tables and files, read from its own tables.

They are those of its format 1.0 (https://ducklake.select/docs/stable/specification/tables/overview): files
that begin and end with a snapshot, files that hold the rows of several, positions that were deleted, columns
known by number.
"""

# ruff: noqa: S608 — the names are DuckLake's own and pass through warehouse.identifiers; values are bound

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from warehouse import file_columns
from warehouse.catalogue_copies import attach_copy
from warehouse.connection import attach_catalogue
from warehouse.errors import QueryFailed
from warehouse.file_columns import FileColumn
from warehouse.identifiers import quote
from warehouse.location import Location
from warehouse.statistics import WrongStatistics, wrong_statistics

_CATALOGUE = "catalogue"
_LIVES = "begin_snapshot <= $snapshot AND (end_snapshot IS NULL OR $snapshot < end_snapshot)"


@dataclass(frozen=True)
class Snapshot:
    """One snapshot that the lake keeps."""

    number: int
    time: datetime


@dataclass(frozen=True)
class Statistics:
    """What the catalogue says of one column of a file or a table; None where it says nothing."""

    column_id: int
    column: str
    """Its newest name; parts of a list or a struct after a dot."""
    type: str
    minimum: str | None
    maximum: str | None
    nulls: bool | None
    nans: bool | None
    value_count: int | None = None
    """Of files alone: how many values are not NULL."""
    null_count: int | None = None

    @property
    def low(self) -> Any:
        """The minimum as a Python value."""
        return file_columns.bound(self.type, self.minimum)

    @property
    def high(self) -> Any:
        """The maximum as a Python value."""
        return file_columns.bound(self.type, self.maximum)


@dataclass(frozen=True)
class DeleteFile:
    """A file of the positions that were deleted from a data file."""

    path: str
    begin_snapshot: int
    end_snapshot: int | None
    delete_count: int
    bytes: int
    partial_max: int | None
    """The newest snapshot of its deletions, where it holds those of several."""


@dataclass(frozen=True)
class DataFile:
    """A Parquet file of a table."""

    table: str
    table_id: int
    file_id: int
    path: str
    """Absolute, or a URL."""
    begin_snapshot: int
    end_snapshot: int | None
    record_count: int
    """All its rows, the deleted ones included."""
    bytes: int
    row_id_start: int | None
    partial_max: int | None
    """The newest snapshot of its rows, where it holds those of several."""
    deletes: tuple[DeleteFile, ...]
    statistics: tuple[Statistics, ...]


@dataclass(frozen=True)
class TableStatistics:
    """What the catalogue says of a table as a whole, for all snapshots."""

    table: str
    record_count: int | None
    next_row_id: int | None
    columns: tuple[Statistics, ...]


class FileCatalogue:
    """Reads the catalogue's own tables, each call as of one moment."""

    def __init__(
        self, location: Location, connection: duckdb.DuckDBPyConnection, copied: Path | None = None
    ) -> None:
        """Take a connection of `warehouse.connection.session`, to which the catalogue is attached here.

        With `copied`, a file of `warehouse.catalogue_copies.copy` takes the catalogue's place.
        """
        self._location = location
        self._connection = connection
        if copied:
            attach_copy(connection, copied, location, _CATALOGUE)
        else:
            attach_catalogue(connection, location, _CATALOGUE, read_only=True)

    def detach(self) -> None:
        """Let go of the catalogue, for a connection that outlives the reader."""
        self._connection.execute(f"DETACH {_CATALOGUE}")

    def snapshots(self) -> list[Snapshot]:
        """Return the snapshots that the lake keeps, oldest first."""
        rows = self._rows("SELECT snapshot_id, snapshot_time FROM {ducklake_snapshot} ORDER BY snapshot_id")
        return [Snapshot(int(number), _time(time)) for number, time in rows]

    def tables(self, snapshot: int | None = None) -> list[str]:
        """Return the names of the tables as of a snapshot, now where none is named."""
        with self._moment():
            return sorted(self._tables(self._number(snapshot)))

    def data_files(self, table: str | None = None, snapshot: int | None = None) -> list[DataFile]:
        """Return the data files of a snapshot, or, where none is named, of all those that the lake keeps.

        Each has all its files of deletions, or those of the snapshot.
        """
        with self._moment():
            wanted = {
                number: (name, path)
                for name, (number, path) in self._tables(snapshot).items()
                if table in (None, name)
            }
            statistics: dict[int, list[Statistics]] = {}
            columns = self._all_columns()
            rows = self._rows(
                "SELECT data_file_id, column_id, table_id, min_value, max_value, contains_nan, value_count, "
                "null_count FROM {ducklake_file_column_stats} "
                "WHERE list_contains($tables, table_id) ORDER BY column_id",
                tables=list(wanted),
            )
            for file_id, column_id, table_id, low, high, nans, values, nulls in rows:
                name, kind = columns.get((table_id, column_id), (f"column {column_id}", ""))
                held = None if nulls is None else nulls > 0
                statistics.setdefault(file_id, []).append(
                    Statistics(column_id, name, kind, low, high, held, _bool(nans), values, nulls)
                )
            return self._data_files(wanted, snapshot, statistics)

    def table_statistics(self) -> list[TableStatistics]:
        """Return the catalogue's statistics of each current table, by name."""
        with self._moment():
            columns = self._all_columns()
            statistics: dict[int, list[Statistics]] = {}
            rows = self._rows(
                "SELECT table_id, column_id, min_value, max_value, contains_null, contains_nan "
                "FROM {ducklake_table_column_stats} ORDER BY ALL"
            )
            for table_id, column_id, low, high, nulls, nans in rows:
                name, kind = columns.get((table_id, column_id), (f"column {column_id}", ""))
                statistics.setdefault(table_id, []).append(
                    Statistics(column_id, name, kind, low, high, _bool(nulls), _bool(nans))
                )
            counts: dict[int, tuple[int | None, int | None]] = {
                row[0]: (row[1], row[2])
                for row in self._rows(
                    "SELECT table_id, record_count, next_row_id FROM {ducklake_table_stats}"
                )
            }
            return [
                TableStatistics(name, *counts.get(number, (None, None)), tuple(statistics.get(number, ())))
                for name, (number, _) in sorted(self._tables(self._number(None)).items())
            ]

    def wrong_statistics(self) -> list[WrongStatistics]:
        """Return the columns whose table-level statistics do not enclose their files'."""
        return wrong_statistics(lambda sql: self._connection.execute(sql).fetchall(), _CATALOGUE)

    def columns(self, table: str, snapshot: int | None = None) -> list[FileColumn]:
        """Return a table's columns as of a snapshot, now where none is named."""
        with self._moment():
            number = self._number(snapshot)
            return self._columns(self._table(table, number)[0], number)

    # --- what the catalogue's tables hold

    @contextmanager
    def _moment(self) -> Iterator[None]:
        """Make the catalogue look as of one moment throughout the block."""
        self._connection.execute("BEGIN")
        try:
            yield
        finally:
            self._connection.execute("ROLLBACK")

    def _rows(self, sql: str, **values: object) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql.format_map(_Names()), values or None).fetchall()

    def _number(self, snapshot: int | None) -> int:
        """Return the snapshot's number, that of the newest for None; QueryFailed where it is not kept."""
        rows = self._rows(
            "SELECT max(snapshot_id) FROM {ducklake_snapshot} WHERE $asked IS NULL OR snapshot_id = $asked",
            asked=snapshot,
        )
        if rows[0][0] is None:
            raise QueryFailed(f"{self._location} has no snapshot {snapshot}")
        return int(rows[0][0])

    def _tables(self, snapshot: int | None) -> dict[str, tuple[int, str]]:
        """Return number and path of each table of a snapshot, by name; of all snapshots for None."""
        condition = f"WHERE {_LIVES.replace('begin_', 't.begin_').replace('end_', 't.end_')} " * bool(
            snapshot is not None
        )
        rows = self._rows(
            "SELECT s.schema_name || '.' || t.table_name, t.table_id, s.path, "
            "CAST(s.path_is_relative AS BOOLEAN), t.path, CAST(t.path_is_relative AS BOOLEAN) "
            "FROM {ducklake_table} AS t JOIN {ducklake_schema} AS s USING (schema_id) "
            f"{condition}ORDER BY t.begin_snapshot",
            **({} if snapshot is None else {"snapshot": snapshot}),
        )
        return {
            name: (number, _joined(_joined(self._location.data_root, schema, near), path, beside))
            for name, number, schema, near, path, beside in rows
        }

    def _table(self, name: str, snapshot: int) -> tuple[int, str]:
        try:
            number, path = self._tables(snapshot)[name]
        except KeyError:
            raise QueryFailed(f"{self._location} has no table {name} in snapshot {snapshot}") from None
        self._refuse_inlined(number, name)
        return number, path

    def _refuse_inlined(self, number: int, name: str) -> None:
        held = self._rows(
            "SELECT table_name FROM {ducklake_inlined_data_tables} WHERE table_id = $number", number=number
        )
        for inlined in (*(row[0] for row in held), f"ducklake_inlined_delete_{number}"):
            with suppress(duckdb.CatalogException):  # DuckLake makes it when there is something to put in it
                if self._rows(f"SELECT 1 FROM {{{inlined}}} LIMIT 1"):
                    raise QueryFailed(
                        f"{name} has rows in the catalogue, which this reader does not know: "
                        "run `reelhouse upkeep`"
                    )

    def _columns(self, table_id: int, snapshot: int) -> list[FileColumn]:
        rows = self._rows(
            "SELECT column_id, column_name, column_type, parent_column, initial_default "
            f"FROM {{ducklake_column}} WHERE table_id = $table AND {_LIVES} ORDER BY column_order",
            table=table_id,
            snapshot=snapshot,
        )
        return file_columns.tree(rows)

    def _all_columns(self) -> dict[tuple[int, int], tuple[str, str]]:
        """Return the newest name and type of each column, by the numbers of table and column."""
        rows = self._rows(
            "SELECT table_id, column_id, column_name, column_type, parent_column FROM {ducklake_column} "
            "ORDER BY begin_snapshot"
        )
        newest = {(row[0], row[1]): row[2:] for row in rows}

        def path(table_id: int, column_id: int) -> str:
            name, _, parent = newest[table_id, column_id]
            return name if parent is None else f"{path(table_id, parent)}.{name}"

        return {key: (path(*key), kind) for key, (_, kind, _) in newest.items()}

    def _data_files(
        self,
        tables: Mapping[int, tuple[str, str]],
        snapshot: int | None,
        statistics: Mapping[int, list[Statistics]],
    ) -> list[DataFile]:
        """Return the data files of tables, given as (name, path) by number, in this order."""
        lives = _LIVES if snapshot is not None else "true"
        values: dict[str, object] = {"tables": list(tables)}
        values |= {} if snapshot is None else {"snapshot": snapshot}
        deletes: dict[int, list[DeleteFile]] = {}
        for table_id, data_file_id, name, near, kind, key, *rest in self._rows(
            "SELECT table_id, data_file_id, path, CAST(path_is_relative AS BOOLEAN), format, encryption_key, "
            "begin_snapshot, end_snapshot, delete_count, file_size_bytes, partial_max "
            f"FROM {{ducklake_delete_file}} WHERE list_contains($tables, table_id) AND {lives} "
            "ORDER BY delete_file_id",
            **values,
        ):
            _refuse_foreign(name, kind, key, None)
            deletes.setdefault(data_file_id, []).append(
                DeleteFile(_joined(tables[table_id][1], name, near), *rest)
            )
        files: dict[int, list[DataFile]] = {number: [] for number in tables}
        for (
            number,
            file_id,
            name,
            near,
            kind,
            key,
            mapping,
            begin,
            end,
            rows,
            size,
            start,
            newest,
        ) in self._rows(
            "SELECT table_id, data_file_id, path, CAST(path_is_relative AS BOOLEAN), file_format, "
            "encryption_key, mapping_id, begin_snapshot, end_snapshot, record_count, file_size_bytes, "
            f"row_id_start, partial_max FROM {{ducklake_data_file}} WHERE list_contains($tables, table_id) "
            f"AND {lives} ORDER BY data_file_id",
            **values,
        ):
            _refuse_foreign(name, kind, key, mapping)
            table, path = tables[number]
            files[number].append(
                DataFile(
                    table,
                    number,
                    file_id,
                    _joined(path, name, near),
                    begin,
                    end,
                    rows,
                    size,
                    start,
                    newest,
                    tuple(deletes.get(file_id, ())),
                    tuple(statistics.get(file_id, ())),
                )
            )
        return [file for listed in files.values() for file in listed]


class _Names(dict[str, str]):
    """Puts the catalogue's alias before the name of one of its tables."""

    def __missing__(self, name: str) -> str:
        return f"{_CATALOGUE}.{quote(name)}"


def _refuse_foreign(name: str, kind: str | None, key: str | None, mapping: int | None) -> None:
    if (kind or "parquet").lower() != "parquet" or key or mapping is not None:
        raise QueryFailed(f"{name} was not written by Reelhouse: this reader does not know its format")


def _joined(root: str, path: str, relative: bool) -> str:
    return root + path if relative else path


def _bool(value: Any) -> bool | None:
    """Return the truth value, for which SQLite has a number."""
    return None if value is None else bool(value)


def _time(value: str | datetime) -> datetime:
    """Return the time in UTC, for which SQLite has a text."""
    time = datetime.fromisoformat(value) if isinstance(value, str) else value
    return time.astimezone(UTC)
