"""The format of DuckLake's own tables in the catalogue; Reelhouse's layout of the lake is `migrations`.

The extension reads and writes the formats that it knows. A later one is refused and left alone; an earlier
one is migrated only after the catalogue was copied.
"""

# ruff: noqa: S608 — names pass through warehouse.identifiers

import re
from collections.abc import Iterator
from contextlib import contextmanager

import duckdb

from warehouse.errors import NewerVersion, Outdated, WarehouseError
from warehouse.identifiers import quote
from warehouse.location import Location

_MISMATCH = re.compile(
    r"catalog version is '?([\w.-]+?)'?, (?:but the extension requires|which is newer than the requested) "
    r"version '?([\w.-]*\w)"
)
_UNKNOWN = re.compile(r"only ducklake versions .*?([\w.-]+) are supported", re.I)


@contextmanager
def explained(location: Location) -> Iterator[None]:
    """Raise NewerVersion or Outdated where DuckLake refuses a catalogue for its format."""
    try:
        yield
    except duckdb.Error as error:
        text = str(error)
        if match := _MISMATCH.search(text):
            catalogue_format, known = match.groups()
        elif match := _UNKNOWN.search(text):
            catalogue_format, known = "", match[1]
        else:
            raise
        if catalogue_format and _order(catalogue_format) < _order(known):
            raise Outdated(
                f"{location} is in DuckLake's format {catalogue_format}, and DuckDB {duckdb.__version__} "
                f"needs {known}: run `reelhouse upkeep`, which copies the catalogue and then migrates it",
                catalogue_format,
            ) from None
        description = f"format {catalogue_format}" if catalogue_format else "a later format"
        raise NewerVersion(
            f"{location} is in {description} of DuckLake, and DuckDB "
            f"{duckdb.__version__} knows {known}: install the DuckDB that wrote it, with its extensions"
        ) from None


def _order(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)[:2]]


def read(connection: duckdb.DuckDBPyConnection, catalogue: str) -> str:
    """Return the format of the catalogue that is attached under that name."""
    row = connection.execute(
        f"SELECT value FROM {quote(catalogue)}.ducklake_metadata WHERE key = 'version'"
    ).fetchone()
    return str(row[0]) if row else ""


def require(connection: duckdb.DuckDBPyConnection, catalogue: str, known: str, location: Location) -> None:
    """Raise NewerVersion unless the catalogue still has the format that it was opened with."""
    with connection.cursor() as session:
        current = read(session, catalogue)
    if current != known:
        raise NewerVersion(
            f"{location} went from DuckLake's format {known} to {current} while it was open, so nothing was "
            "written: another program migrated it; run the command again"
        )


def require_same(connection: duckdb.DuckDBPyConnection, copied: str, made: str, location: Location) -> None:
    """Raise WarehouseError where a copy has another format than the catalogue that it is to fill."""
    copied_format, expected = read(connection, copied), read(connection, made)
    if copied_format != expected:
        raise WarehouseError(
            f"the copy is in DuckLake's format {copied_format}, and this engine made {location} in "
            f"{expected}: restore it with the engine that wrote it"
        )
