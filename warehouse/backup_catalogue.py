"""The catalogue of a backup, looked at before it is used: it may name or run nothing outside its lake.

A catalogue is more than names of files. Upkeep deletes what it schedules for deletion, and whoever reads a
view runs its SQL.
"""

# ruff: noqa: S608 — the names are DuckLake's own and constants

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import duckdb

from warehouse import fraction_bounds, migrations, stored_code
from warehouse.catalogue_copies import SQLITE_COPY, attach_copy, read_identity
from warehouse.connection import connect, session
from warehouse.errors import DamagedLake, Outdated
from warehouse.failures import reported
from warehouse.location import Location

_COPY = "copied"
_WITH_PATHS = (
    "ducklake_schema",
    "ducklake_table",
    "ducklake_data_file",
    "ducklake_delete_file",
    "ducklake_files_scheduled_for_deletion",
)
_FILES = f"""
    SELECT DISTINCT s.path || t.path || f.path, f.bytes, f.rows FROM (
        SELECT table_id, path, file_size_bytes AS bytes, record_count AS rows FROM {_COPY}.ducklake_data_file
        UNION ALL SELECT table_id, path, file_size_bytes, delete_count FROM {_COPY}.ducklake_delete_file
    ) AS f
    JOIN (SELECT DISTINCT table_id, schema_id, path FROM {_COPY}.ducklake_table) AS t USING (table_id)
    JOIN (SELECT DISTINCT schema_id, path FROM {_COPY}.ducklake_schema) AS s USING (schema_id)
"""
_SQL = {
    "ducklake_view": "SELECT view_name, sql FROM {}",
    "ducklake_sort_expression": "SELECT 'the order of a table', 'SELECT ' || expression FROM {}",
}
_NEVER_WRITTEN = {
    "ducklake_macro": "SELECT 'the macro ' || macro_name FROM {}",
    # The default of a list is NULL, of no type.
    "ducklake_column": "SELECT 'the default of ' || column_name FROM {} "
    "WHERE default_value_type <> 'literal' AND default_value IS DISTINCT FROM 'NULL'",
}
"""What Reelhouse never makes, and what would run unseen."""


class NamedFile(NamedTuple):
    """A data file, or a file of deletions, as the catalogue has it."""

    path: str
    """Below the lake's directory."""
    bytes: int | None
    rows: int | None


@dataclass(frozen=True)
class CatalogueCopy:
    """What a copied catalogue says."""

    lake: str
    """The number that a lake gets when it is made; each backup of it has the same."""
    snapshot_id: int
    files: tuple[NamedFile, ...]
    """The data files that it needs."""

    @property
    def data_files(self) -> frozenset[str]:
        """Their paths below the lake's directory."""
        return frozenset(file.path for file in self.files)


def identity(copied: Path, location: Location) -> str:
    """Return the number of the lake that a copied catalogue is of; DamagedLake where it cannot be read."""
    with _attached(copied, location) as connection:
        return read_identity(connection, _COPY)


def examine(copied: Path, lake: Path, location: Location) -> CatalogueCopy:
    """Return what the catalogue of a backup says; nothing is written.

    Args:
        copied: The copied catalogue.
        lake: The directory of its data files.
        location: Where it is to be restored.

    Raises:
        DamagedLake: It cannot be read, or names or runs what lies outside the lake.
        NewerVersion: A later release of Reelhouse or of DuckLake wrote it.
    """
    with _attached(copied, location) as connection:
        if copied.name == SQLITE_COPY:
            _require_plain_sqlite(connection, copied)
        else:
            _require_plain_duckdb(connection, copied)
        present = _tables(connection)
        for table in _WITH_PATHS:
            _require_inside(connection, table, copied)
        for table, sql in _NEVER_WRITTEN.items():
            if table in present and (row := connection.execute(_of(sql, table)).fetchone()):
                raise _refused(copied, f"it has {row[0]}, which Reelhouse never makes")
        for table, sql in _SQL.items():
            if table in present:
                for name, text in connection.execute(_of(sql, table)).fetchall():
                    if reason := stored_code.refusal(connection, text):
                        raise _refused(copied, f"of {str(name)!a:.80}, {reason}")
        row = connection.execute(f"SELECT max(snapshot_id) FROM {_COPY}.ducklake_snapshot").fetchone()
        if row is None or row[0] is None:
            raise _refused(copied, "it holds no snapshot")
        files = tuple(
            NamedFile(str(path), *counts) for path, *counts in connection.execute(_FILES).fetchall()
        )
        copy = CatalogueCopy(read_identity(connection, _COPY), int(row[0]), files)
    if copied.name == SQLITE_COPY:
        _require_readable(copied, lake, location)
    return copy


@contextmanager
def _attached(copied: Path, location: Location) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield a connection with the copy attached; what it cannot do with the copy is damage of the copy."""
    with reported(location):
        connection = session(location, threads=1)
    try:
        attach_copy(connection, copied, location)
        yield connection
    except (duckdb.Error, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise _refused(copied, reason) from None
    finally:
        connection.close()


def _refused(copied: Path, reason: str) -> DamagedLake:
    return DamagedLake(f"{copied} cannot be restored: {reason}; restore from another backup")


def _of(sql: str, table: str) -> str:
    return sql.format(f"{_COPY}.{table}")


def _tables(connection: duckdb.DuckDBPyConnection) -> set[str]:
    rows = connection.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = ?", [_COPY])
    return {row[0] for row in rows.fetchall()}


def _require_plain_sqlite(connection: duckdb.DuckDBPyConnection, copied: Path) -> None:
    """Refuse damage, and objects that run by themselves; `catalogue.load` takes out our own trigger."""
    # quoted by hand: the function's arguments are constants
    broken = connection.execute(
        f"SELECT * FROM sqlite_query('{_COPY}', 'PRAGMA quick_check(1)') LIMIT 1"
    ).fetchone()
    if broken != ("ok",):
        raise _refused(copied, "SQLite finds it damaged")
    objects = connection.execute(
        f"SELECT type, name FROM sqlite_query('{_COPY}', 'SELECT type, name, coalesce(sql, '''') AS sql "
        "FROM sqlite_master') WHERE NOT ((type IN ('table', 'index') AND NOT sql ILIKE 'CREATE VIRTUAL%') "
        "OR (type = 'trigger' AND name = ?))",
        [fraction_bounds.TRIGGER],
    ).fetchall()
    if objects:
        raise _refused(copied, f"it has the {objects[0][0]} {objects[0][1]!a:.80}")


def _require_plain_duckdb(connection: duckdb.DuckDBPyConnection, copied: Path) -> None:
    row = connection.execute(
        "SELECT view_name FROM duckdb_views() WHERE database_name = $name AND NOT internal UNION ALL "
        "SELECT function_name FROM duckdb_functions() WHERE database_name = $name AND NOT internal",
        {"name": _COPY},
    ).fetchone()
    if row:
        raise _refused(copied, f"it has the view or macro {row[0]!a:.80}")


def _require_inside(connection: duckdb.DuckDBPyConnection, table: str, copied: Path) -> None:
    rows = connection.execute(
        f"SELECT path, CAST(path_is_relative AS BOOLEAN) FROM {_COPY}.{table}"
    ).fetchall()
    for path, is_relative in rows:
        if not is_relative or not _is_inside(path):
            raise _refused(copied, f"it names {str(path)!a:.100}, which lies outside the lake")


def _is_inside(path: Any) -> bool:
    return (
        isinstance(path, str)
        and bool(path)
        and path.isprintable()
        and "\\" not in path
        and "//" not in path
        and not path.startswith("/")
        and ".." not in PurePosixPath(path).parts
    )


def _require_readable(copied: Path, lake: Path, location: Location) -> None:
    """Open the backup itself as a lake, for reading: the engine and this release must know it."""
    place = Location(copied, lake, location.home, extensions=location.extensions)
    try:
        with connect(place, read_only=True) as connection:
            migrations.refuse_newer(connection, place)
    except Outdated:
        pass  # whoever writes to the restored lake migrates it
    except duckdb.Error as error:
        raise _refused(copied, " ".join(str(error).split())[:200]) from None
