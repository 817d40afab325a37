"""A lake that was backed up, lost and restored is the same lake."""

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tests.oracle.lake import SHAPES
from tests.warehouse.landing import genres
from tests.warehouse.places import Backend
from warehouse import Location, Warehouse, backup, formats, lake_lock, sqlite_file, storage
from warehouse.errors import DamagedLake, NoWarehouse, WarehouseError
from warehouse.upkeep import upkeep


def content(wh: Warehouse) -> dict[str, pa.Table]:
    return {name: wh.query(f"FROM {name} ORDER BY ALL") for name in wh.table_counts()}


def fill(wh: Warehouse) -> None:
    for night in range(2):
        with wh.transaction() as tx:
            tx.batch("run", "tmdb", "movies")
            tx.append("core.movie_genres", genres(100 * night))
            tx.set_cursor("tmdb", "movies", {"night": night})
    with wh.transaction() as tx:
        tx.delete_keys("core.movie_genres", pa.table({"movie_id": list(range(50))}))


def test_backup_delete_everything_restore_gives_the_same_lake(
    wh: Warehouse, backend: Backend, tmp_path: Path
) -> None:
    fill(wh)
    before, snapshot = content(wh), wh.snapshot_id
    report = backup.backup(wh.location, tmp_path / "backup")
    assert report.snapshot_id == snapshot
    assert report.files_copied == report.files - 1 > 0
    wh.close()
    backend.lose(wh.location)
    for place in (wh.location, backend.place(tmp_path / "elsewhere")):
        assert backup.restore(tmp_path / "backup", place) == snapshot
        with Warehouse.open(place) as restored:
            assert content(restored) == before
            assert upkeep(restored).orphans_removed == 0
            restored.commit(lambda tx: tx.set_cursor("tmdb", "next", {}))


def test_columns_of_every_type_are_restored(wh: Warehouse, tmp_path: Path, backend: Backend) -> None:
    every = max((shape[0] for shape in SHAPES), key=lambda state: len(state.fields))
    row = tuple(field.kind.full for field in every.fields)
    wh.declare(replace(every.declared, name="features.every_type"))
    wh.commit(lambda tx: tx.append("features.every_type", every.arrow([row])))
    expected = wh.query("FROM features.every_type")
    backup.backup(wh.location, tmp_path / "backup")
    elsewhere = backend.place(tmp_path / "elsewhere")
    backup.restore(tmp_path / "backup", elsewhere)
    with Warehouse.open(elsewhere, read_only=True) as restored:
        assert restored.query("FROM features.every_type").equals(expected)


def test_a_second_backup_copies_only_what_is_new_and_forgets_what_is_gone(
    wh: Warehouse, backend: Backend, tmp_path: Path
) -> None:
    fill(wh)
    backup.backup(wh.location, tmp_path / "backup")
    assert backup.backup(wh.location, tmp_path / "backup").files_copied == 0
    with wh.transaction() as tx:
        tx.append("core.movie_genres", genres(1000))
    assert backup.backup(wh.location, tmp_path / "backup").files_copied == 1
    upkeep(wh, keep=timedelta(0), grace=timedelta(0))
    last = backup.backup(wh.location, tmp_path / "backup")
    assert len(list((tmp_path / "backup/lake/core/movie_genres").glob("*.parquet"))) == 1, "merged"
    assert len(list((tmp_path / "backup" / "lake").rglob("*.parquet"))) == last.files - 1
    assert backup.restore(tmp_path / "backup", backend.place(tmp_path / "new")) == wh.snapshot_id


def test_a_backup_taken_while_a_writer_works_is_one_moment(
    wh: Warehouse, backend: Backend, tmp_path: Path
) -> None:
    stop = threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            with wh.transaction() as tx:
                tx.batch("run", "tmdb", "movies")
                tx.append("core.movie_genres", genres(100 * number))
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup.backup(wh.location, tmp_path / "backup")
    finally:
        stop.set()
        writer.join()
    place = backend.place(tmp_path / "restored")
    backup.restore(tmp_path / "backup", place)
    with Warehouse.open(place, read_only=True) as restored:
        rows = restored.scalar("SELECT count(*) FROM core.movie_genres")
        assert rows == restored.scalar("SELECT coalesce(sum(rows_landed), 0) FROM ops.batches")
        assert restored.scalar("SELECT count(DISTINCT movie_id) FROM core.movie_genres") == rows
    with wh.transaction() as tx:  # and the lake itself took no harm
        tx.set_cursor("tmdb", "after", {})


def test_a_restore_never_overwrites_a_lake(wh: Warehouse, tmp_path: Path) -> None:
    backup.backup(wh.location, tmp_path / "backup")
    with pytest.raises(WarehouseError, match="move it away"):
        backup.restore(tmp_path / "backup", wh.location)


def test_a_restore_that_was_broken_off_is_repeated(
    wh: Warehouse, backend: Backend, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(wh)
    before = content(wh)
    backup.backup(wh.location, tmp_path / "backup")
    place = backend.place(tmp_path / "elsewhere")
    if backend.postgres is None:
        moments = ((storage._Directory, "store", 2), (sqlite_file, "execute", 0))
    else:
        moments = ((storage._Bucket, "store", 2), (formats, "require_same", 0))
    for owner, name, calls in moments:  # among the data files, and before the catalogue is in its place
        with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
            patched.setattr(owner, name, stopping(getattr(owner, name), calls))
            backup.restore(tmp_path / "backup", place)
        with pytest.raises(DamagedLake, match="gone or empty"):
            Warehouse.open(place)
    assert backup.restore(tmp_path / "backup", place) == wh.snapshot_id
    with Warehouse.open(place) as restored:
        assert content(restored) == before


def stopping(work: Callable[..., object], calls: int) -> Callable[..., object]:
    """Return a function that does `work` so many times, and is then interrupted."""
    done: list[None] = []

    def step(*arguments: object) -> object:
        if len(done) == calls:
            raise KeyboardInterrupt
        done.append(None)
        return work(*arguments)

    return step


def test_a_changed_or_lost_file_of_a_backup_is_noticed(
    wh: Warehouse, backend: Backend, tmp_path: Path
) -> None:
    fill(wh)
    backup.backup(wh.location, tmp_path / "backup")
    victim = next((tmp_path / "backup" / "lake").rglob("*.parquet"))
    victim.write_bytes(victim.read_bytes()[:-1] + b"?")
    place = backend.place(tmp_path / "new")
    with pytest.raises(DamagedLake, match="not the file that was backed up"):
        backup.restore(tmp_path / "backup", place)
    victim.unlink()
    with pytest.raises(DamagedLake, match=victim.name):
        backup.restore(tmp_path / "backup", place)
    assert not place.home.exists()


def test_a_directory_without_a_backup_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NoWarehouse, match=r"backup\.json"):
        backup.restore(tmp_path, Location.under(tmp_path / "new"))


def test_upkeep_and_backup_keep_out_of_each_others_way(
    wh: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "UPKEEP_SECONDS", 0)
    with lake_lock.hold(wh.location, "upkeep", timeout=0):
        with pytest.raises(WarehouseError, match="another upkeep or backup"):
            backup.backup(wh.location, tmp_path / "backup")
        with pytest.raises(WarehouseError, match="another upkeep or backup"):
            upkeep(wh)
