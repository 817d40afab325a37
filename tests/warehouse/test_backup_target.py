"""A backup overwrites nothing but an earlier backup of the same lake."""

import os
import shutil
from pathlib import Path

import pytest

from tests.warehouse.landing import genres
from warehouse import Location, Warehouse, backup
from warehouse.errors import NewerVersion, WarehouseError

pytestmark = pytest.mark.local_files


def state(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes()
        for path in sorted(directory.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


def refused(warehouse: Warehouse, directory: Path, match: str) -> None:
    """Check that a backup is refused, and the directory left as it was."""
    before = state(directory)
    with pytest.raises(WarehouseError, match=match):
        backup.backup(warehouse.location, directory)
    assert state(directory) == before


def test_another_home_is_left_alone(wh: Warehouse, empty_home: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(empty_home, tmp_path / "other"))
    refused(wh, other, "is the home of a warehouse")
    for lock in other.glob("*.lock"):
        lock.unlink()
    refused(wh, other, r"holds catalog\.sqlite and 1 more, which is not of a backup")
    (other / "catalog.sqlite").unlink()
    refused(wh, other, "holds lake, which is not of a backup")


def test_a_copied_backup_that_is_in_use_as_a_home_is_left_alone(wh: Warehouse, tmp_path: Path) -> None:
    home = tmp_path / "other"
    backup.backup(wh.location, home)
    with Warehouse.open(Location.under(home)):
        pass
    refused(wh, home, "is the home of a warehouse")


def test_the_backup_of_another_warehouse_is_left_alone(wh: Warehouse, tmp_path: Path) -> None:
    with Warehouse.open(Location.under(tmp_path / "other")) as other:
        backup.backup(other.location, tmp_path / "backup")
    refused(wh, tmp_path / "backup", "the backup of another warehouse")


@pytest.mark.parametrize("name", ["notes.txt", "catalog.sqlite", "lake/core/mine.parquet", "models/x"])
def test_files_that_are_not_of_a_backup_are_left_alone(wh: Warehouse, tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine" / name
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    refused(wh, tmp_path / "mine", f"holds {name.partition('/')[0]}")


def test_a_manifest_that_is_not_of_a_backup_is_left_alone(wh: Warehouse, tmp_path: Path) -> None:
    directory = tmp_path / "mine"
    directory.mkdir()
    (directory / "backup.json").write_text('{"of": "another program"}')
    refused(wh, directory, r"holds a backup\.json that is not of a backup")
    (directory / "backup.json").unlink()
    (directory / "lake").symlink_to(tmp_path)
    refused(wh, directory, "lake is a link")


def test_places_that_overlap_with_the_lake_are_refused(wh: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(wh.location.home)
    refused(wh, tmp_path / "link" / "backup", "lies in the home itself")
    elsewhere = Location(wh.location.catalog, tmp_path / "data", home=wh.location.home)
    with pytest.raises(WarehouseError, match="overlap"):
        backup.backup(elsewhere, tmp_path / "data" / "backup")


def test_a_new_disk_and_a_broken_off_backup_are_taken(wh: Warehouse, tmp_path: Path) -> None:
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(0)))
    directory = tmp_path / "disk"
    (directory / "lost+found").mkdir(parents=True)
    (directory / ".new").mkdir()  # what a backup makes first
    (directory / "lake" / "core").mkdir(parents=True)
    (directory / "lake" / "core" / "ducklake-1.parquet.ab12.part").write_text("half")
    backup.backup(wh.location, directory)
    assert sorted(path.name for path in directory.iterdir()) == [
        *("backup.json", "catalog.sqlite", "lake", "lost+found"),
    ]
    assert not list(directory.rglob("*.part"))
    (directory / "README.txt").write_text("a person's words beside a backup")
    backup.backup(wh.location, directory)
    assert (directory / "README.txt").exists()


def test_a_backup_of_a_later_release_is_left_alone(wh: Warehouse, tmp_path: Path) -> None:
    backup.backup(wh.location, tmp_path / "backup")
    manifest = tmp_path / "backup" / "backup.json"
    manifest.write_text(manifest.read_text().replace('"release": "', '"release": "9'))
    with pytest.raises(NewerVersion):
        backup.backup(wh.location, tmp_path / "backup")


def test_a_second_backup_mends_a_cut_file_and_breaks_no_hard_links(wh: Warehouse, tmp_path: Path) -> None:
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(0)))
    directory = tmp_path / "backup"
    backup.backup(wh.location, directory)
    shutil.copytree(directory, tmp_path / "yesterday", copy_function=os.link)
    kept = state(tmp_path / "yesterday")
    cut = next((directory / "lake").rglob("*.parquet"))
    cut.unlink()
    cut.write_bytes(b"PAR1")
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(1000)))
    assert backup.backup(wh.location, directory).files_copied == 2
    assert state(tmp_path / "yesterday") == kept
    backup.verify(directory, Location.under(tmp_path / "new"))


def test_only_files_of_the_lake_are_removed_from_a_backup(wh: Warehouse, tmp_path: Path) -> None:
    backup.backup(wh.location, tmp_path / "backup")
    mine = tmp_path / "backup" / "lake" / "mine.parquet"
    mine.write_text("mine")
    backup.backup(wh.location, tmp_path / "backup")
    assert mine.read_text() == "mine"
