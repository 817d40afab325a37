"""Backup and restore: the catalogue as of one moment, and every data file that it names.

A backup is a plain directory: `catalog.sqlite`, `lake/`, and `backup.json` with the hash of each file.
Data files never change once written, so a second backup into the same directory copies only the new
ones.
"""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from warehouse import catalogue
from warehouse.errors import Damaged, NoWarehouse, WarehouseError
from warehouse.failures import reported
from warehouse.location import Location
from warehouse.migrations import code_version
from warehouse.warehouse import Warehouse

MANIFEST = "backup.json"
UPKEEP_SECONDS = 60


@dataclass(frozen=True)
class BackupReport:
    """What a backup holds."""

    directory: Path
    snapshot_id: int
    files: int
    bytes: int
    files_copied: int
    """The others lay there from an earlier backup."""


@contextmanager
def undisturbed(location: Location) -> Iterator[None]:
    """Keep upkeep and backup apart: the one removes files that the other copies."""
    try:
        with filelock.FileLock(location.upkeep_lock, timeout=UPKEEP_SECONDS):
            yield
    except filelock.Timeout:
        raise WarehouseError(
            f"another upkeep or backup of {location} is running: try again when it has ended"
        ) from None


def backup(location: Location, directory: Path) -> BackupReport:
    """Copy the lake to `directory` while others go on reading and writing it.

    A backup that stops half way leaves the earlier one in that directory whole.
    """
    location.require()
    target = Location.under(directory)
    with reported(target), undisturbed(location):
        target.data_path.mkdir(parents=True, exist_ok=True)
        fresh = target.catalog.with_name("catalog.sqlite.new")
        fresh.unlink(missing_ok=True)
        catalogue.copy(location.catalog, fresh)
        known = _hashes(directory)
        named, snapshot_id = _named_files(fresh)
        copied = 0
        for path in sorted(location.data_path.rglob("*.parquet")):
            if path.name not in named:
                continue
            place = target.data_path / path.relative_to(location.data_path)
            key = str(place.relative_to(target.catalog.parent))
            if key not in known or not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                partial = place.with_name(place.name + ".part")
                shutil.copyfile(path, partial)
                partial.replace(place)
                known[key] = _sha256(place)
                copied += 1
    kept = {key: value for key, value in known.items() if Path(key).name in named}
    if missing := named - {Path(key).name for key in kept}:
        raise Damaged(f"{location} names {len(missing)} data files that are gone, such as {min(missing)}")
    with reported(target):
        files = {**kept, target.catalog.name: _sha256(fresh)}
        manifest = {
            "release": code_version(),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "snapshot_id": snapshot_id,
            "files": files,
        }
        written = directory / (MANIFEST + ".new")
        written.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        fresh.replace(target.catalog)
        written.replace(directory / MANIFEST)
        for path in target.data_path.rglob("*.parquet"):
            if path.name not in named:
                path.unlink()
        size = sum((directory / name).stat().st_size for name in files)
    return BackupReport(directory, snapshot_id, len(files), size, copied)


def restore(directory: Path, location: Location) -> int:
    """Put a backup in the place of a lake that is gone; return the snapshot that it holds.

    Raises NoWarehouse where there is no backup, Damaged where one of its files is not what was backed up, and
    WarehouseError where a lake is in the way.
    """
    manifest = _manifest(directory)
    if location.exists or (location.data_path.exists() and any(location.data_path.iterdir())):
        raise WarehouseError(
            f"there is a warehouse at {location.catalog.parent}: move it away before restoring over it"
        )
    source = Location.under(directory)
    for name, expected in manifest["files"].items():
        path = directory / name
        if not path.exists() or _sha256(path) != expected:
            raise Damaged(f"{path} is not the file that was backed up: restore from another backup")
    with reported(location):
        for name in manifest["files"]:
            if name != source.catalog.name:
                place = location.data_path / (directory / name).relative_to(directory / source.data_path.name)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(directory / name, place)
        location.data_path.mkdir(parents=True, exist_ok=True)
        partial = location.catalog.with_name(location.catalog.name + ".part")
        shutil.copyfile(source.catalog, partial)
        partial.replace(location.catalog)
    with Warehouse.open(location, read_only=True) as restored:
        return restored.snapshot_id


def _manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    if not path.exists():
        raise NoWarehouse(f"no backup in {directory}: {MANIFEST} is missing there")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise Damaged(f"{path} cannot be read: restore from another backup") from None
    return manifest


def _hashes(directory: Path) -> dict[str, str]:
    """Return the hashes of the data files of an earlier backup in that directory."""
    try:
        files: dict[str, str] = dict(_manifest(directory)["files"])
    except (NoWarehouse, Damaged, KeyError):
        return {}
    files.pop("catalog.sqlite", None)
    return files


def _named_files(copied: Path) -> tuple[set[str], int]:
    """Return the names of the data files that a copied catalogue needs, and its newest snapshot.

    Nobody else has the copy open, so it may be read here. A name contains a UUID, so it is enough.
    """
    with closing(sqlite3.connect(f"file:{copied}?mode=ro", uri=True)) as opened:
        names = {
            Path(row[0]).name
            for table in ("ducklake_data_file", "ducklake_delete_file")
            for row in opened.execute(f"SELECT path FROM {table}")  # noqa: S608 - named above
        }
        row = opened.execute("SELECT max(snapshot_id) FROM ducklake_snapshot").fetchone()
    return names, int(row[0])


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
