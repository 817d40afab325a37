"""The look at a directory before a backup is written to it: a backup overwrites and deletes there."""

import os
from pathlib import Path

from warehouse import backup_manifest
from warehouse.backends import Directory
from warehouse.backup_manifest import LAKE_DIRECTORY, MANIFEST, BackupManifest
from warehouse.catalogue_copies import COPIES
from warehouse.errors import DamagedLake, WarehouseError
from warehouse.location import Location
from warehouse.whole_file import PART

NEW = ".new"
"""The directory of the catalogue's copy until it replaces the earlier one. It is made first, so it also marks
a first backup that was broken off."""
_OF_A_FILE_SYSTEM = frozenset({"lost+found"})
_BEGUN = frozenset({NEW, LAKE_DIRECTORY})
_OF_A_HOME = (f"{COPIES[0]}-", f"{COPIES[0]}.", "locks", "downloads", "before-migration", ".spill-")
"""How the names of entries begin that every home in use has some of, and no backup."""


def earlier_backup(directory: Path, location: Location) -> BackupManifest | None:
    """Return the manifest of the backup that the directory holds, None where a first one may be written.

    Raises WarehouseError, which says what the directory holds, where a backup would overwrite something else.
    """
    _refuse_overlap(directory, location)
    if not os.path.lexists(directory):
        return None
    if not directory.is_dir():
        raise WarehouseError(f"{directory} is a file: name a directory for the backup")
    try:
        entries = {entry.name for entry in directory.iterdir()} - _OF_A_FILE_SYSTEM
    except OSError as error:
        raise WarehouseError(
            f"{directory} cannot be read ({error.strerror}): choose another directory"
        ) from None
    for name in sorted(entries):
        if (directory / name).is_symlink():
            raise WarehouseError(f"{directory / name} is a link: a backup has none; choose another directory")
    if traces := sorted(name for name in entries if name.startswith(_OF_A_HOME)):
        raise WarehouseError(
            f"{directory} is the home of a warehouse (it holds {traces[0]}): choose another directory"
        )
    if MANIFEST in entries:
        try:
            return backup_manifest.read(directory)
        except DamagedLake as error:
            raise WarehouseError(
                f"{directory} holds a {MANIFEST} that is not of a backup: choose another directory ({error})"
            ) from None
    lake = directory / LAKE_DIRECTORY
    foreign = sorted(name for name in entries - _BEGUN if not name.endswith(PART))
    if NEW not in entries and lake.is_dir() and any(lake.iterdir()):
        foreign.append(LAKE_DIRECTORY)
    if foreign:
        more = f" and {len(foreign) - 1} more" if len(foreign) > 1 else ""
        raise WarehouseError(
            f"{directory} holds {foreign[0]}{more}, which is not of a backup: choose an empty directory"
        )
    return None


def _refuse_overlap(directory: Path, location: Location) -> None:
    real = directory.resolve()
    if real.is_relative_to(location.home):
        raise WarehouseError(
            f"{directory} lies in the home itself: choose a place that does not get lost with it"
        )
    if isinstance(location.data_path, Directory):
        data = location.data_path.path
        if real.is_relative_to(data) or data.is_relative_to(real):
            raise WarehouseError(
                f"{directory} and the data files in {data} overlap: choose another directory"
            )
