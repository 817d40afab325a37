"""Tells when an answer may mix two states of the lake.

With a catalogue in SQLite, DuckLake 1.0 reads the catalogue's tables one after another, each as it is at that
moment, and not as at the snapshot of its transaction. Rows that were deleted come back for a question that
another process's commit overtakes. PostgreSQL's transactions see one state.
"""

import re
from collections.abc import Iterable

import duckdb

from warehouse.connection import CATALOGUE
from warehouse.location import Location
from warehouse.schema import VIEWS

_CHANGE = re.compile(r"(\w+):(\d+)")
_HARMLESS = re.compile(r"inserted_into_table|created_\w+")
"""Changes after which an older snapshot is read as before, whichever of the catalogue's states are mixed."""
_WORD = re.compile(r"\w+")


def newest(connection: duckdb.DuckDBPyConnection, location: Location) -> int | None:
    """Return the newest snapshot as another connection sees it; None where no answer can be mixed."""
    if location.catalog.is_server:
        return None
    location.refuse_gone()
    with connection.cursor() as session:
        row = session.execute(f"SELECT max(snapshot_id) FROM {CATALOGUE}.ducklake_snapshot").fetchone()  # noqa: S608
    return int(row[0]) if row and row[0] is not None else None


def mixed(
    connection: duckdb.DuckDBPyConnection, location: Location, since: int | None, queries: Iterable[str]
) -> bool:
    """Return whether a table that the queries name lost rows or files after snapshot `since`.

    A query names a table if the table's name, or that of a view of the lake over it, is among its words, even
    as a column's name. Temporary views of a session are not resolved.
    """
    if since is None or newest(connection, location) == since:
        return False
    with connection.cursor() as session:
        changes = session.execute(
            f"SELECT changes_made FROM {CATALOGUE}.ducklake_snapshot_changes WHERE snapshot_id > ?",  # noqa: S608
            [since],
        ).fetchall()
        touched = {
            int(table)
            for (text,) in changes
            for change, table in _CHANGE.findall(text or "")
            if not _HARMLESS.fullmatch(change)
        }
        names = session.execute(
            f"SELECT DISTINCT table_name FROM {CATALOGUE}.ducklake_table WHERE list_contains(?, table_id)",  # noqa: S608
            [sorted(touched)],
        ).fetchall()
    return not _words(queries).isdisjoint(name.lower() for (name,) in names)


def _words(queries: Iterable[str]) -> set[str]:
    words = {word.lower() for text in queries for word in _WORD.findall(text)}
    unseen = {view.name.split(".")[-1]: view.sql for view in VIEWS}
    while named := words & unseen.keys():
        for name in named:
            words |= {word.lower() for word in _WORD.findall(unseen.pop(name))}
    return words
