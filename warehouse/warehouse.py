"""The warehouse: one DuckLake, opened for writing or for reading."""

# ruff: noqa: S608 — names pass through warehouse.identifiers, values are bound

import json
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, TypeVar
from weakref import WeakSet

import duckdb
import pyarrow as pa
import tenacity

from warehouse import (
    consistent_read,
    deletions,
    extensions,
    formats,
    ledger,
    migrations,
    opening,
    streaming,
)
from warehouse.cancellation import awaited
from warehouse.connection import CATALOGUE, LAKE, attach, interruptible
from warehouse.errors import (
    Conflict,
    SchemaMismatch,
)
from warehouse.failures import reported
from warehouse.identifiers import literal, qualified
from warehouse.location import Location
from warehouse.reading import Reading, registered
from warehouse.schema import TABLES, Mode, Table
from warehouse.transaction import Transaction

T = TypeVar("T")


def utc_now() -> datetime:
    """Return the time, with its zone."""
    return datetime.now(UTC)


class Warehouse:
    """An open lake. Every thread may query it; each transaction has a connection of its own."""

    def __init__(
        self,
        location: Location,
        connection: duckdb.DuckDBPyConnection,
        clock: Callable[[], datetime],
        read_only: bool,
        format: str,
    ) -> None:
        self.location = location
        self.clock = clock
        self.read_only = read_only
        self.undeclared = Mode.FREEZE
        """What a write to a table does that nobody declared."""
        self._consumed: WeakSet[Any] = WeakSet()
        self._connection = connection
        self.format = format
        """The format of DuckLake's own tables when this was opened: a write finds the same, or is refused."""
        self._tables = {table.name: table for table in TABLES}

    @classmethod
    def open(
        cls,
        location: Location,
        *,
        read_only: bool = False,
        clock: Callable[[], datetime] = utc_now,
        memory_limit: str | None = None,
        threads: int | None = None,
        mend: bool = True,
    ) -> "Warehouse":
        """Open the warehouse at `location`, and bring a layout of an earlier release up to date.

        Args:
            location: Where the catalogue and the data files lie.
            read_only: Write nothing, and create no warehouse. A reader still migrates an earlier layout,
                where it may, so that it finds what this release declares.
            clock: The time that rows and runs are stamped with, aware.
            memory_limit: DuckDB's limit, such as `4GB`; its own default where None.
            threads: DuckDB's threads; its own default where None.
            mend: Mend statistics that hide rows, which an earlier release's upkeep may have left. A reader
                mends nothing.

        Returns:
            The open warehouse. Its `with` block closes it.

        Raises:
            NoWarehouse: `read_only`, and nothing has been written there; or another process is making it.
            NewerVersion: A later release of Reelhouse or of DuckLake wrote it.
            Outdated: `read_only`, and an earlier DuckLake wrote it.
            Unwritable: The directory refuses to be written, or another process is changing the layout.
            Unreachable: The database of the catalogue or the storage does not answer.
            MissingExtension: An extension of DuckDB cannot be loaded.
            DiskFull: No space is left.
            DamagedLake: The catalogue cannot be read.

        Example:
            >>> from pathlib import Path
            >>> from tempfile import TemporaryDirectory
            >>> with TemporaryDirectory() as home:
            ...     with Warehouse.open(Location.under(Path(home))) as warehouse:
            ...         warehouse.scalar("SELECT count(*) FROM core.movies")
            0
        """
        if read_only:
            connection = opening.for_reading(location, clock, memory_limit, threads)
        else:
            connection = opening.for_writing(location, clock, memory_limit, threads, mend=mend)
        try:
            format = opening.settled_format(connection, location)
        except BaseException:
            connection.close()
            raise
        return cls(location, connection, clock, read_only, format)

    def _mend(self) -> None:
        """Take out what is not to be trusted, after tables or columns came."""
        opening.mend_lake(self.location, self._connection)

    def close(self) -> None:
        """Close the connection; what was committed stays."""
        self._connection.close()

    def __enter__(self) -> "Warehouse":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- reading

    @contextmanager
    def _session(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection of its own to the same lake; errors are reported, Ctrl-C stops its query."""
        with reported(self.location), self._own() as session:
            yield session

    @contextmanager
    def _own(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield a connection of its own; what the block raises passes through as it is.

        Raises NoWarehouse where the lake was deleted meanwhile.
        """
        self.location.refuse_gone()
        with self._connection.cursor() as session, interruptible(session):
            session.execute(f"USE {LAKE}")
            yield session

    def query(self, sql: str, params: object = (), tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
        """Return the rows of a query as an Arrow table, from one snapshot.

        Args:
            sql: One SELECT.
            params: A list of values for each `?`, or a dictionary for each `$name`.
            tables: Arrow tables that this statement alone may name, by name.

        Returns:
            All rows, in memory. `batches` yields them in parts.

        Raises:
            QueryFailed: The SQL cannot be run.
            Conflict: Other processes kept changing what it reads, ten times in a row.

        Example:
            >>> rows = warehouse.query("SELECT title, year FROM core.movies WHERE year < ?", [1990])
            >>> rows.to_pylist()
            [{'title': 'Alien', 'year': 1979}]
        """

        def read(session: duckdb.DuckDBPyConnection) -> pa.Table:
            with registered(session, tables or {}):
                return session.execute(sql, params or None).to_arrow_table()

        return self._ask(sql, read)

    def batches(self, sql: str, params: object = (), rows: int = 100_000) -> Iterator[pa.RecordBatch]:
        """Yield the rows of a query in record batches of at most about `rows` rows, from one snapshot."""
        with self._session() as session:

            def ask() -> pa.RecordBatchReader:
                with self._consistent_read(session, lambda: [sql]):
                    return session.execute(sql, params or None).to_arrow_reader(rows)

            yield from streaming.batches(self.retrying(ask))

    def scalar(self, sql: str, params: object = ()) -> Any:
        """Return the first value of the first row, or None where there is no row."""

        row = self._ask(sql, lambda session: session.execute(sql, params or None).fetchone())
        return row[0] if row else None

    def read(self, work: Callable[[Reading], T]) -> T:
        """Return work(reading), whose queries all see one snapshot; it is done again after a Conflict.

        Args:
            work: What to do with the reading. It can write nothing.

        Returns:
            What `work` returned.

        Raises:
            QueryFailed: The SQL cannot be run, or would write.
            Conflict: Other processes kept changing what it reads, ten times in a row.

        Example:
            >>> titles = "SELECT title FROM core.movies ORDER BY movie_id"
            >>> warehouse.read(lambda reading: (reading.scalar(titles), reading.query(titles).num_rows))
            ('Heat', 2)
        """

        def once() -> T:
            with self._own() as session:  # which rolls back when it is closed
                reading = Reading(session, self.location)
                with self._consistent_read(session, lambda: reading.queries):
                    with reported(self.location):
                        session.execute("BEGIN TRANSACTION READ ONLY")
                    return work(reading)

        return self.retrying(once)

    def _ask(self, sql: str, read: Callable[[duckdb.DuckDBPyConnection], T]) -> T:
        def ask() -> T:
            with self._session() as session, self._consistent_read(session, lambda: [sql]):
                return awaited(lambda: read(session), session.interrupt)

        return self.retrying(ask)

    @contextmanager
    def _consistent_read(
        self, session: duckdb.DuckDBPyConnection, queries: Callable[[], Iterable[str]]
    ) -> Iterator[None]:
        """Raise Conflict after the block if its queries may have read two states of the lake."""
        since = consistent_read.newest(session, self.location)
        yield
        if consistent_read.mixed(session, self.location, since, queries()):
            raise Conflict(f"another process changed {self.location} while it was read: ask again")

    @property
    def engine(self) -> extensions.Engine:
        """The versions of DuckDB and of its extensions, and where those come from."""
        with self._session() as session:
            return extensions.engine(session, self.location)

    @property
    def snapshot_id(self) -> int:
        """The number of the newest snapshot; each commit makes one."""
        return int(self.scalar("SELECT id FROM lake.current_snapshot()"))

    def cursor(self, source: str, stream: str) -> dict[str, Any] | None:
        """Return how far a stream was read, or None where it never was."""
        text = self.scalar("SELECT cursor FROM ops.cursors WHERE source = ? AND stream = ?", [source, stream])
        return None if text is None else json.loads(text)

    def forget_cursor(self, source: str, stream: str) -> None:
        """Forget how far a stream was read, so that it is read from its beginning."""
        sql = "DELETE FROM ops.cursors WHERE source = ? AND stream = ?"
        self.commit(lambda tx: tx.execute(sql, [source, stream]))

    def table(self, name: str) -> Table:
        """Return a table's declaration; SchemaMismatch where nobody declared it."""
        try:
            return self._tables[name]
        except KeyError:
            raise SchemaMismatch(f"no table {name} is declared: declare it before writing to it") from None

    @property
    def declared(self) -> frozenset[str]:
        """The names of the tables whose declaration is known here."""
        return frozenset(self._tables)

    def table_counts(self) -> dict[str, int]:
        """Return the number of rows of every table of the lake, by name."""
        names = self.query(
            "SELECT schema_name || '.' || table_name AS name FROM duckdb_tables() "
            "WHERE database_name = 'lake' AND NOT internal ORDER BY name"
        )["name"].to_pylist()
        counts = " UNION ALL ".join(
            f"SELECT {literal(n)} AS name, count(*) AS n FROM {qualified(n)}" for n in names
        )
        return {row["name"]: row["n"] for row in self.query(counts).to_pylist()} if names else {}

    # --- writing

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Yield a transaction that commits at the end of the block, and rolls back where it raises.

        Yields:
            The transaction. What it queries includes what it has written.

        Raises:
            Conflict: Another process changed the same rows first. `commit` tries again by itself.
            NewerVersion: Another process has migrated the catalogue since this one opened it.

        Example:
            >>> import pyarrow as pa
            >>> genres = pa.table({"movie_id": [1], "source": ["tmdb"], "genre": ["Crime"]})
            >>> with warehouse.transaction() as tx:
            ...     tx.append("core.movie_genres", genres)
            ...     tx.set_cursor("tmdb", "genres", {"until": "2024-01-01"})
            WriteResult(rows_in=1, rows_landed=1, rows_quarantined=0)
            >>> warehouse.cursor("tmdb", "genres")
            {'until': '2024-01-01'}
        """
        with self._own() as session:
            tx = Transaction(session, self.table, self.clock, self.location, self.undeclared, self._consumed)
            try:
                with self._consistent_read(session, lambda: tx.queries):
                    with reported(self.location):
                        session.execute("BEGIN")
                    yield tx
                tx.write_ledger()
                with reported(self.location):
                    formats.require(session, CATALOGUE, self.format, self.location)
                with reported(self.location), deletions.alone(session, self.location, tx.queries):
                    session.execute("COMMIT")
            except BaseException:
                with suppress(duckdb.Error):  # the connection may be beyond it
                    session.interrupt()
                    session.rollback()
                raise
        self._tables.update(tx.gained)
        if tx.gained:
            self._mend()

    def call(self, sql: str, params: object = ()) -> list[dict[str, Any]]:
        """Run a statement of upkeep in a transaction of its own, and return its rows."""
        with self._session() as session:
            formats.require(session, CATALOGUE, self.format, self.location)
            rows: list[dict[str, Any]] = session.execute(sql, params or None).to_arrow_table().to_pylist()
            return rows

    def merge_files(self) -> list[dict[str, Any]]:
        """Merge small data files that adjoin, and return how many, by table.

        The lake is attached once more for this. DuckLake 1.5.5 reads the schema of the merged files' time as
        it was later, and goes on with it: `AT (VERSION)` would show the columns of another snapshot.
        """
        alias = f"merging_{secrets.token_hex(8)}"
        with self._session() as session:
            formats.require(session, CATALOGUE, self.format, self.location)
            attach(session, self.location, alias)
            try:
                merge = session.execute(f"CALL ducklake_merge_adjacent_files({literal(alias)})")
                rows: list[dict[str, Any]] = merge.to_arrow_table().to_pylist()
                return rows
            finally:
                with suppress(duckdb.Error):  # the lake is whole without it
                    session.execute(f"DETACH {alias}")

    def retrying(self, work: Callable[[], T], *, attempts: int = 10) -> T:
        """Return work(), tried again after a Conflict with growing pauses; the last Conflict is raised."""
        again = tenacity.Retrying(
            retry=tenacity.retry_if_exception_type(Conflict),
            stop=tenacity.stop_after_attempt(attempts),
            wait=tenacity.wait_random_exponential(multiplier=0.05, max=5),
            reraise=True,
        )
        return again(work)

    def commit(self, work: Callable[[Transaction], T], *, attempts: int = 10) -> T:
        """Return work(tx) after its transaction committed, tried again as a whole after a Conflict.

        Args:
            work: What to do with the transaction. It makes a stream of data itself: a second attempt cannot
                read one again.
            attempts: How often it is tried in all.

        Returns:
            What `work` returned.

        Raises:
            Conflict: Other processes changed the same rows first, `attempts` times.
            SchemaMismatch: Data for an undeclared table, or with columns that are not the table's.
            ContractBreach: A value broke a rule that the table's contract freezes.

        Example:
            >>> import pyarrow as pa
            >>> words = pa.table({"movie_id": [1, 2], "keyword_id": [7, 8], "keyword": ["heist", None]})
            >>> warehouse.commit(lambda tx: tx.replace_keys("core.movie_keywords", words, ["movie_id"]))
            WriteResult(rows_in=2, rows_landed=1, rows_quarantined=1)
            >>> warehouse.scalar("SELECT reason FROM ops.quarantine WHERE table_name = 'core.movie_keywords'")
            'keyword is missing'
        """

        def once() -> T:
            with self.transaction() as tx:
                return work(tx)

        return self.retrying(once, attempts=attempts)

    def declare(self, *tables: Table) -> None:
        """Make tables known that are declared elsewhere, such as feature views; create what is missing."""
        self._tables.update({table.name: table for table in tables})
        if self.read_only:
            return

        def create(tx: Transaction) -> None:
            tx.run(lambda connection: migrations.declare(connection, tables))

        before = self.snapshot_id
        self.commit(create)
        if self.snapshot_id != before:
            self._mend()

    # --- the ledger

    def start_run(self, flow: str, parameters: Mapping[str, Any] | None = None) -> str:
        """Write a run as running and return its id; runs that dead processes left become crashed."""
        return ledger.start_run(self, flow, parameters)

    def finish_run(self, run_id: str, state: str, error: str | None = None) -> None:
        """Write how a run ended: completed, failed or cancelled."""
        ledger.finish_run(self, run_id, state, error)

    def step(
        self,
        run_id: str,
        kind: str,
        *,
        source: str | None = None,
        subject: str | None = None,
        name: str | None = None,
    ) -> AbstractContextManager[ledger.Step]:
        """Return a context that writes one step of a run, whether it succeeds or fails.

        Its name, for people, is made of its kind, source and subject where none is given.
        """
        return ledger.step(self, run_id, kind, source, subject, name)
