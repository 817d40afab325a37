"""Copies of the catalogue, made before something changes its layout or its format.

A copy opens with the release that wrote it for as long as the data files that it names are there: upkeep
keeps none for its sake.
"""

import shutil
from datetime import UTC, datetime
from pathlib import Path

from warehouse import catalogue_copies
from warehouse.location import Location

DIRECTORY = "before-migration"
KEPT = 3
"""Older copies are removed: upkeep has long removed data files that they name."""


def keep(location: Location, what: str, now: datetime) -> Path:
    """Copy the catalogue to `before-migration/TIME-what` below the home; return the copy's file.

    The directory appears only once the copy is whole. The newest `KEPT` copies stay. The caller keeps others
    from doing the same.
    """
    root = location.home / DIRECTORY
    target = root / f"{now.astimezone(UTC):%Y%m%dT%H%M%SZ}-{what}"
    partial = root / ".part"  # what a killed process left of it is replaced
    copied = catalogue_copies.copy(location, partial)
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)
    for old in sorted(path for path in root.iterdir() if path.name[0] != ".")[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)
    return target / copied.name
