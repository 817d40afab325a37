"""SQL for people: a connection that reads the lake and can do nothing else.

Four locks, none of which looks for patterns in the query's text:

- What is attached is a private copy of the catalogue, READ_ONLY, in which no view and no macro reaches out
  of the lake, whoever made it and by whatever name it is called (`warehouse.private_lake`).
- DuckDB's external access is off and its configuration locked, so that DuckDB opens no file outside the
  lake's directory, and attaches no database.
- DuckDB's parser names the kind of each statement: COPY could still write among the lake's files.
- Its tokenizer names the functions called: one that is not known to be harmless is refused
  (`warehouse.functions`). SQL that comes as a text has no way in, for the functions that run such a text
  are refused too.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from types import TracebackType
from typing import Any, TypeVar

import duckdb
import pyarrow as pa

from warehouse import functions, migrations
from warehouse.cancellation import awaited
from warehouse.connection import attach_lines
from warehouse.errors import OutOfMemory, QueryFailed, Refused
from warehouse.failures import reported
from warehouse.identifiers import literal
from warehouse.location import Location
from warehouse.moments import parse_as_of
from warehouse.private_lake import PrivateLake
from warehouse.streaming import next_batch

__all__ = [
    "ReadOnlyConnection",
    "attach_statement",
    "is_complete",
    "open_read_only",
    "parse_as_of",
    "statements_of",
]

T = TypeVar("T")
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
_TOKEN = re.compile(r'"((?:[^"]|"")*)"|\w[\w$]*|.', re.S)
# What DuckDB's parser takes for a blank, and its tokenizer for a letter.
_BLANKS = re.compile("[\u00a0\u2000-\u200d\u202f\u205f\u2060\u3000\ufeff]")


class ReadOnlyConnection:
    """A DuckDB connection on which every statement is looked at by DuckDB's own parser before it runs."""

    def __init__(self, lake: PrivateLake, *, files: bool = False) -> None:
        self._lake = lake
        self._connection = lake.connection
        self._files = files
        self._refused_functions: frozenset[str] | None = None
        self._in_transaction = False
        self._stopped = False

    def execute(self, sql: str, params: object = ()) -> "ReadOnlyConnection":
        """Run the statements of `sql`; the last one's result can be fetched.

        Raises Refused for what may not be done here, QueryFailed for what cannot be done.
        """
        with self._translated():
            self._refuse(sql)
        if not self._in_transaction:
            with reported(self._lake.location):
                self._lake.renew()
        self._stopped = False
        with self._translated():
            self._in_transaction = self._leaves_open(sql)
            awaited(lambda: self._connection.execute(sql, params or None), self.interrupt)
        return self

    def _read(self, read: Callable[[], T]) -> T:
        with self._translated():
            return awaited(read, self.interrupt)

    def _leaves_open(self, sql: str) -> bool:
        """Return whether a transaction is open once `sql` has run."""
        opened = self._in_transaction
        for statement in self._connection.extract_statements(sql):
            if statement.type.name == "TRANSACTION":
                opened = next(_words(statement.query), ("", 0))[0] in ("begin", "start")
        return opened

    def is_question(self, sql: str) -> bool:
        """Return whether a statement is asked for its rows: a SELECT, or what DuckDB makes one of.

        Raises what `execute` raises for a text that may not be run.
        """
        with self._translated():
            self._refuse(sql)
            kinds = [statement.type.name for statement in self._connection.extract_statements(sql)]
        return kinds[-1:] in (["SELECT"], ["EXPLAIN"])

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
        with self._translated():
            return awaited(lambda: next_batch(reader), self.interrupt)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Raise what DuckDB raises inside the block as QueryFailed, with DuckDB's whole text.

        Of a fault in DuckDB itself that is the first line: its stack is of use to nobody here. A query that
        was stopped raises KeyboardInterrupt, one whose lake was deleted meanwhile NoWarehouse.
        """
        try:
            yield
        except duckdb.InterruptException as error:
            if not self._stopped:  # by DuckDB, when another of its threads failed
                raise QueryFailed("the query failed, and DuckDB did not say why: run it again") from error
            raise KeyboardInterrupt from error
        except duckdb.OutOfMemoryException as error:
            raise OutOfMemory(str(error)) from error
        except (duckdb.InternalException, duckdb.FatalException) as error:
            raise QueryFailed(str(error).strip().partition("\n")[0]) from error
        except duckdb.PermissionException as error:
            raise Refused(str(error)) from error
        except duckdb.Error as error:
            if isinstance(error, duckdb.IOException):
                self._lake.location.refuse_gone()
            raise QueryFailed(str(error)) from error

    def interrupt(self) -> None:
        """Stop the query that another thread is waiting for."""
        self._stopped = True
        self._connection.interrupt()

    def close(self) -> None:
        """Close the connection."""
        self._lake.close()

    def __enter__(self) -> "ReadOnlyConnection":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _refuse(self, sql: str) -> None:
        """Raise Refused for what may not be done here."""
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
        allowed = functions.queried(files=self._files)
        words = [";", *(word for word, _ in _words(sql))]
        for earlier, before, word in zip(["", *words], words, words[1:], strict=False):
            if word == "(" and before not in allowed and before in self._refused():
                why = functions.WRONG.get(before)
                if why is not None:
                    raise Refused(f"{before}() is refused: {why}")
                raise _refused(f"{before}() is refused")
            if (earlier, before) == (";", "pragma") and word not in functions.PRAGMAS:
                raise _refused(f"PRAGMA {word} changes how the connection works")

    def _refused(self) -> frozenset[str]:
        # Listed when a query calls what is not on the list: keywords, and functions that a person made.
        if self._refused_functions is None:
            self._refused_functions = functions.refused(self._connection, files=self._files)
        return self._refused_functions


def _is_lasting(sql: str) -> bool:
    """Return whether the text itself says CREATE (DuckDB turns PIVOT into one), and not TEMP."""
    first, *words = [word for word, _ in _words(sql)][:4] or [""]
    made = words[2:3] if words[:1] == ["or"] else words[:1]
    return first == "create" and made not in (["temp"], ["temporary"])


def _refused(why: str) -> Refused:
    return Refused(f"this connection only reads: {why}")


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


def statements_of(sql: str) -> list[str]:
    """Return the statements of `sql`, without those that are empty.

    >>> statements_of("SELECT ';'; SELECT 2;; -- done")
    ["SELECT ';'", ' SELECT 2']
    """
    text, parts, start, empty = sql.encode(), [], 0, True
    for word, place in (*_words(sql), (";", len(sql.encode()))):
        if word != ";":
            empty = False
            continue
        if not empty:
            parts.append(text[start:place].decode())
        start, empty = place + 1, True
    return parts


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
    lake = PrivateLake(location, as_of, memory_limit=memory_limit)
    try:
        with reported(location):
            migrations.refuse_newer(lake.connection, location)
            # The next copy of the catalogue is attached from there.
            directories = f"{literal(location.data_root)}, {literal(str(lake.directory))}"
            lake.connection.execute(f"SET allowed_directories = [{directories}]")
            if not files:
                lake.connection.execute("SET enable_external_access = false")
            lake.connection.execute("SET lock_configuration = true")
            return ReadOnlyConnection(lake, files=files)
    except BaseException:
        lake.close()
        raise


def attach_statement(location: Location) -> str:
    """Return the lines that attach the lake, read-only, in any DuckDB client; views work under any alias."""
    return attach_lines(location, "reelhouse")
