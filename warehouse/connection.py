"""Opens DuckDB with the lake attached."""

import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from warehouse import extensions, formats, stored_code
from warehouse.identifiers import literal, quote
from warehouse.location import Location

LAKE = "lake"
CATALOGUE = f"__ducklake_metadata_{LAKE}"
"""Where DuckLake shows its own tables."""
BUSY_TIMEOUT_MS = 60_000
HIDDEN = "***"
SPILL = ".spill-"
"""How the directories of running sessions begin; the process's number follows."""
_ABSENT = re.compile(r"existing ducklake at metadata catalog .* does not exist", re.I | re.S)
_DATA_SECRET, _CATALOG_SECRET = "lake_data", "lake_catalog"
NO_MIGRATION = "AUTOMATIC_MIGRATION false"
"""Also where this is the default: no release of the extension may migrate by itself."""


def scratch(location: Location) -> Path:
    """Return a directory for what a session writes down while it lasts; nothing is made."""
    home = location.home
    parent = home if os.access(home, os.W_OK) else Path(tempfile.gettempdir())
    return parent / f"{SPILL}{os.getpid()}-{secrets.token_hex(4)}"


def connect(
    location: Location,
    *,
    read_only: bool = False,
    snapshot: str = "",
    memory_limit: str | None = None,
    threads: int | None = None,
    migrate: bool = False,
    create: bool = True,
) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection with the lake attached as `lake` and in use; times are in UTC.

    `snapshot` is an ATTACH option that pins the lake to the past, such as "SNAPSHOT_VERSION 3". `migrate`
    lets DuckLake bring a catalogue of an earlier format to its own: copy the catalogue first. Without
    `create`, or for reading, NoWarehouse where there is no lake.
    """
    connection = session(location, memory_limit=memory_limit, threads=threads)
    try:
        with interruptible(connection):
            attach(
                connection,
                location,
                LAKE,
                read_only=read_only,
                snapshot=snapshot,
                migrate=migrate,
                create=create,
            )
            stored_code.require_harmless(connection, CATALOGUE)
            connection.execute(f"USE {LAKE}")
    except BaseException:
        connection.close()
        raise
    return connection


def session(
    location: Location,
    *,
    memory_limit: str | None = None,
    threads: int | None = None,
    reads_server: bool = True,
) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection that can reach the lake's catalogue and data files; nothing is attached.

    Without `reads_server` it has neither the extension nor the password for a catalogue on a server.
    """
    reads_catalogue = reads_server or not location.catalog.is_server
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # The default, said aloud: what is loaded here may do anything with the lake.
        "allow_unsigned_extensions": "false",
        "allow_community_extensions": "false",
        # A query names tables, never the variables of the Python code that runs it.
        "python_enable_replacements": "false",
        # DuckDB makes and removes it as needed.
        "temp_directory": str(scratch(location)),
        # Keys come from the settings, never from what another program left in the user's home.
        "allow_persistent_secrets": "false",
    }
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(config=config)
    try:
        with interruptible(connection):
            # Standard output belongs to the results, also while INSTALL runs; cursors inherit this.
            connection.execute("SET enable_progress_bar = false")
            extensions.load(connection, location, _extensions(location, reads_catalogue))
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            for statement in _secrets(location, reads_catalogue):
                connection.execute(statement)
    except BaseException:
        connection.close()
        raise
    return connection


def _extensions(location: Location, reads_catalogue: bool) -> list[str]:
    scanners = [f"{location.catalog.kind}_scanner"] if reads_catalogue else []
    return ["ducklake", *scanners, *location.data_path.extensions]


def _secrets(location: Location, reads_catalogue: bool) -> Iterator[str]:
    """Yield the statements that make the keys known to this connection alone."""
    if location.catalog.secret and reads_catalogue:
        yield _secret(_CATALOG_SECRET, location.catalog.secret)
    if location.data_path.secret:
        yield _secret(_DATA_SECRET, location.data_path.secret)


def _secret(name: str, values: dict[str, str]) -> str:
    bare = ("TYPE", "USE_SSL")
    options = (f"{key} {value if key in bare else literal(value)}" for key, value in values.items())
    return f"CREATE SECRET {name} ({', '.join(options)})"


def attach(
    connection: duckdb.DuckDBPyConnection,
    location: Location,
    alias: str,
    *,
    read_only: bool = False,
    snapshot: str = "",
    migrate: bool = False,
    create: bool = True,
) -> None:
    """Attach the lake to a connection that has the extensions; it may be attached several times.

    Raises NewerVersion or Outdated where the extension does not know the catalogue's format, and NoWarehouse
    where there is none and none is to be made.
    """
    target, options = _target(location), attach_options(location, read_only=read_only)
    if location.catalog.is_server:
        options.append(f"META_SECRET '{_CATALOG_SECRET}'")
    else:
        options.append(f"META_BUSY_TIMEOUT {BUSY_TIMEOUT_MS}")
        if not read_only:
            # Readers go on reading the catalogue while a writer commits.
            options.append("META_JOURNAL_MODE 'WAL'")
    if snapshot:
        options.append(snapshot)
    options.append("AUTOMATIC_MIGRATION true" if migrate else NO_MIGRATION)
    if not read_only:
        options.append(f"CREATE_IF_NOT_EXISTS {str(create).lower()}")
    try:
        with formats.explained(location):
            connection.execute(f"ATTACH {literal(target)} AS {quote(alias)} ({', '.join(options)})")
    except duckdb.InvalidInputException as error:
        if _ABSENT.search(str(error)):
            raise location.absent() from error
        raise


def attach_catalogue(
    connection: duckdb.DuckDBPyConnection, location: Location, alias: str, *, read_only: bool = False
) -> None:
    """Attach the catalogue's own tables, those that DuckLake keeps; nothing reads them but this room."""
    catalog = location.catalog
    access = f"SECRET {_CATALOG_SECRET}" if catalog.is_server else f"BUSY_TIMEOUT {BUSY_TIMEOUT_MS}"
    options = [f"TYPE {catalog.kind}", access, *(["READ_ONLY"] if read_only else [])]
    connection.execute(f"ATTACH {literal(catalog.address)} AS {quote(alias)} ({', '.join(options)})")


def _target(location: Location) -> str:
    return f"ducklake:{location.catalog.kind}:{location.catalog.address}"


def attach_options(location: Location, *, read_only: bool) -> list[str]:
    """Return the options with which DuckLake attaches the lake, whatever holds its catalogue."""
    return [
        *(["READ_ONLY"] if read_only else []),
        f"DATA_PATH {literal(location.data_root)}",
        # A home that was moved or restored elsewhere still finds its files: their paths are relative.
        "OVERRIDE_DATA_PATH true",
        # Few rows would lie in the catalogue, to spare files. DuckLake 1.0 reads them more slowly than small
        # files, loses their history when it moves them to Parquet, and may crash while it does.
        "DATA_INLINING_ROW_LIMIT 0",
    ]


def first(result: duckdb.DuckDBPyConnection) -> tuple[Any, ...] | None:
    """Return the first row of a result of few rows, or None where it has none.

    The result is read to its end: before that, DuckDB 2.0 takes no Arrow data on the same connection.
    """
    rows = result.fetchall()
    return rows[0] if rows else None


def attach_lines(location: Location, alias: str) -> str:
    """Return what attaches the lake, read-only, in any DuckDB client; passwords and keys are left out."""
    lines = []
    names = ["ducklake", location.catalog.kind, *location.data_path.extensions]
    lines.append(" ".join(f"INSTALL {name};" for name in names))
    lines.append(" ".join(f"LOAD {name};" for name in names))
    if location.catalog.passwords:
        lines.append("-- The password is taken from PGPASSWORD or ~/.pgpass.")
    if location.data_path.secret:
        lines.append(f"-- Put the secret key in the place of {HIDDEN}.")
        shown = {
            key: HIDDEN if key in ("SECRET", "SESSION_TOKEN") else value
            for key, value in location.data_path.secret.items()
        }
        lines.append(_secret(f"{alias}_data", shown) + ";")
    options = ", ".join(attach_options(location, read_only=True))
    lines.append(f"ATTACH {literal(_target(location))} AS {alias} ({options});")
    lines.append(f"USE {alias};")
    return "\n".join(lines)


@contextmanager
def interruptible(connection: duckdb.DuckDBPyConnection) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield the connection; Ctrl-C inside the block stops its query and raises KeyboardInterrupt.

    DuckDB's Python module leaves the query running and raises a RuntimeError; closing would then wait for it.
    """
    try:
        yield connection
    except KeyboardInterrupt:
        connection.interrupt()
        raise
    except RuntimeError as error:
        if str(error) != "Query interrupted":
            raise
        connection.interrupt()
        raise KeyboardInterrupt from None


def sweep_spills(location: Location) -> None:
    """Remove what killed processes of this machine left of their spilled data."""
    for path in location.home.glob(f"{SPILL}*"):
        number = path.name.removeprefix(SPILL).partition("-")[0]
        if number.isdigit() and not process_runs(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def process_runs(pid: int) -> bool:
    """Return whether a process of that number runs on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
