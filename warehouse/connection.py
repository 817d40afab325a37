"""Opens DuckDB with the lake attached. The only module that loads extensions."""

import importlib.resources
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.errors import MissingExtension
from warehouse.identifiers import literal, quote
from warehouse.location import Location

LAKE = "lake"
BUSY_TIMEOUT_MS = 60_000
SPILL = ".spill-"
"""How the directories begin that hold what does not fit in memory; the process's number follows."""
_EXTENSIONS = {"ducklake": "duckdb_extension_ducklake", "sqlite_scanner": "duckdb_extension_sqlite_scanner"}


def extension_file(name: str) -> Path:
    """Return the extension's file inside its PyPI package.

    Raises MissingExtension where it is absent or made for another version of DuckDB. DuckDB verifies the
    file's signature when it loads it, and loads only what was built for its own version.
    """
    package = _EXTENSIONS[name]
    distribution = package.replace("_", "-")
    try:
        root = importlib.resources.files(package)
    except ModuleNotFoundError:
        raise MissingExtension(
            f"the package {distribution} is not installed: pip install {distribution}=={duckdb.__version__}"
        ) from None
    path = Path(str(root / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"))
    if not path.exists():
        raise MissingExtension(
            f"{distribution} is not built for DuckDB {duckdb.__version__}: "
            f"pip install {distribution}=={duckdb.__version__}"
        )
    return path


def _spill(location: Location) -> Path:
    """Return a directory for what does not fit in memory; DuckDB makes and removes it as needed."""
    home = location.catalog.parent
    parent = home if os.access(home, os.W_OK) else Path(tempfile.gettempdir())
    return parent / f"{SPILL}{os.getpid()}-{secrets.token_hex(4)}"


def connect(
    location: Location,
    *,
    read_only: bool = False,
    snapshot: str = "",
    memory_limit: str | None = None,
    threads: int | None = None,
) -> duckdb.DuckDBPyConnection:
    """Return a DuckDB connection with the lake attached as `lake` and in use; times are in UTC.

    `snapshot` is an ATTACH option that pins the lake to the past, such as "SNAPSHOT_VERSION 3". Nothing is
    downloaded: extensions come from their packages.
    """
    config: dict[str, str | bool | int | float | list[str]] = {
        "autoinstall_known_extensions": "false",
        "autoload_known_extensions": "false",
        # A query names tables, never the variables of the Python code that runs it.
        "python_enable_replacements": "false",
        "temp_directory": str(_spill(location)),
    }
    if memory_limit is not None:
        config["memory_limit"] = memory_limit
    if threads is not None:
        config["threads"] = threads
    connection = duckdb.connect(config=config)
    try:
        with interruptible(connection):
            for name in _EXTENSIONS:
                connection.execute(f"LOAD {literal(str(extension_file(name)))}")
            connection.execute("SET GLOBAL TimeZone = 'UTC'")
            # Standard output belongs to the results; each of this connection's cursors inherits it.
            connection.execute("SET enable_progress_bar = false")
            attach(connection, location, LAKE, read_only=read_only, snapshot=snapshot)
            connection.execute(f"USE {LAKE}")
    except BaseException:
        connection.close()
        raise
    return connection


def attach(
    connection: duckdb.DuckDBPyConnection,
    location: Location,
    alias: str,
    *,
    read_only: bool = False,
    snapshot: str = "",
) -> None:
    """Attach the lake to a connection that has the extensions; it may be attached several times."""
    options = [
        f"DATA_PATH {literal(str(location.data_path) + '/')}",
        # A home that was moved or restored elsewhere still finds its files: their paths are relative.
        "OVERRIDE_DATA_PATH true",
        f"META_BUSY_TIMEOUT {BUSY_TIMEOUT_MS}",
        # Readers go on reading the catalogue while a writer commits.
        "READ_ONLY" if read_only else "META_JOURNAL_MODE 'WAL'",
    ]
    if snapshot:
        options.append(snapshot)
    target = literal(f"ducklake:sqlite:{location.catalog}")
    connection.execute(f"ATTACH {target} AS {quote(alias)} ({', '.join(options)})")


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
    for path in location.catalog.parent.glob(f"{SPILL}*"):
        number = path.name.removeprefix(SPILL).partition("-")[0]
        if number.isdigit() and not process_runs(int(number)):
            shutil.rmtree(path, ignore_errors=True)


def process_runs(pid: int) -> bool:
    """Whether this machine has a process of that number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
