"""A lake whose catalogue is gone is not taken for a place where none has been."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.warehouse.landing import genres
from tests.warehouse.places import Backend
from warehouse import Location, Warehouse, backup, catalogue_copies, storage
from warehouse.connection import connect, session
from warehouse.errors import DamagedLake, NoWarehouse, WarehouseError
from warehouse.export import export_parquet
from warehouse.sql import open_read_only
from warehouse.upkeep import upkeep


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def without_tables(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as file:
        file.execute("PRAGMA journal_mode = WAL")


def made_anew(path: Path) -> None:
    path.unlink()
    connect(Location(path, path.parent / "lake")).close()  # which makes a catalogue of no table


@pytest.mark.local_files
@pytest.mark.parametrize("lose", [removed, emptied, without_tables, made_anew])
def test_data_files_without_their_catalogue_are_left_alone(
    wh: Warehouse, tmp_path: Path, lose: Callable[[Path], None]
) -> None:
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(0)))
    wh.close()
    place, files = wh.location, storage.sizes(wh.location)
    lose(Path(place.catalog))  # type: ignore[arg-type]
    with pytest.raises(DamagedLake, match="reelhouse restore"):
        Warehouse.open(place)
    assert storage.sizes(place) == files
    if lose is made_anew:
        return  # a reader finds no tables, and may be early
    for read in (
        lambda: Warehouse.open(place, read_only=True),
        lambda: open_read_only(place),
        lambda: export_parquet(place, tmp_path / "out"),
        lambda: backup.backup(place, tmp_path / "backup"),
    ):
        with pytest.raises((DamagedLake, NoWarehouse)) as caught:
            read()
        assert lose is without_tables or isinstance(caught.value, DamagedLake)


def test_a_lost_catalogue_of_either_kind_is_put_back(wh: Warehouse, backend: Backend, tmp_path: Path) -> None:
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(0)))
    rows = wh.query("FROM core.movie_genres ORDER BY ALL")
    backup.backup(wh.location, tmp_path / "backup")
    wh.close()
    if backend.postgres:
        name = dict(wh.location.catalog.parameters)["dbname"]  # type: ignore[union-attr]
        backend.postgres.run(f"DROP DATABASE {name} WITH (FORCE)")
        backend.postgres.run(f"CREATE DATABASE {name}")
    else:
        Path(wh.location.catalog).unlink()  # type: ignore[arg-type]
    with pytest.raises(DamagedLake, match="gone or empty"):
        Warehouse.open(wh.location)
    assert catalogue_copies.is_vacant(wh.location)
    backup.restore(tmp_path / "backup", wh.location)
    with Warehouse.open(wh.location) as restored:
        assert restored.query("FROM core.movie_genres ORDER BY ALL").equals(rows)


@pytest.mark.local_files
def test_a_lake_whose_making_was_killed_is_made(location: Location) -> None:
    for name in ("ops/columns/ducklake-1.parquet", "ops/migrations/ducklake-2.parquet"):
        path = location.home / "lake" / name
        path.parent.mkdir(parents=True)
        path.write_text("of a transaction that did not commit")
    Path(location.catalog).touch()  # type: ignore[arg-type]
    with pytest.raises(NoWarehouse):
        Warehouse.open(location, read_only=True)
    with session(location) as connection:
        connection.execute("SELECT 1")
    with Warehouse.open(location) as wh:
        assert wh.table_counts()["core.movies"] == 0


@pytest.mark.local_files
def test_a_new_lake_is_not_made_among_other_parquet_files(location: Location) -> None:
    mine = location.home / "lake" / "mine.parquet"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    with pytest.raises(DamagedLake, match=r"such as mine\.parquet.*REELHOUSE_DATA"):
        Warehouse.open(location)
    assert [path.name for path in location.home.rglob("*") if path.is_file() and path.suffix != ".lock"] == [
        "mine.parquet"
    ]


@pytest.mark.local_files
def test_upkeep_deletes_no_file_of_another_program(wh: Warehouse) -> None:
    mine = wh.location.home / "lake" / "mine.parquet"
    mine.write_text("mine")
    with pytest.raises(WarehouseError, match=r"not the lake's, such as mine\.parquet"):
        upkeep(wh)
    assert mine.exists()
