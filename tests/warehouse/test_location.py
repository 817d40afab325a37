"""Where a lake may lie, and what a lake that vanishes while it is open leads to."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from warehouse import Location, Warehouse
from warehouse.errors import BadLocation, NoWarehouse
from warehouse.sql import open_read_only
from warehouse.upkeep import upkeep

UNUSABLE = ["back\\slash", "line\nbreak", "tab\t", "escape\x1b[31m", os.fsdecode(b"latin\xe9")]


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_path_that_the_engine_cannot_use_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "kept").mkdir()
    for home, data in [(tmp_path / name, "lake"), (tmp_path / "kept", name)]:
        with pytest.raises(BadLocation, match="choose another directory") as raised:
            Location(home / "catalog.sqlite", home / data)
        str(raised.value).encode()
        assert str(raised.value).isprintable()
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_quotes_wildcards_and_letters_of_all_kinds_are_paths(tmp_path: Path) -> None:
    with Warehouse.open(Location.under(tmp_path / """a 'b' "c" [d]*? %41#x {e} ünï 電影""")) as warehouse:
        warehouse.finish_run(warehouse.start_run("nightly"), "completed")
        assert warehouse.scalar("SELECT count(*) FROM ops.runs") == 1


USES: dict[str, Callable[[Warehouse], object]] = {
    "query": lambda warehouse: warehouse.query("FROM ops.runs"),
    "read": lambda warehouse: warehouse.read(lambda reading: reading.query("FROM ops.runs")),
    "commit": lambda warehouse: warehouse.start_run("nightly"),
    "upkeep": upkeep,
    "merge": lambda warehouse: warehouse.merge_files(),
}


def test_a_lake_that_was_deleted_meanwhile_is_told_of_and_not_made_anew(tmp_path: Path) -> None:
    place = Location.under(tmp_path / "home")
    with Warehouse.open(place) as warehouse, open_read_only(place) as connection:
        shutil.rmtree(place.home)
        for name, use in USES.items():
            with pytest.raises(NoWarehouse, match="is gone: it was moved or deleted"):
                use(warehouse)
            assert not place.home.exists(), name
        with pytest.raises(NoWarehouse, match="is gone: it was moved or deleted"):
            connection.execute("FROM ops.runs")
    assert not place.home.exists()


STREAMS: dict[str, Callable[[Warehouse], Iterator[pa.RecordBatch]]] = {
    "nights": lambda warehouse: warehouse.batches("FROM core.movie_genres", rows=1000),
    "sql": lambda warehouse: streamed(warehouse.location),
}


def streamed(place: Location) -> Iterator[pa.RecordBatch]:
    with open_read_only(place) as connection:
        yield from connection.execute("FROM core.movie_genres").to_arrow_reader(1000)


@pytest.mark.parametrize("reader", STREAMS)
def test_a_lake_that_is_deleted_while_an_answer_streams_is_told_of(tmp_path: Path, reader: str) -> None:
    place = Location.under(tmp_path / "home")
    with Warehouse.open(place) as warehouse:
        for _ in range(12):
            rows = pa.table(
                {"movie_id": range(200_000), "source": ["tmdb"] * 200_000, "genre": ["War"] * 200_000}
            )
            warehouse.commit(lambda tx, rows=rows: tx.append("core.movie_genres", rows))
        with pytest.raises(NoWarehouse, match="is gone: it was moved or deleted"):
            for number, _ in enumerate(STREAMS[reader](warehouse)):
                if number == 0:
                    shutil.rmtree(place.home)
    assert not place.home.exists()


def test_a_lake_that_is_deleted_within_a_transaction_is_not_made_anew(tmp_path: Path) -> None:
    place = Location.under(tmp_path / "home")
    with Warehouse.open(place) as warehouse:
        run = warehouse.start_run("nightly")
        with pytest.raises(NoWarehouse, match="is gone"), warehouse.transaction() as tx:
            tx.execute("DELETE FROM ops.runs WHERE run_id = ?", [run])
            shutil.rmtree(place.home)
    assert not (place.home / "catalog.sqlite").exists()
