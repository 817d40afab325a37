"""One transaction: a batch's rows, its cursor and its ledger entry commit together or not at all."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

import json
import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import GeneratorType
from typing import Any, TypeAlias
from weakref import WeakSet

import duckdb
import pyarrow as pa

from warehouse import migrations
from warehouse.contracts import Plan
from warehouse.errors import SchemaMismatch
from warehouse.failures import reported
from warehouse.identifiers import columns as column_list
from warehouse.identifiers import qualified, quote
from warehouse.intake import INCOMING, WriteResult, take_in
from warehouse.location import Location
from warehouse.reading import Reading
from warehouse.schema import Column, Mode, Table

__all__ = ["Arrow", "Transaction", "WriteResult", "chunks"]

Arrow: TypeAlias = pa.Table | pa.RecordBatch | pa.RecordBatchReader | Iterable[pa.RecordBatch]

_READS = re.compile(r"\b(from|using)\b", re.I)
CHUNK_ROWS = 1_000_000
CHUNK_BYTES = 256 << 20


@dataclass
class _Batch:
    batch_id: str
    run_id: str | None
    source: str
    stream: str
    request: str | None
    source_hash: str | None
    rows_landed: int = 0
    rows_quarantined: int = 0


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


class Transaction(Reading):
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
        self._batches: list[_Batch] = []
        self.gained: dict[str, Table] = {}
        """Declarations that grew with the data, to be remembered once this transaction has committed."""

    # --- statements

    def register(self, name: str, data: Arrow) -> str:
        """Make Arrow data visible to this transaction's SQL as `name`, and return the name quoted.

        A reader or an iterator can be scanned once; a table any number of times.
        """
        if not isinstance(data, pa.Table | pa.RecordBatchReader):
            data = pa.Table.from_batches([data] if isinstance(data, pa.RecordBatch) else list(data))
        self._connection.register(name, data)
        return quote(name)

    def unregister(self, name: str) -> None:
        """Forget registered data, and with it the memory that it takes."""
        self._connection.unregister(name)

    def execute(self, sql: str, params: object = ()) -> int:
        """Run a statement; return the number of rows that it changed, 0 where that has no meaning."""
        if _READS.search(sql):
            self.queries.add(sql)
        with reported(self._location):
            self._connection.execute(sql, params or None)
            if self._connection.description and self._connection.description[0][0] == "Count":
                row = self._connection.fetchone()
                return int(row[0]) if row else 0
        return 0

    def run(self, work: Callable[[duckdb.DuckDBPyConnection], object]) -> None:
        """Call work with this transaction's connection."""
        with reported(self._location):
            work(self._connection)

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
        batch = self._batches[-1] if self._batches else None
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
        if batch:
            batch.rows_landed += taken.result.rows_landed
            batch.rows_quarantined += taken.result.rows_quarantined
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
        source = constants.get("source") or (self._batches[-1].source if self._batches else "unknown")
        batch_id = constants.get("batch_id") or (self._batches[-1].batch_id if self._batches else None)
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
        batch_id = f"{self._clock():%Y%m%dT%H%M%S}-{secrets.token_hex(5)}"
        self._batches.append(_Batch(batch_id, run_id, source, stream, request, source_hash))
        return batch_id

    def took_back(self, rows: int) -> None:
        """Count so many of the batch's rows as not landed: they were taken out again."""
        if self._batches:
            self._batches[-1].rows_landed -= rows

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
        n = int(rows.num_rows)
        if not n:
            return 0
        self._connection.register("set_aside", rows)
        try:
            same = (
                "FROM ops.quarantine AS old WHERE old.source = ? AND old.table_name = ? "
                "AND old.batch_id IS DISTINCT FROM ? AND (old.original, old.reason) IN "
                "(SELECT (original, reason) FROM set_aside)"
            )
            if self.scalar(f"SELECT count(*) {same}", [source, table_name, batch_id]):
                self.execute(f"DELETE {same}", [source, table_name, batch_id])
            now = self._clock()
            self.execute(
                "INSERT INTO ops.quarantine (source, table_name, reason, original, batch_id, seen_at, id) "
                "SELECT ?, ?, reason, original, ?, ?, ? + row_number() OVER () FROM set_aside",
                [source, table_name, batch_id, now, self._last_entry(now)],
            )
        finally:
            self._connection.unregister("set_aside")
        if counted and self._batches:
            self._batches[-1].rows_quarantined += n
        return n

    def _last_entry(self, now: datetime) -> int:
        """Return the number after which new entries of the quarantine are numbered.

        Numbers are microseconds since 1970, so that two transactions at once hardly choose the same ones; a
        clock that was set back does not repeat them.
        """
        newest = self.scalar("SELECT max(id) FROM ops.quarantine")
        return max(int(now.timestamp() * 1_000_000), newest or 0)

    def write_ledger(self) -> None:
        """Write the rows of ops.batches; called once before COMMIT."""
        for batch in self._batches:
            self.execute(
                "INSERT INTO ops.batches (batch_id, run_id, source, stream, request, source_hash, "
                "rows_landed, rows_quarantined, committed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    batch.batch_id,
                    batch.run_id,
                    batch.source,
                    batch.stream,
                    batch.request,
                    batch.source_hash,
                    batch.rows_landed,
                    batch.rows_quarantined,
                    self._clock(),
                ],
            )
