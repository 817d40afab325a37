"""The examples in docstrings that take an open warehouse."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pytest

from tests.examples import WAREHOUSE, of_name, run
from warehouse import Location, Warehouse

MOVIES = ({"movie_id": 1, "title": "Heat", "year": 1995}, {"movie_id": 2, "title": "Alien", "year": 1979})


@pytest.fixture(scope="module")
def two_movies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A lake with two movies; each example changes tables of its own."""
    with Warehouse.open(Location.under(tmp_path_factory.mktemp("examples"))) as warehouse:
        times = dict.fromkeys(("event_time", "known_time"), datetime(2024, 1, 1, tzinfo=UTC))
        rows = [{**movie, **times, "split_key": movie["title"], "bucket": 2} for movie in MOVIES]
        warehouse.commit(lambda tx: tx.append("core.movies", pa.Table.from_pylist(rows)))
        yield warehouse


@pytest.mark.parametrize("name", WAREHOUSE)
def test_examples_run(name: str, two_movies: Warehouse) -> None:
    run([of_name(name, warehouse=two_movies)])
