"""Backup and restore: the catalogue as of one moment, and every data file that it names.

A backup is a plain directory: the catalogue in one file, `lake/`, and `backup.json` with the hash of each
file. The catalogue is `catalog.sqlite`, or `catalog.duckdb` where it came from PostgreSQL. Data files never
change once written, so a second backup into the same directory copies only the new ones.

A backup of a lake on one machine can be restored to PostgreSQL and S3: that is how a lake moves there.
"""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse import catalogue_copies, lake_lock, storage
from warehouse.errors import Busy, DamagedLake, NoWarehouse, WarehouseError
from warehouse.failures import reported
from warehouse.location import Location
from warehouse.migrations import code_version
from warehouse.warehouse import Warehouse

MANIFEST = "backup.json"
LAKE_DIRECTORY = "lake"
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
        with lake_lock.hold(location, "upkeep", timeout=UPKEEP_SECONDS):
            yield
    except lake_lock.Taken:
        raise Busy(
            f"another upkeep or backup of {location} is running: try again when it has ended"
        ) from None


def backup(location: Location, directory: Path) -> BackupReport:
    """Copy the lake to `directory` while others go on reading and writing it.

    A backup that stops half way leaves the earlier one in that directory whole.
    """
    location.require()
    lake = directory / LAKE_DIRECTORY
    with reported(Location.under(directory)), undisturbed(location):
        lake.mkdir(parents=True, exist_ok=True)
        known = _hashes(directory)
        with reported(location):
            fresh = catalogue_copies.copy(location, directory / ".new")
            named, snapshot_id = catalogue_copies.named_files(fresh, location)
        copied = 0
        with reported(location), storage.opened(location) as files:
            for name in sorted(name for name in files.sizes() if Path(name).name in named):
                place = lake / name
                key = str(place.relative_to(directory))
                if key not in known or not place.exists():
                    files.fetch(name, place)
                    known[key] = _sha256(place)
                    copied += 1
    kept = {key: value for key, value in known.items() if Path(key).name in named}
    if missing := named - {Path(key).name for key in kept}:
        raise DamagedLake(f"{location} names {len(missing)} data files that are gone, such as {min(missing)}")
    with reported(Location.under(directory)):
        listed = {**kept, fresh.name: _sha256(fresh)}
        manifest = {
            "release": code_version(),
            "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
            "snapshot_id": snapshot_id,
            "files": listed,
        }
        written = directory / (MANIFEST + ".new")
        written.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
        fresh.replace(directory / fresh.name)
        written.replace(directory / MANIFEST)
        fresh.parent.rmdir()
        for path in lake.rglob("*.parquet"):
            if path.name not in named:
                path.unlink()
        size = sum((directory / name).stat().st_size for name in listed)
    return BackupReport(directory, snapshot_id, len(listed), size, copied)


def restore(directory: Path, location: Location) -> int:
    """Restore a backup to a location without a lake; return the snapshot that it holds.

    Raises NoWarehouse where there is no backup, DamagedLake where a file differs from what was backed up, and
    WarehouseError where the location has a lake, or a backup from PostgreSQL would go to SQLite.
    """
    manifest = _manifest(directory)
    for name, expected in manifest["files"].items():
        path = directory / name
        if not path.exists() or _sha256(path) != expected:
            raise DamagedLake(f"{path} is not the file that was backed up: restore from another backup")
    copied = directory / next(name for name in manifest["files"] if name in catalogue_copies.COPIES)
    if not location.catalog.is_server and copied.name != catalogue_copies.SQLITE_COPY:
        raise WarehouseError(
            f"the backup in {directory} has its catalogue from PostgreSQL: "
            "set REELHOUSE_CATALOG to restore it there"
        )
    with (
        reported(location),
        lake_lock.hold(location, "layout", timeout=UPKEEP_SECONDS),
        storage.opened(location) as stored,
    ):
        if catalogue_copies.exists(location) or stored.sizes():
            raise WarehouseError(f"there is a warehouse at {location}: move it away before restoring over it")
        for name in manifest["files"]:
            if name != copied.name:
                stored.store(directory / name, str(Path(name).relative_to(LAKE_DIRECTORY)))
        catalogue_copies.load(copied, location)
    with Warehouse.open(location, read_only=True) as restored:
        return restored.snapshot_id


def _manifest(directory: Path) -> dict[str, Any]:
    path = directory / MANIFEST
    if not path.exists():
        raise NoWarehouse(f"no backup in {directory}: {MANIFEST} is missing there")
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        raise DamagedLake(f"{path} cannot be read: restore from another backup") from None
    return manifest


def _hashes(directory: Path) -> dict[str, str]:
    """Return the hashes of the data files of an earlier backup in that directory."""
    try:
        files: dict[str, str] = dict(_manifest(directory)["files"])
    except (NoWarehouse, DamagedLake, KeyError):
        return {}
    return {name: value for name, value in files.items() if name not in catalogue_copies.COPIES}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
