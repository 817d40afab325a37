"""Keeps two processes from deleting rows of one data file at once, each without noticing the other.

With its catalogue in PostgreSQL, DuckLake 1.5.5 misses this conflict where an earlier transaction has already
deleted rows of the file: it looks for deletions by the snapshot of a file's first one. Both commit, rows that
were deleted come back, and the others are there twice. Only transactions that insert nothing into the table
are concerned; an insertion beside a deletion is a conflict that it sees. A catalogue in SQLite has one writer
at a time.
"""

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager

import duckdb

from warehouse import consistent_read, lake_lock
from warehouse.connection import LAKE
from warehouse.errors import Conflict
from warehouse.location import Location

_DELETION = re.compile(r"\bdelete\b", re.I)


@contextmanager
def alone(
    transaction: duckdb.DuckDBPyConnection, location: Location, queries: Collection[str]
) -> Iterator[None]:
    """Let no other process commit deletions while the block commits a transaction that has some.

    Raises Conflict where another process has deleted from a table that the queries name, since the
    transaction began.
    """
    if not (location.catalog.is_server and any(map(_DELETION.search, queries))):
        yield
        return
    row = transaction.execute(f"SELECT id FROM {LAKE}.current_snapshot()").fetchone()  # noqa: S608
    since = int(row[0]) if row else None
    with lake_lock.hold(location, "deletions", timeout=-1):
        if consistent_read.mixed(transaction, location, since, queries):
            raise Conflict(f"another process changed the same tables of {location}: try again")
        yield
