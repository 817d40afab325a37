"""Turns what DuckDB, SQLite and the file system raise into one-line warehouse errors."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from warehouse.errors import (
    Conflict,
    DamagedLake,
    DiskFull,
    NoWarehouse,
    QueryFailed,
    Refused,
    Unreachable,
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
    # PostgreSQL's.
    r"|violates unique constraint|could not serialize access|deadlock detected"
    r"|failed to commit ducklake transaction.*(conflict|locked|constraint)",
    re.I | re.S,
)
_DAMAGED = re.compile(
    r"not a database|database disk image is malformed|no magic bytes|invalid parquet|existing ducklake"
    r"|file is encrypted|parquet footer length",
    re.I,
)
_LOST = re.compile(r"no such file", re.I)
_UNREACHABLE = re.compile(
    r"unable to connect to postgres|server closed the connection|terminating connection"
    r"|connection to server .* failed|no connection to the server|ssl syscall error|error for http "
    r"|http (get|put|post|head|delete) (error|to)|http error|nosuchbucket|could not (connect|resolve)",
    re.I | re.S,
)
_WHERE = re.compile(r'Failed to attach DuckLake MetaData "[^"]*" at path \+ "[^"]*"')
_DENIED = re.compile(r"permission denied for [^\n]+|must be owner of [^\n]+|in a read-only transaction", re.I)
_UNWRITABLE = re.compile(
    r"permission denied|read-only file system|readonly database|unable to open database", re.I
)
_REFUSED = re.compile(
    r"read-only|disabled by configuration|file system operations are disabled|has been locked"
    r"|cannot change .* configuration|attached in read-only mode",
    re.I,
)


def _first_line(text: str) -> str:
    # It carries the reason; DuckDB adds hints below it.
    lines = text.strip().splitlines()
    return lines[0].strip() if lines else ""


def translated(error: Exception, location: Location) -> WarehouseError:
    """Return the warehouse error that says what `error` means at `location`."""
    if isinstance(error, WarehouseError):
        return error
    text = str(error)
    for secret in location.secrets:
        text = text.replace(secret, "***")
    reason = _first_line(_WHERE.sub("", text)) or type(error).__name__
    home = location.home
    if _FULL.search(text):
        return DiskFull(
            f"no space left for {home}: nothing of this step was kept; free some space and run it again"
        )
    if _CONFLICT.search(text):
        return Conflict(f"another process changed {location} at the same moment: {reason}")
    wrong = (
        duckdb.BinderException | duckdb.CatalogException | duckdb.ConversionException | duckdb.ParserException
    )
    if isinstance(error, duckdb.Error) and not isinstance(error, wrong):
        unreachable = _unreachable(text, reason, location)
        if unreachable:
            return unreachable
    if str(location.data_path) in text and (_LOST.search(text) or _DAMAGED.search(text)):
        try:
            location.refuse_gone()
        except NoWarehouse as gone:
            return gone
        return DamagedLake(
            f"a data file cannot be read ({reason}): `reelhouse check` names what else is wrong; "
            "put the file back, correct REELHOUSE_DATA, or restore a backup"
        )
    if _DAMAGED.search(text):
        return DamagedLake(
            f"{location} cannot be read ({reason}): restore a backup, or move {home} away to start anew"
        )
    if location.catalog.is_server and (denied := _DENIED.search(text)):
        return Unwritable(f"{location} refuses ({denied[0]}): give its user the right, or use another user")
    if isinstance(error, OSError) or (isinstance(error, duckdb.Error) and _UNWRITABLE.search(text)):
        return Unwritable(
            f"cannot write to {home} ({reason}): check its permissions, or choose another directory"
        )
    if isinstance(error, duckdb.PermissionException) or (
        isinstance(error, duckdb.InvalidInputException | duckdb.IOException) and _REFUSED.search(text)
    ):
        return Refused(reason)
    if isinstance(error, duckdb.Error):
        return QueryFailed(reason)
    return WarehouseError(f"{location}: {reason}")


def _unreachable(text: str, reason: str, location: Location) -> WarehouseError | None:
    """Return what to say where a server was asked and did not do it; None where that is not the reason."""
    if not _UNREACHABLE.search(text):
        return None
    if location.data_path.is_remote and re.search(r"http|s3:", text, re.I):
        return Unreachable(
            f"{location.data_path} cannot be used ({reason}): check REELHOUSE_DATA, AWS_ENDPOINT_URL and the "
            "AWS_… keys, then try again"
        )
    if location.catalog.is_server:
        return Unreachable(
            f"{location} cannot be used ({reason}): check REELHOUSE_CATALOG and the server, then try again"
        )
    return None


@contextmanager
def reported(location: Location) -> Iterator[None]:
    """Raise what DuckDB, SQLite or the file system raise inside the block as a warehouse error.

    A query that Ctrl-C or SIGTERM broke off is no failure of the warehouse: it raises KeyboardInterrupt.
    """
    try:
        yield
    except (duckdb.InterruptException, RuntimeError) as error:
        if isinstance(error, duckdb.InterruptException) or str(error) == "Query interrupted":
            raise KeyboardInterrupt from error
        raise
    except (duckdb.Error, sqlite3.Error, OSError) as error:
        raise translated(error, location) from error
