"""SQL for people: a connection that reads the lake and can do nothing else.

Three locks, none of which looks for patterns in the query's text. The lake is attached READ_ONLY. DuckDB's
external access is off and its configuration locked, so that no file outside the lake's directory can be read.
DuckDB's parser names the kind of each statement, and its tokenizer the functions called, so that COPY (which
could still write among the lake's files) and the upkeep functions (which delete files before they ask the
catalogue) are refused.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa

from warehouse import migrations
from warehouse.connection import attach_lines, connect, interruptible
from warehouse.failures import reported
from warehouse.identifiers import literal
from warehouse.location import Location
from warehouse.snapshots import parse_as_of, resolve

__all__ = ["ReadOnlyConnection", "attach_statement", "is_complete", "open_read_only", "parse_as_of"]

_REFUSED_KINDS = {
    "COPY": "COPY writes files: use --format or --output",
    "COPY_DATABASE": "COPY FROM DATABASE writes files",
    "EXPORT": "EXPORT writes files: use `reelhouse export`",
    "ATTACH": "ATTACH opens other files",
    "DETACH": "DETACH would take the lake away",
    "LOAD": "INSTALL and LOAD bring in foreign code",
    "CALL": "CALL and CHECKPOINT may change the lake",
    "VACUUM": "VACUUM may change the lake",
    "PREPARE": "PREPARE is not offered here",
    "EXECUTE": "EXECUTE is not offered here",
}
# These delete or write data files, or run SQL text that was not looked at.
_REFUSED_FUNCTIONS = frozenset(
    {
        *(
            prefix + name
            for prefix in ("", "ducklake_")
            for name in (
                "add_data_files",
                "cleanup_old_files",
                "commit",
                "delete_orphaned_files",
                "expire_snapshots",
                "flush_inlined_data",
                "merge_adjacent_files",
                "rewrite_data_files",
                "set_commit_message",
                "set_option",
            )
        ),
        "query",
        "json_execute_serialized_sql",
        # These ask the catalogue's server for whatever it lets its user do, reading its files included.
        "postgres_query",
        "postgres_execute",
        "postgres_scan",
        "postgres_scan_pushdown",
        "postgres_attach",
    }
)
_COMMENT = re.compile(r"/\*.*?\*/|--[^\n]*", re.S)


class ReadOnlyConnection:
    """A DuckDB connection on which every statement is looked at by DuckDB's own parser before it runs."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def execute(self, sql: str, params: object = ()) -> "ReadOnlyConnection":
        """Run the statements of `sql`; the last one's result can be fetched.

        Raises duckdb.PermissionException for what may not be done here, duckdb.Error for what cannot be done.
        """
        self._refuse(sql)
        with interruptible(self._connection):
            self._connection.execute(sql, params or None)
        return self

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """The columns of the result, None before the first query."""
        return self._connection.description

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        with interruptible(self._connection):
            return self._connection.fetchall()

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, None after the last."""
        with interruptible(self._connection):
            return self._connection.fetchone()

    def to_arrow_table(self) -> pa.Table:
        """Return the result as an Arrow table."""
        with interruptible(self._connection):
            return self._connection.to_arrow_table()

    def to_arrow_reader(self, rows: int = 100_000) -> pa.RecordBatchReader:
        """Return the result as a stream of record batches of about `rows` rows."""
        return self._connection.to_arrow_reader(rows)

    def interrupt(self) -> None:
        """Stop the query that another thread is waiting for."""
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def __enter__(self) -> "ReadOnlyConnection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refuse(self, sql: str) -> None:
        for statement in self._connection.extract_statements(sql):
            kind = statement.type.name
            if kind == "EXPLAIN":
                self._refuse(_explained(statement.query))
            elif kind in _REFUSED_KINDS:
                raise duckdb.PermissionException(f"this connection only reads: {_REFUSED_KINDS[kind]}")
        called = _REFUSED_FUNCTIONS.intersection(_called(sql))
        if called:
            raise duckdb.PermissionException(f"this connection only reads: {min(called)}() is refused")


def _words(sql: str) -> Iterator[tuple[str, int]]:
    """Yield each token of `sql` in lower case without quotes and comments, and the byte where it begins."""
    text = sql.encode()  # the tokenizer counts bytes
    starts = [start for start, _ in duckdb.tokenize(sql)]
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        word = _COMMENT.sub(" ", text[start:end].decode(errors="replace")).strip()
        yield word.strip('"').replace('""', '"').lower(), start


def is_complete(sql: str) -> bool:
    """Return whether `sql` ends with a semicolon that is neither in a text nor in a comment.

    >>> is_complete("SELECT 1; -- done"), is_complete("SELECT ';")
    (True, False)
    """
    return [word for word, _ in _words(sql)][-1:] == [";"]


def _called(sql: str) -> Iterator[str]:
    """Yield the names that an opening parenthesis follows."""
    before = ""
    for word, _ in _words(sql):
        if word == "(":
            yield before
        before = word


def _explained(sql: str) -> str:
    """Return the statement that EXPLAIN [ANALYZE] [(options)] explains."""
    depth = 0
    for word, start in _words(sql):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word not in ("explain", "analyze", "verbose", ")"):
            return sql.encode()[start:].decode()
    return ""


def open_read_only(
    location: Location, as_of: int | datetime | None = None, *, memory_limit: str | None = None
) -> ReadOnlyConnection:
    """Return a connection that can only read the lake, as it is or as it was at a snapshot or a time.

    Raises NoWarehouse where there is none, and QueryFailed where there was no such snapshot.
    """
    location.require()
    pinned = "" if as_of is None else f"SNAPSHOT_VERSION {resolve(location, as_of):d}"
    with reported(location):
        connection = connect(location, read_only=True, snapshot=pinned, memory_limit=memory_limit)
        try:
            # The catalogue's own file is allowed by being attached; the data files are not.
            connection.execute(f"SET allowed_directories = [{literal(location.data_root)}]")
            migrations.refuse_newer(connection, location)
            connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
        except BaseException:
            connection.close()
            raise
    return ReadOnlyConnection(connection)


def attach_statement(location: Location) -> str:
    """Return the lines that attach the lake, read-only, in any DuckDB client; views work under any alias."""
    return attach_lines(location, "reelhouse")
