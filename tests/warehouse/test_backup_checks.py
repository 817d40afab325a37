"""What is no backup, or a tampered one, is refused in one line before a byte is written."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse import hostile
from tests.warehouse.landing import genres
from warehouse import Location, Warehouse, backup, backup_manifest, catalogue_copies
from warehouse.errors import DamagedLake, NewerVersion, NoWarehouse, WarehouseError


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A backup of a lake with a data file and a file of deletions."""
    root = tmp_path_factory.mktemp("whole")
    with Warehouse.open(Location.under(root / "home")) as warehouse:
        warehouse.commit(lambda tx: tx.append("core.movie_genres", genres(0)))
        warehouse.commit(lambda tx: tx.delete_keys("core.movie_genres", pa.table({"movie_id": [1]})))
        backup.backup(warehouse.location, root / "backup")
    return root / "backup"


@pytest.fixture
def tampered(whole: Path, tmp_path: Path) -> Path:
    """A copy of the backup, to be tampered with."""
    return hostile.copied(whole, tmp_path / "backup")


def refused(directory: Path, error: type[WarehouseError] = DamagedLake) -> str:
    """Return the line with which a restore is refused; nothing was written."""
    home = directory.parent / "home"
    before = sorted(directory.parent.iterdir())
    with pytest.raises(error) as caught:
        backup.restore(directory, Location.under(home))
    assert not home.exists()
    assert sorted(directory.parent.iterdir()) == before
    line = str(caught.value)
    assert "\n" not in line
    assert len(line) < 500
    return line


@pytest.mark.parametrize(
    "text",
    hostile.JUNK,
    ids=lambda text: text[:12] or "empty",
)
def test_a_manifest_that_is_junk_is_refused(tampered: Path, text: str) -> None:
    (tampered / hostile.MANIFEST).write_text(text)
    assert hostile.MANIFEST in refused(tampered)


def test_a_manifest_that_is_no_text_or_no_file_is_refused(tampered: Path) -> None:
    path = tampered / hostile.MANIFEST
    path.write_bytes(b'{"files": "\xff\xfe"}')
    refused(tampered)
    path.unlink()
    path.mkdir()
    assert "no regular file" in refused(tampered)
    path.rmdir()
    os.mkfifo(path)
    assert "no regular file" in refused(tampered)  # and not waited for
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "is a link" in refused(tampered)
    path.unlink()
    assert "no backup in" in refused(tampered, NoWarehouse)


def test_a_name_that_occurs_twice_is_refused(tampered: Path) -> None:
    path = tampered / hostile.MANIFEST
    name = hostile.parquet_name(tampered)
    path.write_text(path.read_text().replace(f'"{name}"', f'"{name}": "{"0" * 64}", "{name}"'))
    assert "twice" in refused(tampered)


@pytest.mark.parametrize("name", hostile.NAMES, ids=ascii)
def test_a_name_that_is_not_of_a_backup_is_refused(tampered: Path, name: str) -> None:
    hostile.with_manifest(tampered, lambda manifest: manifest["files"].update({name: "0" * 64}))
    refused(tampered)


@pytest.mark.parametrize("change", hostile.CHANGES.values(), ids=hostile.CHANGES)
def test_a_manifest_that_contradicts_the_backup_is_refused(
    tampered: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    hostile.with_manifest(tampered, change)
    refused(tampered)


def test_a_later_release_is_named(tampered: Path) -> None:
    hostile.with_manifest(tampered, lambda manifest: manifest.update(release="99.0"))
    assert "install Reelhouse 99.0" in refused(tampered, NewerVersion)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)


@st.composite
def mutated(draw: st.DrawFn, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the manifest with one to three of its values removed, replaced or added."""
    manifest = json.loads(json.dumps(manifest))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from([manifest, manifest.get("files")]))
        if not isinstance(place, dict):
            continue
        key = draw(
            st.sampled_from(sorted(place) or [""]) | st.text(max_size=12) | st.sampled_from(hostile.NAMES)
        )
        if draw(st.booleans()):
            place.pop(key, None)
        else:
            place[key] = draw(VALUES | st.just("0" * 64))
    return manifest


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_whatever_a_manifest_says_it_names_files_of_the_backup_or_is_refused(
    whole: Path, tmp_path: Path, data: st.DataObject
) -> None:
    manifest = data.draw(mutated(hostile.manifest_of(whole)))
    (tmp_path / hostile.MANIFEST).write_text(json.dumps(manifest))
    try:
        accepted = backup_manifest.read(tmp_path)
    except (DamagedLake, NewerVersion) as error:
        assert "\n" not in str(error)
        return
    assert accepted.catalogue in catalogue_copies.COPIES
    assert 0 <= accepted.snapshot_id < 2**63
    for name in accepted.data_files:
        assert Path(os.path.realpath(tmp_path / "lake" / name)).is_relative_to(tmp_path / "lake")


def test_a_data_file_that_the_catalogue_names_must_be_listed(tampered: Path) -> None:
    name = hostile.parquet_name(tampered)
    hostile.with_manifest(tampered, lambda manifest: manifest["files"].pop(name))
    assert f"lacks 1 data files that its catalogue names, such as {name.removeprefix('lake/')}" in refused(
        tampered
    )


def test_a_data_file_that_the_catalogue_does_not_name_is_refused(tampered: Path) -> None:
    (tampered / "lake" / "ducklake-more.parquet").write_text("more")
    hostile.rehash(tampered, "catalog.sqlite")
    hostile.with_manifest(tampered, lambda manifest: None)
    hostile.rehash(tampered, "lake/ducklake-more.parquet")
    assert "that its catalogue does not name" in refused(tampered)


@pytest.mark.parametrize("change", hostile.PLACES.values(), ids=hostile.PLACES)
def test_links_and_special_files_are_refused(
    tampered: Path, tmp_path: Path, change: Callable[[Path, Path], None]
) -> None:
    change(tampered, tmp_path / "outside")
    line = refused(tampered)
    assert "is a link" in line or "no regular file" in line


def test_a_catalogue_that_is_damaged_or_another_s_is_refused(tampered: Path) -> None:
    path = tampered / "catalog.sqlite"
    content = path.read_bytes()
    for damaged in (b"", b"junk" * 1000, content[: len(content) // 2], content[:5000] + b"\xff" * 9000):
        path.write_bytes(damaged)
        hostile.rehash(tampered, path.name)
        assert "catalog.sqlite" in refused(tampered)
    path.write_bytes(content)
    hostile.rehash(tampered, path.name)
    (tampered / "catalog.sqlite-wal").write_text("what SQLite would add to the catalogue")
    assert "catalog.sqlite-wal does not belong" in refused(tampered)


@pytest.mark.parametrize("script", hostile.CATALOGUES.values(), ids=hostile.CATALOGUES)
def test_a_catalogue_that_reaches_outside_is_refused(tampered: Path, script: str) -> None:
    hostile.with_catalogue(tampered, script)
    refused(tampered, WarehouseError)


def test_the_trigger_and_the_data_path_of_a_catalogue_are_not_taken_over(
    tampered: Path, tmp_path: Path
) -> None:
    hostile.with_catalogue(
        tampered,
        f"UPDATE ducklake_metadata SET value = '{tmp_path}/outside/' WHERE key = 'data_path';"  # noqa: S608
        "DROP TRIGGER IF EXISTS reelhouse_forget_fraction_bounds;"
        "CREATE TRIGGER reelhouse_forget_fraction_bounds AFTER INSERT ON ducklake_snapshot BEGIN "
        "DELETE FROM ducklake_data_file; END;",
    )
    place = Location.under(tmp_path / "home")
    backup.restore(tampered, place)
    with Warehouse.open(place) as restored:
        before = restored.scalar("SELECT count(*) FROM core.movie_genres")
        restored.commit(lambda tx: tx.append("core.movie_genres", genres(1000)))
        assert restored.scalar("SELECT count(*) FROM core.movie_genres") == before + genres(0).num_rows
    assert not (tmp_path / "outside").exists()
