"""Whether there is a lake. Data files without a catalogue are what is left of one: none is made there."""

from pathlib import PurePosixPath

from warehouse import storage
from warehouse.errors import DamagedLake
from warehouse.failures import reported
from warehouse.location import Location

_FIRST = (("ops", "columns"), ("ops", "migrations"))
"""The tables to which the making of a lake writes: a process that was killed meanwhile leaves such files."""


def require(location: Location) -> None:
    """Raise NoWarehouse or DamagedLake where no catalogue is; PostgreSQL is asked when it is opened."""
    if location.catalog.is_absent:
        refuse_lost(location)
        raise location.absent()


def refuse_lost(location: Location) -> None:
    """Raise DamagedLake where there are data files though no catalogue names them."""
    with reported(location):
        names = sorted(
            name for name in storage.sizes(location) if PurePosixPath(name).parts[:2] not in _FIRST
        )
    if names:
        raise DamagedLake(
            f"the catalogue {location} is gone or empty, and {location.data_path} holds {len(names)} data "
            f"files, such as {names[0]}: move them away and run `reelhouse restore` on a backup, or set "
            "REELHOUSE_DATA to an empty place"
        )
