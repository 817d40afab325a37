"""The catalogue as a whole: copied to one file while it is in use, loaded from one, kept small."""

# ruff: noqa: S608 — the names are DuckLake's own and pass through warehouse.identifiers

import shutil
import tempfile
from pathlib import Path

import duckdb

from warehouse import extensions, formats, fraction_bounds, migrations, sqlite_file, whole_file
from warehouse.backends import SqliteFile
from warehouse.connection import attach, attach_catalogue, connect, session
from warehouse.errors import DamagedLake, NoWarehouse
from warehouse.failures import reported
from warehouse.identifiers import literal, quote
from warehouse.location import Location

SQLITE_COPY, DUCKDB_COPY = "catalog.sqlite", "catalog.duckdb"
COPIES = (SQLITE_COPY, DUCKDB_COPY)
_PREFIX = "ducklake_"
_SCRATCH = ".restore-"


def is_vacant(location: Location) -> bool:
    """Return whether the location has no catalogue, or one without any table."""
    if location.catalog.is_absent:
        return True
    try:
        with reported(location), connect(location, read_only=True) as connection:
            return migrations.is_empty(connection)
    except (NoWarehouse, DamagedLake):
        # there is no database, or a file that is no catalogue
        return location.catalog.is_server


def pack(location: Location) -> bool:
    """Give free pages back to the file system where they are many; return whether that was done.

    PostgreSQL does this by itself.
    """
    return isinstance(location.catalog, SqliteFile) and sqlite_file.pack(location.catalog.path)


def copy(location: Location, directory: Path) -> Path:
    """Write the catalogue as of one moment to a file in `directory`, and return that file."""
    shutil.rmtree(directory, ignore_errors=True)
    whole_file.make_directory(directory)
    if isinstance(location.catalog, SqliteFile):
        target = directory / SQLITE_COPY
        with whole_file.writing(target):
            sqlite_file.copy(location.catalog.path, target)
        return target
    target = directory / DUCKDB_COPY
    with whole_file.writing(target), session(location) as connection:
        attach_catalogue(connection, location, "original", read_only=True)
        copy_server(connection, "original", target)
    return target


def copy_server(connection: duckdb.DuckDBPyConnection, alias: str, target: Path) -> int:
    """Write PostgreSQL's catalogue to a DuckDB file as of one moment; return how many tables it has."""
    connection.execute(f"ATTACH {literal(str(target))} AS copied")
    connection.execute("BEGIN")  # PostgreSQL shows all tables as of one moment
    try:
        tables = _tables(connection, alias)
        for table in tables:
            connection.execute(f"CREATE TABLE copied.{quote(table)} AS FROM {quote(alias)}.{quote(table)}")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
    connection.execute("DETACH copied")
    return len(tables)


def newest_snapshot(connection: duckdb.DuckDBPyConnection, alias: str) -> int | None:
    """Return the number of the newest snapshot of an attached catalogue; None where it holds no lake."""
    if "ducklake_snapshot" not in _tables(connection, alias):
        return None
    rows = connection.execute(f"SELECT max(snapshot_id) FROM {quote(alias)}.ducklake_snapshot").fetchall()
    return int(rows[0][0]) if rows[0][0] is not None else None


def named_files(copied: Path, location: Location) -> tuple[set[str], int]:
    """Return the names of the data files that a copied catalogue needs, and its newest snapshot.

    A name contains a UUID, so it is enough without its directory. `location` is where the copy is from.
    """
    with session(location, threads=1) as connection:
        attach_copy(connection, copied, location)
        rows = connection.execute(
            "SELECT path FROM copied.ducklake_data_file "
            "UNION ALL SELECT path FROM copied.ducklake_delete_file"
        ).fetchall()
        newest = connection.execute("SELECT max(snapshot_id) FROM copied.ducklake_snapshot").fetchone()
    if newest is None or newest[0] is None:
        raise DamagedLake(f"{copied} holds no snapshot: restore from another backup")
    return {Path(row[0]).name for row in rows}, int(newest[0])


def identity(location: Location) -> str:
    """Return the number that the lake got when it was made; each copy of it has the same.

    NoWarehouse where the catalogue has no tables of a lake.
    """
    with reported(location), session(location, threads=1) as connection:
        attach_catalogue(connection, location, "original", read_only=True)
        try:
            return read_identity(connection, "original")
        except duckdb.CatalogException:
            raise location.absent() from None


def read_identity(connection: duckdb.DuckDBPyConnection, alias: str) -> str:
    """Return the number of the lake whose catalogue is attached under that name."""
    row = connection.execute(
        f"SELECT CAST(schema_uuid AS VARCHAR) FROM {alias}.ducklake_schema ORDER BY schema_id LIMIT 1"
    ).fetchone()
    return str(row[0]) if row else ""


def load(copied: Path, location: Location) -> None:
    """Put a copied catalogue where none is; its data files are there already."""
    if isinstance(location.catalog, SqliteFile):
        file = location.catalog.path
        whole_file.make_directory(file.parent)
        with whole_file.written(file) as partial:
            whole_file.copy(copied, partial)
            placed = (
                f"UPDATE ducklake_metadata SET value = {literal(location.data_root)} WHERE key = 'data_path'"
            )
            for statement in (fraction_bounds.FORGET_TRIGGER, placed):
                sqlite_file.execute(partial, statement)
            for suffix in (
                "-wal",
                "-shm",
                "-journal",
            ):  # of a catalogue that is gone: SQLite would believe them
                file.with_name(file.name + suffix).unlink(missing_ok=True)
        return
    whole_file.make_directory(location.home)
    for left in location.home.glob(f"{_SCRATCH}*"):
        shutil.rmtree(left, ignore_errors=True)
    if copied.name == DUCKDB_COPY:
        _fill(copied, location)
        return
    with tempfile.TemporaryDirectory(dir=location.home, prefix=_SCRATCH) as scratch:
        # SQLite and PostgreSQL keep small rows in columns of different types: they move to Parquet first.
        moved = shutil.copyfile(copied, Path(scratch) / SQLITE_COPY)
        place = Location(moved, location.data_path, location.home, extensions=location.extensions)
        with connect(place) as connection:
            connection.execute("CALL ducklake_flush_inlined_data('lake')")
        _fill(moved, location)


def _fill(copied: Path, location: Location) -> None:
    """Make the catalogue's tables in PostgreSQL, and copy the rows into them in one transaction."""
    with session(location) as connection:
        attach(connection, location, "made")
        connection.execute("DETACH made")
        attach_catalogue(connection, location, "target")
        attach_copy(connection, copied, location)
        formats.require_same(connection, "copied", "target", location)
        present = set(_tables(connection, "target"))
        connection.execute("BEGIN")
        dropped = []
        for table in _tables(connection, "copied"):
            name = quote(table)
            if table in present:
                connection.execute(f"DELETE FROM target.{name}")
                connection.execute(f"INSERT INTO target.{name} BY NAME FROM copied.{name}")
            elif (
                connection.execute(f"SELECT 1 FROM copied.{name} LIMIT 1").fetchone()
                or copied.suffix == ".duckdb"
            ):
                connection.execute(f"CREATE TABLE target.{name} AS FROM copied.{name}")
            else:
                dropped.append(table)  # an empty table of small rows: DuckLake makes a new one
        for table in dropped:
            connection.execute(
                "DELETE FROM target.ducklake_inlined_data_tables WHERE table_name = ?", [table]
            )
        connection.execute(
            "UPDATE target.ducklake_metadata SET value = ? WHERE key = 'data_path'", [location.data_root]
        )
        connection.execute("COMMIT")


def attach_copy(
    connection: duckdb.DuckDBPyConnection, copied: Path, location: Location, alias: str = "copied"
) -> None:
    """Attach a file that `copy` wrote, for reading."""
    if copied.name == SQLITE_COPY:
        extensions.load(connection, location, ["sqlite_scanner"])
    kind = "sqlite" if copied.name == SQLITE_COPY else "duckdb"
    connection.execute(f"ATTACH {literal(str(copied))} AS {quote(alias)} (TYPE {kind}, READ_ONLY)")


def _tables(connection: duckdb.DuckDBPyConnection, alias: str) -> list[str]:
    rows = connection.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND starts_with(table_name, ?) "
        "AND schema_name IN ('main', 'public') ORDER BY table_name",
        [alias, _PREFIX],
    ).fetchall()
    return [row[0] for row in rows]
