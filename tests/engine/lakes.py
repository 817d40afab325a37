"""A one-table lake with several open connections, and a plain DuckDB table that is told the same things."""

# ruff: noqa: S608 — the names are this directory's own

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from tests import servers
from tests.engine.questions import Column, Question
from warehouse import Location
from warehouse.connection import CATALOGUE, LAKE, attach, session

WITHOUT_STATISTICS = (
    "statistics_propagation,filter_pushdown,join_filter_pushdown,top_n,compressed_materialization"
)
"""What of the optimiser uses statistics; an answer must be the same without it."""
SIZE = 24
"""Statements in one lake; then a new lake begins."""

Rows = list[str]


@dataclass(frozen=True)
class Statement:
    """What one connection was told, with `{t}` for the table."""

    who: str
    sql: str
    both: bool = True
    """Whether the plain table is told it too."""


@dataclass(frozen=True)
class Version:
    """A snapshot that can still be asked for, and the columns that the table had."""

    number: int
    columns: tuple[Column, ...]
    name: str


class Place:
    """Makes lakes below a directory, with their catalogues in SQLite or in PostgreSQL.

    Its DuckDB instances stay; each lake is attached to them, which is what DuckLake caches by.
    """

    def __init__(self, home: Path, postgres: servers.Postgres | None = None) -> None:
        self._home, self._postgres = home, postgres
        self._instances: dict[str, duckdb.DuckDBPyConnection] = {}

    def location(self) -> Location:
        """Return where a new lake can be made."""
        home = Path(tempfile.mkdtemp(dir=self._home))
        if self._postgres is None:
            return Location.under(home)
        return Location(self._postgres.create(), home / "lake", home=home)

    def remove(self, location: Location) -> None:
        """Delete a lake."""
        shutil.rmtree(location.home)
        if self._postgres is not None:
            name = dict(location.catalog.parameters)["dbname"]  # type: ignore[union-attr]
            self._postgres.run(f"DROP DATABASE {name} WITH (FORCE)")

    @contextmanager
    def attached(
        self, who: str, location: Location, *, snapshot: str = ""
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        """Yield that instance with the lake attached to it; only `a` and `b` may write."""
        if who not in self._instances:
            # The secret of a catalogue in PostgreSQL names the user and not the database.
            self._instances[who] = session(location, threads=2)
        connection = self._instances[who].cursor()
        attach(connection, location, LAKE, read_only=who not in ("a", "b"), snapshot=snapshot)
        try:
            connection.execute(f"USE {LAKE}")
            yield connection
        finally:
            connection.execute("USE memory")
            connection.execute(f"DETACH {LAKE}")
            connection.close()

    def close(self) -> None:
        """Close the instances."""
        for connection in self._instances.values():
            connection.close()


@contextmanager
def place(backend: str) -> Iterator[Place]:
    """Yield where lakes of that backend, `sqlite` or `postgres`, can be made."""
    with (
        tempfile.TemporaryDirectory(prefix="engine-", dir=_fast()) as home,
        servers.postgres() if backend == "postgres" else nullcontext() as postgres,
        closing(Place(Path(home), postgres)) as made,
    ):
        yield made


def _fast() -> str | None:
    memory = Path("/dev/shm")  # noqa: S108 - only if it is there
    return str(memory) if memory.is_dir() else None


class Lake:
    """A lake with one table, its plain twin, and the connections that stay open: two writers, one reader."""

    def __init__(self, where: Place) -> None:
        self.location = where.location()
        self.log: list[Statement] = []
        self.name = "t"
        self.versions: list[Version] = []
        self._where = where
        self._model = duckdb.connect(config={"python_enable_replacements": "false"})
        self._model.execute("SET TimeZone = 'UTC'")
        self._stacks = {who: ExitStack() for who in ("a", "b", "reader")}
        self._open: dict[str, duckdb.DuckDBPyConnection] = {}
        for who in self._stacks:
            self._attach(who)

    def _attach(self, who: str) -> None:
        self._open[who] = self._stacks[who].enter_context(self._where.attached(who, self.location))

    def close(self) -> None:
        """Detach the lake everywhere and delete it."""
        for who, connection in self._open.items():
            with suppress(duckdb.Error):
                connection.execute("ROLLBACK")
            self._stacks[who].close()
        self._model.close()
        self._where.remove(self.location)

    def reopen(self, who: str) -> None:
        """Let a connection attach the lake anew."""
        self.log.append(Statement(who, "-- reconnect", both=False))
        self._stacks[who].close()
        self._attach(who)

    def tell(self, statement: Statement) -> list[Any]:
        """Run a statement on the lake, and on the plain table too where it concerns both; return the rows."""
        if statement.sql.startswith("-- reconnect"):
            self.reopen(statement.who)
            return []
        self.log.append(statement)
        answer = self._open[statement.who].execute(statement.sql.replace("{t}", self.name)).fetchall()
        if statement.both:
            self._model.execute(statement.sql.replace("{t}", "t"))
        return answer

    def twin(self, sql: str) -> None:
        """Tell the plain table alone."""
        self._model.execute(sql.replace("{t}", "t"))

    def ask(self, who: str, sql: str) -> list[Any]:
        """Return a connection's answer to SQL that changes nothing."""
        return self._open[who].execute(sql.replace("{t}", self.name)).fetchall()

    def remember(self, columns: Sequence[Column]) -> None:
        """Keep what the plain table holds as the newest snapshot's rows."""
        number = self.ask("a", f"SELECT max(snapshot_id) FROM {CATALOGUE}.ducklake_snapshot")[0][0]
        if not self.versions or self.versions[-1].number != number:
            self._model.execute(f"CREATE TABLE h_{number} AS FROM t")
            self.versions.append(Version(number, tuple(columns), self.name))

    def right(self, question: Question, version: Version | None) -> Rows:
        """Return what the plain table answers."""
        table = "t" if version is None else f"h_{version.number}"
        return shown(self._model.execute(question.sql.replace("{t}", table)).fetchall(), question)

    def answers(
        self, who: str, asked: Sequence[Question], version: Version | None, *, statistics: bool = True
    ) -> list[Rows]:
        """Return the answers of an open connection, of a `fresh` one, or of one `pinned` to the version."""
        table = self.name if version is None else f"{version.name} AT (VERSION => {version.number})"
        if who in self._open:
            return _answers(self._open[who], asked, table, statistics)
        snapshot = ""
        if who == "pinned" and version is not None:
            table, snapshot = version.name, f"SNAPSHOT_VERSION {version.number}"
        with self._where.attached("other", self.location, snapshot=snapshot) as connection:
            return _answers(connection, asked, table, statistics)


def _answers(
    connection: duckdb.DuckDBPyConnection, asked: Sequence[Question], table: str, statistics: bool
) -> list[Rows]:
    connection.execute(f"SET disabled_optimizers = '{'' if statistics else WITHOUT_STATISTICS}'")
    # In one transaction, which reads the catalogue once.
    connection.execute("BEGIN")
    try:
        return [_answer(connection, question, table) for question in asked]
    finally:
        with suppress(duckdb.Error):
            connection.execute("ROLLBACK")
        connection.execute("SET disabled_optimizers = ''")


def _answer(connection: duckdb.DuckDBPyConnection, question: Question, table: str) -> Rows:
    try:
        return shown(connection.execute(question.sql.replace("{t}", table)).fetchall(), question)
    except duckdb.Error as error:
        return [f"{type(error).__name__}: {str(error)[:300]}"]


def shown(rows: list[Any], question: Question) -> Rows:
    """Return rows as texts that compare, in an order of their own unless the question gives one."""
    texts = [repr(row).replace("-0.0,", "0.0,").replace("-0.0)", "0.0)") for row in rows]
    return texts if question.ordered else sorted(texts)
