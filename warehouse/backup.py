"""Backup and restore: the catalogue as of one moment, and every data file that it names.

A backup is a plain directory: the catalogue in one file, `lake/`, and `backup.json` with the hash of each
file. The catalogue is `catalog.sqlite`, or `catalog.duckdb` where it came from PostgreSQL. Data files never
change once written, so a second backup into the same directory copies only the new ones.

A backup of a lake on one machine can be restored to PostgreSQL and S3: that is how a lake moves there.

A restore checks the whole backup before it writes anything. It puts the catalogue in its place last, so one
that was broken off can be repeated.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from warehouse import backup_catalogue, backup_manifest, catalogue_copies, lake_lock, storage, whole_file
from warehouse.backends import Directory
from warehouse.backup_manifest import LAKE_DIRECTORY, MANIFEST, BackupManifest, sha256
from warehouse.backup_target import NEW, earlier_backup
from warehouse.errors import Busy, DamagedLake, NoWarehouse, WarehouseError
from warehouse.failures import reported
from warehouse.location import Location
from warehouse.migrations import code_version
from warehouse.presence import refuse_lost, require
from warehouse.warehouse import Warehouse

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


@dataclass(frozen=True)
class VerifiedBackup:
    """A backup whose files are those of its manifest and of its catalogue."""

    directory: Path
    manifest: BackupManifest


@contextmanager
def undisturbed(location: Location, waiting: Callable[[], None] | None = None) -> Iterator[None]:
    """Keep upkeep and backup apart: the one removes files that the other copies.

    With `waiting`, which is called before a wait, wait for as long as it takes; without it, raise Busy after
    `UPKEEP_SECONDS`.
    """
    with ExitStack() as held:
        try:
            held.enter_context(lake_lock.hold(location, "upkeep", timeout=0 if waiting else UPKEEP_SECONDS))
        except lake_lock.Taken:
            if waiting is None:
                raise Busy(
                    f"another upkeep or backup of {location} is running: try again when it has ended"
                ) from None
            waiting()
            held.enter_context(lake_lock.hold(location, "upkeep", timeout=-1))
        yield


def backup(location: Location, directory: Path, waiting: Callable[[], None] | None = None) -> BackupReport:
    """Copy the lake to `directory` while others go on reading and writing it.

    A backup that stops half way leaves the earlier one in that directory whole.

    Args:
        location: The lake.
        directory: A directory that is absent or empty, or holds an earlier backup of this lake.
        waiting: Called where another upkeep or backup is running, before waiting for its end.

    Returns:
        What the backup holds.

    Raises:
        NoWarehouse: There is no lake.
        WarehouseError: The directory holds something else than a backup of this lake.
        Unwritable, DiskFull: The directory cannot be written.
        Busy: Another upkeep or backup is running, and `waiting` is None.
        DamagedLake: A data file is gone.
    """
    require(location)
    earlier = earlier_backup(directory, location)
    try:
        lake = catalogue_copies.identity(location)
    except NoWarehouse:
        refuse_lost(location)
        raise
    if earlier:
        _refuse_another_lake(directory / earlier.catalogue, lake, location)
    with undisturbed(location, waiting):
        whole_file.make_directory(directory)
        with reported(location):
            fresh = catalogue_copies.copy(location, directory / NEW)
            named, snapshot_id = catalogue_copies.named_files(fresh, location)
            known, copied = _copy_data_files(location, directory, named, earlier)
        if missing := named - {Path(key).name for key in known}:
            raise DamagedLake(
                f"{location} names {len(missing)} data files that are gone, such as {min(missing)}"
            )
        with whole_file.writing(directory):
            listed = {**known, fresh.name: sha256(fresh)}
            manifest = {
                "release": code_version(),
                "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "snapshot_id": snapshot_id,
                "files": listed,
            }
            with whole_file.written(directory / MANIFEST) as partial:
                partial.write_text(json.dumps(manifest, indent=1) + "\n", encoding="utf-8")
                fresh.replace(directory / fresh.name)
            shutil.rmtree(directory / NEW, ignore_errors=True)
            for path in (directory / LAKE_DIRECTORY).rglob(storage.OWN_NAMES):
                if path.name not in named:
                    path.unlink()
            size = sum((directory / name).stat().st_size for name in listed)
    return BackupReport(directory, snapshot_id, len(listed), size, copied)


def _copy_data_files(
    location: Location, directory: Path, named: set[str], earlier: BackupManifest | None
) -> tuple[dict[str, str], int]:
    """Copy the named data files that an earlier backup lacks; return all hashes, and how many were copied."""
    lake = directory / LAKE_DIRECTORY
    whole_file.make_directory(lake)
    _sweep(lake)
    hashes = earlier.files if earlier else {}
    known, copied = {}, 0
    with storage.opened(location) as files:
        for name, size in sorted(files.sizes().items()):
            if Path(name).name not in named:
                continue
            place, key = lake / name, f"{LAKE_DIRECTORY}/{name}"
            if key in hashes and _is_whole(place, size):
                known[key] = hashes[key]
                continue
            files.fetch(name, place)
            known[key] = sha256(place)
            copied += 1
    return known, copied


def _is_whole(place: Path, size: int) -> bool:
    return place.is_file() and not place.is_symlink() and place.stat().st_size == size


def _refuse_another_lake(earlier: Path, lake: str, location: Location) -> None:
    try:
        of_backup = backup_catalogue.identity(earlier, location)
    except DamagedLake:
        return  # nothing could be restored from it
    if of_backup != lake:
        raise WarehouseError(
            f"{earlier.parent} holds the backup of another warehouse: choose another directory"
        )


def verify(directory: Path, location: Location) -> VerifiedBackup:
    """Check a backup as a whole, and the location that it is to be restored to; write nothing.

    Args:
        directory: The directory of the backup.
        location: Where it is to be restored.

    Returns:
        The backup, for `put_back`.

    Raises:
        NoWarehouse: There is no backup.
        DamagedLake: The backup is not what was backed up, lacks a file, has other files than its catalogue
            says, or reaches outside its lake.
        NewerVersion: A later release wrote it.
        WarehouseError: The location has a lake, or data files of another one, or a backup from PostgreSQL
            would go to SQLite.
    """
    manifest = backup_manifest.read(directory)
    if not location.catalog.is_server and manifest.catalogue != catalogue_copies.SQLITE_COPY:
        raise WarehouseError(
            f"the backup in {directory} has its catalogue from PostgreSQL: "
            "set REELHOUSE_CATALOG to restore it there"
        )
    _require_vacant(location)
    with reported(location):
        strangers = sorted(storage.sizes(location).keys() - manifest.data_files)
    if strangers:
        raise WarehouseError(
            f"{len(strangers)} data files in {location.data_path} are not of this backup, such as "
            f"{strangers[0]}: there is a warehouse, or what is left of one; move them away before restoring"
        )
    backup_manifest.require_files(directory, manifest)
    copied = backup_catalogue.examine(directory / manifest.catalogue, directory / LAKE_DIRECTORY, location)
    if missing := copied.data_files - manifest.data_files:
        raise DamagedLake(
            f"the backup in {directory} lacks {len(missing)} data files that its catalogue names, such as "
            f"{min(missing)}: restore from another backup"
        )
    if unknown := manifest.data_files - copied.data_files:
        raise DamagedLake(
            f"the backup in {directory} has {len(unknown)} data files that its catalogue does not name, such "
            f"as {min(unknown)}: restore from another backup"
        )
    if copied.snapshot_id != manifest.snapshot_id:
        raise DamagedLake(
            f"the backup in {directory} is said to hold snapshot {manifest.snapshot_id}, and its catalogue "
            f"holds {copied.snapshot_id}: restore from another backup"
        )
    for file in copied.files:
        backup_manifest.require_parquet(directory / LAKE_DIRECTORY / file.path, file.bytes, file.rows)
    return VerifiedBackup(directory, manifest)


def put_back(verified: VerifiedBackup, location: Location) -> int:
    """Restore a backup that was verified; return the snapshot that it holds.

    One that was broken off is repeated: data files that are there already are kept.
    """
    directory, manifest = verified.directory, verified.manifest
    try:
        with (
            reported(location),
            lake_lock.hold(location, lake_lock.LAYOUT, timeout=UPKEEP_SECONDS),
            storage.opened(location) as stored,
        ):
            _require_vacant(location)
            if isinstance(location.data_path, Directory):
                _sweep(location.data_path.path)
            sizes = stored.sizes()
            for name in sorted(manifest.data_files):
                source = directory / LAKE_DIRECTORY / name
                if sizes.get(name) != source.stat().st_size or not stored.holds(source, name):
                    stored.store(source, name)
            catalogue_copies.load(directory / manifest.catalogue, location)
    except lake_lock.Taken:
        raise Busy(f"another process is writing to {location}: try again when it has ended") from None
    with Warehouse.open(location, read_only=True) as restored:
        return restored.snapshot_id


def restore(directory: Path, location: Location) -> int:
    """Verify a backup and restore it; return the snapshot that it holds. Raises as `verify`."""
    return put_back(verify(directory, location), location)


def _require_vacant(location: Location) -> None:
    if not catalogue_copies.is_vacant(location):
        raise WarehouseError(f"there is a warehouse at {location}: move it away before restoring over it")


def _sweep(directory: Path) -> None:
    """Remove what a killed process left of files that it was writing."""
    for path in directory.rglob(f"ducklake-*{whole_file.PART}"):
        with whole_file.writing(directory):
            path.unlink()
