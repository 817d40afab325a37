"""A real lake for every test of the warehouse."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse import Location, Warehouse


@pytest.fixture(scope="session")
def empty_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with an empty lake, to be copied: a lake finds its files wherever it is moved to."""
    home = tmp_path_factory.mktemp("empty") / "home"
    Warehouse.open(Location.under(home)).close()
    return home


@pytest.fixture
def location(tmp_path: Path) -> Location:
    """Where a lake can be made; nothing is there yet."""
    return Location.under(tmp_path / "home")


@pytest.fixture
def wh(location: Location, empty_home: Path) -> Iterator[Warehouse]:
    """An empty lake, laid out and open for writing."""
    shutil.copytree(empty_home, location.catalog.parent)
    with Warehouse.open(location) as opened:
        yield opened
