"""Whether the data files are those of the catalogue.

A setting may name the files of a copy, of a restored backup or of another warehouse. Whoever then wrote would
leave the new files there, and upkeep would delete there what this catalogue does not know. So the catalogue
keeps where its files were last (`data_path` of DuckLake's own settings). At another place they are taken to
have moved only if they have left the former one.
"""

from pathlib import Path, PurePosixPath

import duckdb

from warehouse import storage
from warehouse.backends import Bucket, Directory, SqliteFile
from warehouse.connection import CATALOGUE, attach_catalogue, session
from warehouse.errors import DamagedLake, WarehouseError
from warehouse.failures import reported
from warehouse.identifiers import quote
from warehouse.location import Location

_RECORDED = "SELECT value FROM {}.ducklake_metadata WHERE key = 'data_path'"
_LIVE = "SELECT path FROM {}.ducklake_data_file WHERE end_snapshot IS NULL"


def refuse_others(connection: duckdb.DuckDBPyConnection, location: Location) -> bool:
    """Return whether the files are where the catalogue last had them.

    Raises:
        DamagedLake: They are there still, and another place is set; or that place has none of them.
    """
    recorded = _first(connection, _RECORDED)
    if recorded is None or recorded == location.data_root:
        return True
    names = {PurePosixPath(str(path)).name for path in _column(connection, _LIVE)}
    former = _files(recorded, location)
    with reported(location):
        present = {PurePosixPath(name).name for name in storage.sizes(location)}
    if names and not names & present:
        last = f"they are in {recorded}" if names & former else f"they were last in {recorded}"
        raise DamagedLake(
            f"{location.data_path} has none of the data files of {location}: {last}; correct REELHOUSE_DATA"
        )
    if names & former and not _may_be_copied(location):
        raise DamagedLake(
            f"the data files of {location} are in {recorded}, and {location.data_path} holds a copy of them, "
            f"or another warehouse's: correct REELHOUSE_DATA; had they moved, {recorded} would hold none"
        )
    return False


def record(location: Location) -> None:
    """Write in the catalogue that the files are at this place."""
    with session(location, threads=1) as connection:
        attach_catalogue(connection, location, "written")
        connection.execute(
            "UPDATE written.ducklake_metadata SET value = ? WHERE key = 'data_path'", [location.data_root]
        )


def _may_be_copied(location: Location) -> bool:
    """Return whether the catalogue may be a copy itself, whose files were copied with it.

    In a file it is one where the files lie beside it, as they do unless something else is set. Of a database
    nothing tells.
    """
    if not isinstance(location.catalog, SqliteFile):
        return True
    beside = location.catalog.path.parent / "lake"
    return isinstance(location.data_path, Directory) and location.data_path.path == beside.resolve()


def _files(root: str, location: Location) -> set[str]:
    """Return the names of the data files at an address; none where nothing can be listed there."""
    data_path: Bucket | Path
    if "://" not in root:
        data_path = Path(root)
    elif isinstance(location.data_path, Bucket):
        data_path = Bucket.parse(root.rstrip("/"), location.data_path.access)
    else:  # without its keys
        return set()
    try:
        place = Location(location.home / "catalog.sqlite", data_path, extensions=location.extensions)
        return {PurePosixPath(name).name for name in storage.sizes(place)}
    except (WarehouseError, duckdb.Error, OSError):
        return set()


def _column(connection: duckdb.DuckDBPyConnection, sql: str) -> list[object]:
    return [row[0] for row in connection.execute(sql.format(quote(CATALOGUE))).fetchall()]


def _first(connection: duckdb.DuckDBPyConnection, sql: str) -> str | None:
    return next((str(value) for value in _column(connection, sql)), None)
