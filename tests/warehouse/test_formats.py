"""The format of DuckLake's own tables: an unknown one is left alone, and a known one changes after a copy."""

import shutil
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse import Location, Warehouse, before_migration, catalogue_copies
from warehouse.connection import attach_catalogue, session
from warehouse.errors import NewerVersion, Outdated, WarehouseError
from warehouse.sql import open_read_only


def _set_format(location: Location, version: str) -> None:
    """Do to the catalogue what another engine does."""
    with session(location) as connection:
        attach_catalogue(connection, location, "other")
        connection.execute("UPDATE other.ducklake_metadata SET value = ? WHERE key = 'version'", [version])


def _format(location: Location) -> str:
    with Warehouse.open(location, read_only=True) as wh:
        return wh.format


def _copies(location: Location) -> list[Path]:
    root = location.home / before_migration.DIRECTORY
    return sorted(path for path in root.iterdir() if path.name != ".part") if root.exists() else []


@pytest.mark.parametrize("read_only", [False, True])
def test_a_catalogue_of_a_later_format_is_refused_and_left_alone(wh: Warehouse, read_only: bool) -> None:
    known = wh.format
    wh.close()
    _set_format(wh.location, "9.1")
    with pytest.raises(NewerVersion) as caught:
        Warehouse.open(wh.location, read_only=read_only)
    assert "is in format 9.1 of DuckLake, and DuckDB" in str(caught.value)
    assert f"knows {known}: install the DuckDB that wrote it" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert _copies(wh.location) == []
    _set_format(wh.location, known)
    with Warehouse.open(wh.location) as opened:
        assert opened.format == known


def test_nothing_is_written_once_another_program_has_migrated_the_catalogue(wh: Warehouse) -> None:
    known = wh.format
    _set_format(wh.location, "9.1")
    with pytest.raises(NewerVersion, match=r"went from DuckLake's format .* to 9\.1 while it was open"):
        wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 1}))
    with pytest.raises(NewerVersion, match="nothing was written"):
        wh.call("CALL ducklake_merge_adjacent_files('lake')")
    _set_format(wh.location, known)
    assert wh.cursor("tmdb", "movies") is None
    wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 2}))
    assert wh.cursor("tmdb", "movies") == {"n": 2}


def test_an_earlier_format_is_migrated_by_the_first_writer_after_a_copy(wh: Warehouse) -> None:
    known = wh.format
    wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 1}))
    wh.close()
    _set_format(wh.location, "0.4")
    with pytest.raises(Outdated, match=r"format 0\.4, and DuckDB .* needs .*reelhouse upkeep"):
        open_read_only(wh.location)
    assert _copies(wh.location) == []
    for _ in range(2):
        with Warehouse.open(wh.location) as opened:
            assert (opened.format, opened.cursor("tmdb", "movies")) == (known, {"n": 1})
    assert [path.name.partition("-")[2] for path in _copies(wh.location)] == ["format-0.4"]


def _earlier_layout(wh: Warehouse) -> None:
    wh.commit(lambda tx: tx.execute("UPDATE ops.migrations SET layout = 'an earlier one'"))


def test_the_catalogue_is_copied_before_a_change_of_layout_and_the_copy_opens(
    wh: Warehouse, tmp_path: Path
) -> None:
    wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 1}))
    _earlier_layout(wh)
    before = wh.snapshot_id
    version = wh.scalar("SELECT max(version) FROM ops.migrations")
    for _ in range(2):
        with Warehouse.open(wh.location) as opened:
            assert opened.snapshot_id == before + 1
            opened.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 2}))
            before += 2
            break
    with Warehouse.open(wh.location):
        pass
    (copy,) = _copies(wh.location)
    assert copy.name.endswith(f"-layout-{version}")
    (file,) = copy.iterdir()
    if file.name == catalogue_copies.SQLITE_COPY:
        put_back = Location(tmp_path / "put back" / "catalog.sqlite", wh.location.data_path)
        put_back.home.mkdir()
        shutil.copyfile(file, put_back.catalog)
        with open_read_only(put_back) as old:  # which migrates nothing
            assert old.execute("SELECT cursor::VARCHAR FROM ops.cursors").fetchall() == [('{"n": 1}',)]
            layouts = old.execute("SELECT DISTINCT layout FROM ops.migrations").fetchall()
            assert layouts == [("an earlier one",)]


def test_a_copy_from_postgresql_fills_an_empty_database(wh: Warehouse, backend, tmp_path: Path) -> None:
    if backend.postgres is None:
        pytest.skip("about PostgreSQL")
    wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 1}))
    _earlier_layout(wh)
    Warehouse.open(wh.location).close()
    (copy,) = _copies(wh.location)
    url = backend.postgres.create()
    put_back = Location(url, wh.location.data_root, home=tmp_path / "back", s3=wh.location.data_path.access)
    catalogue_copies.load(copy / catalogue_copies.DUCKDB_COPY, put_back)
    with open_read_only(put_back) as old:  # which migrates nothing
        assert old.execute("SELECT cursor::VARCHAR FROM ops.cursors").fetchall() == [('{"n": 1}',)]
        layouts = old.execute("SELECT DISTINCT layout FROM ops.migrations").fetchall()
        assert layouts == [("an earlier one",)]


def test_a_new_lake_has_nothing_to_copy(location: Location) -> None:
    Warehouse.open(location).close()
    assert _copies(location) == []


def test_a_migration_does_not_begin_where_the_copy_fails(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _earlier_layout(wh)
    before = wh.snapshot_id

    def full(location: Location, directory: Path) -> Path:
        directory.mkdir(parents=True)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(catalogue_copies, "copy", full)
    with pytest.raises(WarehouseError, match="no space left"):
        Warehouse.open(wh.location)
    assert wh.snapshot_id == before
    monkeypatch.undo()
    Warehouse.open(wh.location).close()
    assert wh.snapshot_id == before + 1
    assert len(_copies(wh.location)) == 1


@pytest.mark.local_files
def test_the_newest_copies_stay(wh: Warehouse) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    for day in range(before_migration.KEPT + 2):
        before_migration.keep(wh.location, "layout-1", start + timedelta(days=day))
    assert [path.name[:8] for path in _copies(wh.location)] == ["20260103", "20260104", "20260105"]


@pytest.mark.local_files
def test_a_copy_of_another_format_does_not_fill_a_catalogue(wh: Warehouse, tmp_path: Path) -> None:
    from warehouse import formats

    copied = catalogue_copies.copy(wh.location, tmp_path / "copy")
    with closing(sqlite3.connect(copied)) as file, file:
        file.execute("UPDATE ducklake_metadata SET value = '0.4' WHERE key = 'version'")
    with session(wh.location) as connection:
        connection.execute(f"ATTACH '{copied}' AS copied (TYPE sqlite)")
        attach_catalogue(connection, wh.location, "made", read_only=True)
        with pytest.raises(WarehouseError, match=r"the copy is in DuckLake's format 0\.4, and this"):
            formats.require_same(connection, "copied", "made", wh.location)
