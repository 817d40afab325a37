"""A real lake for every test of the warehouse, on either backend.

Every test that asks for a lake runs on SQLite and local files. It runs on PostgreSQL and S3 too: those of
the modules in `CORE` by default, the others with `-m slow`. Tests marked `local_files` look at what only a
lake of local files has.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.warehouse.places import LOCAL, SERVERS, Backend
from warehouse import Location, Warehouse, storage

CORE = {"test_growth", "test_score_types", "test_transaction"}
"""Modules whose tests run on both backends by default."""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "local_files: about a SQLite catalogue and local files alone")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" not in metafunc.fixturenames:
        return
    if any("backend" in mark.args[0] for mark in metafunc.definition.iter_markers("parametrize")):
        return
    backends = [LOCAL]
    if not metafunc.definition.get_closest_marker("local_files"):
        short = metafunc.module.__name__.rpartition(".")[2]
        marks = [] if short in CORE else [pytest.mark.slow]
        backends.append(pytest.param(SERVERS, marks=marks))
    metafunc.parametrize("backend", backends, indirect=True)


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty lake, to be copied: a lake finds its files wherever it is moved to."""
    home = tmp_path_factory.mktemp("empty") / "home"
    Warehouse.open(Location.under(home)).close()
    return home


@pytest.fixture(scope="session")
def started_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backend]:
    """A PostgreSQL and an S3 server, and in them an empty lake to be copied."""
    with servers.postgres() as postgres, servers.s3() as s3:
        made = Backend(SERVERS, postgres, s3)
        location = made.place(tmp_path_factory.mktemp("empty") / "home")
        Warehouse.open(location).close()
        made.empty = dict(location.catalog.parameters)["dbname"]  # type: ignore[union-attr]
        made.objects = tuple(storage.sizes(location))
        yield made


@pytest.fixture
def backend(request: pytest.FixtureRequest) -> Backend:
    """Where this test's lakes are."""
    if request.param == SERVERS:
        found: Backend = request.getfixturevalue("started_servers")
        return found
    return Backend(LOCAL, empty=request.getfixturevalue("empty_home"))


@pytest.fixture
def location(tmp_path: Path, backend: Backend) -> Location:
    """Where a lake can be made; nothing is there yet."""
    return backend.place(tmp_path / "home")


@pytest.fixture
def wh(tmp_path: Path, backend: Backend) -> Iterator[Warehouse]:
    """An empty lake, laid out and open for writing."""
    if isinstance(backend.empty, Path):
        shutil.copytree(backend.empty, tmp_path / "home")
        place = backend.place(tmp_path / "home")
    else:
        place = backend.place(tmp_path / "home", template=backend.empty)
    with Warehouse.open(place) as opened:
        yield opened
