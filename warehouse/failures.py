"""Turns what DuckDB, SQLite and the file system raise into one-line warehouse errors."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from warehouse.errors import (
    Conflict,
    Damaged,
    DiskFull,
    QueryFailed,
    Refused,
    Unwritable,
    WarehouseError,
)
from warehouse.location import Location

_FULL = re.compile(
    r"no space left|disk is full|disk quota exceeded|database or disk is full|out of disk", re.I
)
_CONFLICT = re.compile(
    r"transaction conflict|database is locked|database table is locked"
    r"|database schema has changed"
    r"|unique constraint failed: ducklake_"
    r"|failed to commit ducklake transaction.*(conflict|locked|constraint)",
    re.I | re.S,
)
_DAMAGED = re.compile(
    r"not a database|database disk image is malformed|no magic bytes|invalid parquet|existing ducklake"
    r"|file is encrypted",
    re.I,
)
_UNWRITABLE = re.compile(
    r"permission denied|read-only file system|readonly database|unable to open database", re.I
)
_REFUSED = re.compile(
    r"read-only|disabled by configuration|file system operations are disabled|has been locked"
    r"|cannot change .* configuration|attached in read-only mode",
    re.I,
)


def first_line(error: BaseException) -> str:
    """Return the first line of an error's text, which carries the reason; DuckDB adds hints below it."""
    lines = str(error).strip().splitlines()
    return lines[0].strip() if lines else type(error).__name__


def translated(error: Exception, location: Location) -> WarehouseError:
    """Return the warehouse error that says what `error` means at `location`."""
    if isinstance(error, WarehouseError):
        return error
    text = str(error)
    home = location.catalog.parent
    if _FULL.search(text):
        return DiskFull(
            f"no space left for {home}: nothing of this step was kept; free some space and run it again"
        )
    if _CONFLICT.search(text):
        return Conflict(f"another process changed {location} at the same moment: {first_line(error)}")
    lost = "No such file" in text and str(location.data_path) in text
    if lost or _DAMAGED.search(text):
        return Damaged(
            f"{location} cannot be read ({first_line(error)}): "
            f"restore a backup, or move {home} away to start anew"
        )
    if isinstance(error, OSError) or (isinstance(error, duckdb.Error) and _UNWRITABLE.search(text)):
        return Unwritable(
            f"cannot write to {home} ({first_line(error)}): check its permissions, or set REELHOUSE_HOME"
        )
    if isinstance(error, duckdb.PermissionException) or (
        isinstance(error, duckdb.InvalidInputException | duckdb.IOException) and _REFUSED.search(text)
    ):
        return Refused(first_line(error))
    if isinstance(error, duckdb.Error):
        return QueryFailed(first_line(error))
    return WarehouseError(f"{location}: {first_line(error)}")


@contextmanager
def reported(location: Location) -> Iterator[None]:
    """Raise what DuckDB, SQLite or the file system raise inside the block as a warehouse error."""
    try:
        yield
    except (duckdb.Error, sqlite3.Error, OSError) as error:
        raise translated(error, location) from error
