"""SQL for people: a connection that reads the lake and can do nothing else.

Three locks, none of which looks for patterns in the query's text. The lake is attached READ_ONLY. DuckDB's
external access is off and its configuration locked, so that no file outside the lake's directory can be read.
DuckDB's parser names the kind of each statement, and its tokenizer the functions called, so that COPY (which
could still write among the lake's files), the upkeep functions (which delete files before they ask the
catalogue) and every table function that is not known to be harmless are refused.
"""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from types import TracebackType
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from warehouse import consistent_read, migrations
from warehouse.cancellation import awaited
from warehouse.connection import attach_lines, connect
from warehouse.errors import OutOfMemory, QueryFailed, Refused
from warehouse.failures import reported
from warehouse.identifiers import literal
from warehouse.location import Location
from warehouse.presence import require
from warehouse.snapshots import parse_as_of, resolve

__all__ = ["ReadOnlyConnection", "attach_statement", "is_complete", "open_read_only", "parse_as_of"]

T = TypeVar("T")
_ATTEMPTS = 10
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
# The functions of DuckLake's own schema are not listed by DuckDB: these delete or write data files.
_UPKEEP = (
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
# Table functions that may be called. All others are refused, whatever extension brings them: some open files
# and servers by ways of their own, some take addresses in memory, some run SQL that was not looked at.
_ALLOWED_FUNCTIONS = re.compile(
    "range|generate_series|unnest|repeat|repeat_row|summary|histogram|histogram_values|query_table|glob"
    "|json_each|json_tree|icu_calendar_names|pg_timezone_names|test_all_types"
    "|duckdb_.*|pragma_.*|parquet_.*|sniff_csv|read_(blob|csv.*|json.*|ndjson.*|parquet|text)"
    "|ducklake_(current_snapshot|last_committed_snapshot|list_files|options|settings|snapshots|table_.*)"
)
# These may be called where other files may be read. Those that read_… opens DuckDB itself keeps to the lake's
# directory where they may not.
_FILE_FUNCTIONS = frozenset({"sqlite_scan", "read_duckdb"})
_ALLOWED_PRAGMAS = frozenset(
    {
        *("collations", "database_list", "database_size", "functions", "metadata_info", "platform", "show"),
        *("show_databases", "show_tables", "show_tables_expanded", "storage_info", "table_info", "version"),
    }
)
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|\w[\w$]*|.', re.S)
# What DuckDB's parser takes for a blank, and its tokenizer for a letter.
_BLANKS = re.compile("[\u00a0\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff]")


class ReadOnlyConnection:
    """A DuckDB connection on which every statement is looked at by DuckDB's own parser before it runs."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, location: Location, *, files: bool = False
    ) -> None:
        self._connection = connection
        self._location = location
        self._unread: tuple[str, object, int | None] | None = None
        known = connection.execute(
            "SELECT DISTINCT function_name FROM duckdb_functions() "
            "WHERE function_type IN ('table', 'table_macro', 'pragma')"
        ).fetchall()
        self._refused_functions = {
            *(name for (name,) in known if not _ALLOWED_FUNCTIONS.fullmatch(name)),
            *_UPKEEP,
        } - (_FILE_FUNCTIONS if files else frozenset())

    def execute(self, sql: str, params: object = ()) -> "ReadOnlyConnection":
        """Run the statements of `sql`; the last one's result can be fetched.

        Raises Refused for what may not be done here, QueryFailed for what cannot be done.
        """
        self._unread = None
        with _translated():
            again = self._refuse(sql)

        def ask() -> int | None:
            since = consistent_read.newest(self._connection, self._location) if again else None
            self._connection.execute(sql, params or None)
            return since

        with _translated():
            self._unread = (sql, params, awaited(ask, self.interrupt))
        return self

    def _read(self, read: Callable[[], T]) -> T:
        """Return what `read` finds, asking again where that may come from two states of the lake."""
        query, self._unread = self._unread, None

        def read_one_state() -> T:
            rows = read()
            if query is None:
                return rows
            sql, params, since = query
            for attempt in range(_ATTEMPTS):
                if not consistent_read.mixed(self._connection, self._location, since, [sql]):
                    return rows
                time.sleep(0.05 * attempt)
                since = consistent_read.newest(self._connection, self._location)
                self._connection.execute(sql, params or None)
                rows = read()
            raise QueryFailed("what this reads is changed all the time: ask again in a while")

        with _translated():
            return awaited(read_one_state, self.interrupt)

    @property
    def description(self) -> list[tuple[Any, ...]] | None:
        """The columns of the result, None before the first query."""
        return self._connection.description

    def fetchall(self) -> list[Any]:
        """Return the rows that are left."""
        return self._read(self._connection.fetchall)

    def fetchone(self) -> tuple[Any, ...] | None:
        """Return the next row, None after the last."""
        return self._read(self._connection.fetchone)

    def to_arrow_table(self) -> pa.Table:
        """Return the result as an Arrow table."""
        return self._read(self._connection.to_arrow_table)

    def to_arrow_reader(self, rows: int = 100_000) -> pa.RecordBatchReader:
        """Return the result as a stream of record batches of about `rows` rows."""
        reader = self._read(lambda: self._connection.to_arrow_reader(rows))

        def batches() -> Iterator[pa.RecordBatch]:
            while (batch := self._next(reader)) is not None:
                yield batch

        return pa.RecordBatchReader.from_batches(reader.schema, batches())

    def _next(self, reader: pa.RecordBatchReader) -> pa.RecordBatch | None:
        with _translated():
            return awaited(lambda: next(reader, None), self.interrupt)

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

    def _refuse(self, sql: str) -> bool:
        """Raise Refused for what may not be done here; otherwise return whether `sql` may be asked twice."""
        statements = self._connection.extract_statements(sql)
        if not statements:
            raise QueryFailed("there is no statement in this text")
        for statement in statements:
            kind = statement.type.name
            if kind == "EXPLAIN":
                self._refuse(_explained(statement.query))
            elif kind in _REFUSED_KINDS:
                raise _refused(_REFUSED_KINDS[kind])
            elif kind == "CREATE" and _is_lasting(statement.query):
                # DuckLake makes the table's directory before it asks whether it may.
                raise _refused("CREATE makes what is TEMP only: write CREATE TEMP …")
            elif kind == "DROP" and "secret" in [word for word, _ in _words(statement.query)][1:3]:
                raise _refused("DROP SECRET would take the lake's keys away")
        words = [";", *(word for word, _ in _words(sql))]
        for earlier, before, word in zip(["", *words], words, words[1:], strict=False):
            if word == "(" and before in self._refused_functions:
                raise _refused(f"{before}() is refused")
            if (earlier, before) == (";", "pragma") and word not in _ALLOWED_PRAGMAS:
                raise _refused(f"PRAGMA {word} changes how the connection works")
        return all(statement.type.name == "SELECT" for statement in statements)


def _is_lasting(sql: str) -> bool:
    """Return whether the text itself says CREATE (DuckDB turns PIVOT into one), and not TEMP."""
    first, *words = [word for word, _ in _words(sql)][:4] or [""]
    made = words[2:3] if words[:1] == ["or"] else words[:1]
    return first == "create" and made not in (["temp"], ["temporary"])


def _refused(why: str) -> Refused:
    return Refused(f"this connection only reads: {why}")


@contextmanager
def _translated() -> Iterator[None]:
    """Raise what DuckDB raises inside the block as QueryFailed, with DuckDB's whole text.

    A query that was stopped raises KeyboardInterrupt.
    """
    try:
        yield
    except duckdb.InterruptException as error:
        raise KeyboardInterrupt from error
    except duckdb.OutOfMemoryException as error:
        raise OutOfMemory(str(error)) from error
    except duckdb.PermissionException as error:
        raise Refused(str(error)) from error
    except duckdb.Error as error:
        raise QueryFailed(str(error)) from error


def _words(sql: str) -> Iterator[tuple[str, int]]:
    """Yield each token of `sql` in lower case and without quotes, and the byte where it begins.

    A comment belongs to the token before it, and is left out.
    """
    sql = _BLANKS.sub(lambda blank: " " * len(blank[0].encode()), sql)
    text = sql.encode()  # the tokenizer counts bytes
    starts = [start for start, _ in duckdb.tokenize(sql)]
    for start, end in pairwise([*starts, len(text)]):
        token = text[start:end].decode(errors="replace")
        match = _TOKEN.match(token)
        if match is not None:
            quoted = match[1]
            yield (match[0] if quoted is None else quoted.replace('""', '"')).lower(), start


def is_complete(sql: str) -> bool:
    """Return whether `sql` ends with a semicolon that is neither in a text nor in a comment.

    >>> is_complete("SELECT 1; -- done"), is_complete("SELECT ';")
    (True, False)
    """
    return [word for word, _ in _words(sql)][-1:] == [";"]


def _explained(sql: str) -> str:
    """Return the statement that EXPLAIN [ANALYZE] [(options)] explains."""
    depth = 0
    for word, start in _words(sql):
        depth += (word == "(") - (word == ")")
        if depth == 0 and word not in ("explain", "analyze", "verbose", ")"):
            return sql.encode()[start:].decode()
    return ""


def open_read_only(
    location: Location,
    as_of: int | datetime | None = None,
    *,
    files: bool = False,
    memory_limit: str | None = None,
) -> ReadOnlyConnection:
    """Return a connection that can only read the lake, as it is or as it was at a snapshot or a time.

    With `files`, its queries may also read this machine's files and what the loaded extensions reach. Raises
    NoWarehouse where there is no lake, and QueryFailed where there was no such snapshot.
    """
    require(location)
    pinned = "" if as_of is None else f"SNAPSHOT_VERSION {resolve(location, as_of):d}"
    with reported(location):
        connection = connect(location, read_only=True, snapshot=pinned, memory_limit=memory_limit)
        try:
            # The catalogue's own file is allowed by being attached; the data files are not.
            connection.execute(f"SET allowed_directories = [{literal(location.data_root)}]")
            migrations.refuse_newer(connection, location)
            if not files:
                connection.execute("SET enable_external_access = false")
            connection.execute("SET lock_configuration = true")
            return ReadOnlyConnection(connection, location, files=files)
        except BaseException:
            connection.close()
            raise


def attach_statement(location: Location) -> str:
    """Return the lines that attach the lake, read-only, in any DuckDB client; views work under any alias."""
    return attach_lines(location, "reelhouse")
