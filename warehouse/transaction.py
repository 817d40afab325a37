"""One transaction: a batch's rows, its cursor and its ledger entry commit together or not at all."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import GeneratorType
from typing import Any
from weakref import WeakSet

import duckdb
import pyarrow as pa

from warehouse import migrations
from warehouse.batch_ledger import BatchLedger
from warehouse.contracts import Plan
from warehouse.errors import SchemaMismatch
from warehouse.failures import reported
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified, quote
from warehouse.intake import INCOMING, WriteResult, take_in
from warehouse.location import Location
from warehouse.quarantine_writer import QuarantineWriter
from warehouse.schema import Column, Mode, Table
from warehouse.writing import Arrow, Writing

__all__ = ["Arrow", "Transaction", "WriteResult", "chunks"]

CHUNK_ROWS = 1_000_000
CHUNK_BYTES = 256 << 20


def chunks(data: Arrow, rows: int = CHUNK_ROWS, size: int = CHUNK_BYTES) -> Iterator[pa.Table]:
    """Yield the data as tables of about `rows` rows or `size` bytes, whichever is reached first."""
    if isinstance(data, pa.Table):
        yield data
        return
    batches: Iterable[pa.RecordBatch] = [data] if isinstance(data, pa.RecordBatch) else data
    held: list[pa.RecordBatch] = []
    n_rows = n_bytes = 0
    for batch in batches:
        held.append(batch)
        n_rows += batch.num_rows
        n_bytes += batch.nbytes
        if n_rows >= rows or n_bytes >= size:
            yield pa.Table.from_batches(held)
            held, n_rows, n_bytes = [], 0, 0
    if held:
        yield pa.Table.from_batches(held)


class Transaction(Writing):
    """What happens between BEGIN and COMMIT; made by `Warehouse.transaction`.

    What it queries includes what it has written.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Callable[[str], Table],
        clock: Callable[[], datetime],
        location: Location,
        undeclared: Mode = Mode.FREEZE,
        consumed: "WeakSet[Any] | None" = None,
    ) -> None:
        super().__init__(connection, location)
        self._table = tables
        self._clock = clock
        self._undeclared = undeclared
        self._consumed: WeakSet[Any] = WeakSet() if consumed is None else consumed
        self._ledger = BatchLedger(clock)
        self._quarantine = QuarantineWriter(clock)
        self.gained: dict[str, Table] = {}
        """Declarations that grew with the data, to be remembered once this transaction has committed."""

    # --- writing

    def append(self, table: str, data: Arrow, *, constants: Mapping[str, Any] | None = None) -> WriteResult:
        """Add rows; those that break the table's contract go to `ops.quarantine` instead.

        Columns are matched by name; absent nullable ones become NULL. `constants` are columns with one value
        for every row. Raises SchemaMismatch for unknown or absent required columns.
        """
        result = WriteResult()
        for chunk in self._chunks(data):
            result += self._write(table, chunk, constants or {})
        return result

    def replace(
        self, table: str, data: Arrow, where: Mapping[str, Any], *, constants: Mapping[str, Any] | None = None
    ) -> WriteResult:
        """Delete the rows whose columns equal `where` (all rows where it is empty), then append."""
        condition = " AND ".join(f"{quote(name)} IS NOT DISTINCT FROM ?" for name in where) or "true"
        self.execute(
            f"DELETE FROM {qualified(self._table(table).name)} WHERE {condition}", list(where.values())
        )
        return self.append(table, data, constants=constants)

    def replace_keys(
        self, table: str, data: Arrow, keys: Sequence[str], *, constants: Mapping[str, Any] | None = None
    ) -> WriteResult:
        """Delete the rows whose key values occur among the data's good rows, then append those."""
        # Whole, because a key's rows may lie in several batches, and its old ones are deleted once.
        parts = list(self._chunks(data))
        if not parts:
            return WriteResult()
        whole = pa.concat_tables(parts)

        def delete(how: Plan) -> None:
            value = dict(zip(how.names, how.values, strict=True))
            fresh = ", ".join(f"{value[key]} AS {quote(key)}" for key in keys)
            self._delete(how.table, keys, f"SELECT DISTINCT {fresh} FROM {INCOMING}")

        if unknown := sorted(set(keys) - set(whole.column_names)):
            raise SchemaMismatch(f"the data for {table} lacks the key {', '.join(unknown)}")
        return self._write(table, whole, constants or {}, before=delete)

    def delete_keys(self, table: str, keys: pa.Table) -> int:
        """Delete the rows whose values equal a row of `keys`, column by column; return how many."""
        declared = self._table(table)
        self._connection.register(INCOMING, keys)
        try:
            return self._delete(
                declared,
                keys.column_names,
                f"SELECT DISTINCT {column_list(keys.column_names)} FROM {INCOMING}",
            )
        finally:
            self._connection.unregister(INCOMING)

    def _chunks(self, data: Arrow) -> Iterator[pa.Table]:
        """Cut the data, and refuse a stream that an earlier attempt has read: its rows would be lost."""
        if isinstance(data, pa.RecordBatchReader | GeneratorType):
            if data in self._consumed:
                raise RuntimeError(
                    "this stream was read by an earlier attempt, which another process's commit undid: "
                    "make it anew inside the block that is tried again"
                )
            self._consumed.add(data)
        return chunks(data)

    def _delete(self, table: Table, keys: Sequence[str], fresh: str) -> int:
        same = " AND ".join(f"old.{quote(key)} IS NOT DISTINCT FROM fresh.{quote(key)}" for key in keys)
        return self.execute(
            f"DELETE FROM {qualified(table.name)} AS old USING ({fresh}) AS fresh WHERE {same}"
        )

    def _write(
        self,
        table: str,
        data: pa.Table,
        constants: Mapping[str, Any],
        before: Callable[[Plan], None] | None = None,
    ) -> WriteResult:
        """Take one table of data in, and set aside what breaks the contract."""
        declared = self._declared(table, data)
        if declared is None:
            return self._turn_away(table, data, constants)
        with reported(self._location):
            taken = take_in(self._connection, declared, data, constants, before)
        if taken.table != declared:
            self.gained[taken.table.name] = taken.table
        batch = self._ledger.present
        batch_id = constants.get("batch_id") or (batch.batch_id if batch else None)
        if taken.set_aside is not None:
            source = constants.get("source") or (batch.source if batch else declared.schema)
            self.quarantine(source, table, taken.set_aside, batch_id, counted=False)
        for breach in taken.breaches:
            self.execute(
                "INSERT INTO ops.contract_results (checked_at, table_name, rule, passed, breaches, detail, "
                "batch_id, run_id) VALUES (?, ?, ?, false, ?, ?, ?, ?)",
                [
                    self._clock(),
                    table,
                    breach.rule,
                    breach.rows,
                    breach.example,
                    batch_id,
                    batch.run_id if batch else None,
                ],
            )
        self._ledger.count(landed=taken.result.rows_landed, quarantined=taken.result.rows_quarantined)
        return taken.result

    def _declared(self, table: str, data: pa.Table) -> Table | None:
        """Return the table's declaration; None where it has none and its rows are to be set aside."""
        if table in self.gained:
            return self.gained[table]
        try:
            return self._table(table)
        except SchemaMismatch:
            if self._undeclared is Mode.FREEZE:
                raise
            if self._undeclared is not Mode.EVOLVE:
                return None
        self._connection.register(INCOMING, data)
        try:
            shape = self._connection.execute(f"DESCRIBE {INCOMING}").fetchall()
        finally:
            self._connection.unregister(INCOMING)
        meaning = "Came with the data; nobody has declared it yet."
        made = Table(table, meaning, tuple(Column(row[0], row[1], meaning) for row in shape))
        with reported(self._location):
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(made.schema)}")
            migrations.declare(self._connection, [made])
        self.gained[table] = made
        return made

    def _turn_away(self, table: str, data: pa.Table, constants: Mapping[str, Any]) -> WriteResult:
        """Set all rows of a table aside that nobody declared."""
        self._connection.register(INCOMING, data)
        try:
            rows = self.query(
                f"SELECT to_json({INCOMING}) AS original, $why AS reason FROM {INCOMING}",
                {"why": f"no table {table} is declared"},
            )
        finally:
            self._connection.unregister(INCOMING)
        batch = self._ledger.present
        source = constants.get("source") or (batch.source if batch else "unknown")
        batch_id = constants.get("batch_id") or (batch.batch_id if batch else None)
        n = self.quarantine(source, table, rows, batch_id)
        return WriteResult(n, 0, n)

    def table(self, name: str) -> Table:
        """Return a table's declaration, with what it gained in this transaction."""
        return self.gained.get(name) or self._table(name)

    # --- what commits with the rows

    def batch(
        self,
        run_id: str | None,
        source: str,
        stream: str,
        request: str | None = None,
        source_hash: str | None = None,
    ) -> str:
        """Begin a batch and return its id; its ops.batches row is written when the transaction commits.

        What is appended or set aside until the next `batch` counts as its rows.
        """
        return self._ledger.begin(run_id, source, stream, request, source_hash)

    def took_back(self, rows: int) -> None:
        """Count so many of the batch's rows as not landed: they were taken out again."""
        self._ledger.count(landed=-rows)

    def set_cursor(self, source: str, stream: str, cursor: Mapping[str, Any]) -> None:
        """Move a stream's cursor; it moves only if this transaction commits."""
        self.execute("DELETE FROM ops.cursors WHERE source = ? AND stream = ?", [source, stream])
        self.execute(
            "INSERT INTO ops.cursors (source, stream, cursor, updated_at) VALUES (?, ?, ?, ?)",
            [source, stream, json.dumps(cursor, sort_keys=True, default=str), self._clock()],
        )

    def cursor(self, source: str, stream: str) -> dict[str, Any] | None:
        """Return a stream's cursor as this transaction sees it, or None where it was never set."""
        text = self.scalar("SELECT cursor FROM ops.cursors WHERE source = ? AND stream = ?", [source, stream])
        return None if text is None else json.loads(text)

    def quarantine(
        self,
        source: str,
        table_name: str,
        rows: pa.Table,
        batch_id: str | None = None,
        *,
        counted: bool = True,
    ) -> int:
        """Set rows aside and return how many; `rows` has the columns original and reason.

        A row replaces one that an earlier batch set aside for the same reason: a file that is read every
        night shows its bad lines once.
        """
        n = self._quarantine.add(self, source, table_name, rows, batch_id)
        if counted:
            self._ledger.count(quarantined=n)
        return n

    def write_ledger(self) -> None:
        """Write the rows of ops.batches; called once before COMMIT."""
        self._ledger.write(self)
