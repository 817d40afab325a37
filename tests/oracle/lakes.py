"""Lakes that are made in a moment: a small layout, copied, and attached to a connection that is there."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from tests import servers
from tests.oracle.model import State
from warehouse import Location, Warehouse, formats, fraction_bounds, migrations, storage
from warehouse.backends import Bucket, Directory, S3Access
from warehouse.connection import CATALOGUE, LAKE, attach, session
from warehouse.file_reader import FileReader
from warehouse.schema import TABLES, Table
from warehouse.warehouse import utc_now

LOCAL, SERVERS = "sqlite+local", "postgres+s3"
NEEDED = (
    "ops.batches",
    "ops.columns",
    "ops.contract_results",
    "ops.migrations",
    "ops.models",
    "ops.quarantine",
    "ops.runs",
    "raw.movielens_links",
)
"""The tables of the layout that transactions and upkeep ask, and one that a bulk file lands in."""


@dataclass
class Engine:
    """A DuckDB that shows one lake after another: starting one takes longer than many steps of the oracle."""

    connection: duckdb.DuckDBPyConnection
    warehouse: Warehouse | None = None

    def open(self, location: Location) -> Warehouse:
        """Return the lake at a location as `Warehouse.open` does, on this connection."""
        self.leave()
        attach(self.connection, location, LAKE)
        self.connection.execute(f"USE {LAKE}")
        self.warehouse = Warehouse(
            location, self.connection, utc_now, False, formats.read(self.connection, CATALOGUE)
        )
        return self.warehouse

    def leave(self) -> None:
        """Let go of the lake."""
        if self.warehouse is not None:
            self.connection.execute("USE memory")
            self.connection.execute(f"DETACH {LAKE}")
            self.warehouse = None


@dataclass
class Place:
    """Where lakes are made, with what is kept from one to the next."""

    directory: Path
    postgres: servers.Postgres | None = None
    s3: str = ""
    engines: list[Engine] = field(default_factory=list)
    files: duckdb.DuckDBPyConnection | None = None
    templates: dict[tuple[State, ...], Location] = field(default_factory=dict)
    made: int = 0

    def start(self) -> None:
        """Start the connections."""
        (self.directory / "none").mkdir(parents=True, exist_ok=True)
        self.engines = [Engine(session(self.anywhere, threads=1)) for _ in range(2)]
        self.files = session(self.anywhere, threads=1)

    @property
    def anywhere(self) -> Location:
        """Where no lake is; its keys open all lakes."""
        return self._location("none", "none", bucket=bool(self.s3), whole=True)

    def _location(self, name: str, database: str, *, bucket: bool, whole: bool = False) -> Location:
        home = self.directory / name
        if self.postgres is None:
            return Location.under(home)
        data: Path | Bucket = home / "lake"
        if bucket:
            access = S3Access.from_environment({**servers.KEYS, "AWS_ENDPOINT_URL": self.s3})
            prefix = "" if whole else f"/{name}"
            data = Bucket(f"s3://{servers.BUCKET}{prefix}", access)
        catalog = self.postgres.url(database)
        return Location(catalog, data, home=home)

    def _new(self, template: Location | None, bucket: bool) -> Location:
        self.made += 1
        name, database = f"lake-{self.made}", "template1"
        if self.postgres is not None:
            before = "template1" if template is None else dict(template.catalog.parameters)["dbname"]  # type: ignore[union-attr]
            database = self.postgres.create(before).rpartition("/")[2]
        location = self._location(name, database, bucket=bucket)
        location.home.mkdir(parents=True)
        return location

    def template(self, states: tuple[State, ...], bucket: bool) -> Location:
        """Return a lake in which these tables are declared, to be copied."""
        key = (*states, *(states[:1] * bucket))
        if key not in self.templates:
            location = self._new(None, bucket)
            if isinstance(location.data_path, Directory):
                location.data_path.make()
            engine = self.engines[0]
            wh = engine.open(location)
            with wh.transaction() as tx:
                for schema in ("ops", "core", "raw"):
                    tx.execute(f"CREATE SCHEMA {schema}")
                layout = [table for table in TABLES if table.name in NEEDED]
                tx.run(lambda connection: _lay_out(connection, layout))
            wh.declare(*(state.declared for state in states))
            engine.leave()
            fraction_bounds.forget(location)
            self.templates[key] = location
        return self.templates[key]

    def lake(self, states: tuple[State, ...], *, bucket: bool = False) -> Location:
        """Return a new lake with these tables."""
        template = self.template(states, bucket)
        location = self._new(template, bucket)
        if self.postgres is None:
            shutil.copytree(template.home, location.home, dirs_exist_ok=True)
        elif isinstance(location.data_path, Directory):
            assert isinstance(template.data_path, Directory)
            shutil.copytree(template.data_path.path, location.data_path.path)
        else:
            _copy_objects(self.s3, template, location)
        return location

    def empty(self, like: Location) -> Location:
        """Return where a backup of that lake can be restored."""
        return self._new(None, isinstance(like.data_path, Bucket))

    def reader(self, location: Location) -> FileReader:
        """Return the second reader of a lake."""
        assert self.files is not None
        with suppress(duckdb.Error):
            self.files.execute("DETACH catalogue")
        return FileReader(location, self.files)

    def lose(self, locations: Iterable[Location]) -> None:
        """Delete lakes."""
        assert self.files is not None
        with suppress(duckdb.Error):
            self.files.execute("DETACH catalogue")
        for engine in self.engines:
            engine.leave()
        for location in locations:
            shutil.rmtree(location.home, ignore_errors=True)
            if self.postgres is not None:
                database = dict(location.catalog.parameters)["dbname"]  # type: ignore[union-attr]
                self.postgres.run(f"DROP DATABASE {database} WITH (FORCE)")
            if isinstance(location.data_path, Bucket):
                servers.bucket(self.s3).objects.filter(Prefix=f"{location.home.name}/").delete()


def _lay_out(connection: duckdb.DuckDBPyConnection, layout: list[Table]) -> None:
    migrations.create_tables(connection, layout)
    migrations._note(connection, migrations.MIGRATIONS[-1], migrations.layout(), utc_now())


def _copy_objects(s3: str, template: Location, location: Location) -> None:
    bucket = servers.bucket(s3)
    for name in storage.sizes(template):
        source = f"{template.home.name}/{name}"
        bucket.copy({"Bucket": bucket.name, "Key": source}, f"{location.home.name}/{name}")


@contextmanager
def started(backend: str, directory: Path) -> Iterator[Place]:
    """Yield where lakes of a backend are made."""
    with ExitStack() as stack:
        place = Place(directory)
        if backend == SERVERS:
            place.postgres = stack.enter_context(servers.postgres())
            place.s3 = stack.enter_context(servers.s3())
        place.start()
        try:
            yield place
        finally:
            for engine in place.engines:
                engine.connection.close()
            if place.files is not None:
                place.files.close()
