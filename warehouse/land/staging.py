"""A bulk file's rows in DuckDB, before they are compared with what `raw` holds."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import duckdb
import pyarrow as pa

from warehouse.connection import LAKE, first, interruptible
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified, quote
from warehouse.land.hashes import content_hash, key_value, repeats
from warehouse.schema import Table
from warehouse.transaction import Transaction, chunks

STREAM_ROWS = 250_000
ROWS = 500_000
CHANGED = "SELECT * EXCLUDE (place, content), false AS deleted FROM staged SEMI JOIN changed USING (place)"


class Stage:
    """The rows in a temporary table of a connection of its own, to be read while the transaction writes.

    It sees what was committed before; a file's table is landed once per transaction.
    """

    def __init__(
        self, tx: Transaction, session: duckdb.DuckDBPyConnection, table: Table, keys: Sequence[str]
    ) -> None:
        self._tx = tx
        self._session = session
        self._table = table
        self._keys = keys
        self._key = key_value(table, keys)
        self.columns: tuple[str, ...] = ()
        self.rows = 0

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> duckdb.DuckDBPyConnection:
        """Run a statement; what goes wrong is reported as in the transaction."""
        results: list[duckdb.DuckDBPyConnection] = []
        self._tx.run(lambda _: results.append(self._session.execute(sql, dict(params) if params else None)))
        return results[0]

    def scalar(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:
        """Return the first value of the first row, or None where there is no row."""
        row = first(self.execute(sql, params))
        return row[0] if row else None

    def stream(self, sql: str) -> pa.RecordBatchReader:
        """Return the rows of a query as they come."""
        return self.execute(sql).to_arrow_reader(STREAM_ROWS)

    def fill(self, batches: Iterable[pa.RecordBatch]) -> None:
        """Read the file, keeping each row's place in it and a hash of its content.

        What the batches' own source raises passes through as it is. DuckDB is given tables: it would read a
        stream in a thread of its own, which an interrupted process would leave behind.
        """
        for chunk in chunks(batches, ROWS):
            began = bool(self.columns)
            self.columns = tuple(chunk.column_names)
            self._session.register("arriving", chunk)
            self.execute(
                f"{'INSERT INTO staged' if began else 'CREATE TEMP TABLE staged AS'} "
                f"SELECT *, {self.rows:d} + row_number() OVER () AS place, "
                f"{content_hash(self._table, self.columns)} AS content FROM arriving"
            )
            self._session.unregister("arriving")
            self.rows += chunk.num_rows

    def take_repeated(self) -> pa.Table:
        """Keep the first row of each key; return the others with the columns original and reason."""
        empty = pa.table({"original": pa.array([], pa.string()), "reason": pa.array([], pa.string())})
        if not self.rows or self.scalar(f"SELECT count(DISTINCT {self._key}) FROM staged") == self.rows:
            return empty
        self.execute(
            "CREATE TEMP TABLE repeated AS SELECT place FROM staged "
            f"QUALIFY row_number() OVER (PARTITION BY {self._key} ORDER BY place) > 1"
        )
        original = ", ".join(f"{quote(column)}: {quote(column)}" for column in self.columns)
        taken = self.execute(
            f"SELECT CAST(to_json({{{original}}}) AS VARCHAR) AS original, $reason AS reason "
            "FROM staged SEMI JOIN repeated USING (place) ORDER BY place",
            {"reason": repeats(self._keys)},
        ).to_arrow_table()
        self.execute("DELETE FROM staged WHERE place IN (SELECT place FROM repeated)")
        return taken

    def compare(self, only: str, params: Mapping[str, Any]) -> None:
        """Find the places of new or changed rows (`changed`) and the row ids of those gone (`vanished`)."""
        content = content_hash(self._table, self.columns)
        self.execute(
            f"CREATE TEMP TABLE held AS SELECT {self._key} AS key, max(rowid) AS row_id, "
            f"arg_max({content}, rowid) AS content, arg_max(deleted, rowid) AS deleted "
            f"FROM {qualified(self._table.name)} {only} GROUP BY key",
            params,
        )
        self.execute(
            "CREATE TEMP TABLE changed AS SELECT place "
            f"FROM staged LEFT JOIN held AS old ON old.key = {self._key} "
            "WHERE old.row_id IS NULL OR old.deleted OR old.content <> staged.content"
        )
        self.execute(
            "CREATE TEMP TABLE vanished AS SELECT old.row_id "
            f"FROM held AS old ANTI JOIN staged ON old.key = {self._key} WHERE NOT old.deleted"
        )

    def vanished(self) -> pa.RecordBatchReader:
        """Return the rows that are gone, with their last values and deleted = true."""
        return self.stream(
            f"SELECT {column_list(self.columns, prefix='old')}, true AS deleted "
            f"FROM {qualified(self._table.name)} AS old JOIN vanished ON old.rowid = vanished.row_id"
        )


@contextmanager
def staged(
    tx: Transaction, table: Table, keys: Sequence[str], batches: Iterable[pa.RecordBatch]
) -> Iterator[Stage]:
    """Yield the batches' rows, staged; they are dropped at the end of the block. Ctrl-C ends it at once."""
    sessions: list[duckdb.DuckDBPyConnection] = []
    tx.run(lambda connection: sessions.append(connection.cursor()))
    with sessions[0] as session, interruptible(session):
        stage = Stage(tx, session, table, keys)
        stage.execute(f"USE {quote(LAKE)}")
        stage.fill(batches)
        yield stage
