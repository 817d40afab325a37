"""The look at a place that a person named, before a command writes there."""

from collections.abc import Iterable
from pathlib import Path

from flows.engine.context import location
from flows.errors import FlowError
from flows.settings import Settings
from warehouse import Location, Warehouse
from warehouse.backends import Directory
from warehouse.errors import NoWarehouse
from warehouse.whole_file import regular

MARKS = ("catalog.sqlite", "catalog.duckdb", "backup.json")
"""Files that every home with a SQLite catalogue or every backup has one of."""
KEPT_FILES = (*MARKS, "catalog.sqlite-wal", "catalog.sqlite-shm", "catalog.sqlite-journal")
KEPT_DIRECTORIES = (
    *("before-migration", "compare", "downloads", "encoders", "lake", "limits", "locks", "logs", "models"),
    *("posters", "prefect", "trials"),
)
"""Directories of a home or of a backup in which only Reelhouse writes."""

_TRACES = ("locks", "logs", "downloads", "before-migration")
_BATCHES = """
    SELECT DISTINCT contains(request, '://127.0.0.1:') AS invented FROM ops.batches
    WHERE request LIKE 'GET http%' OR request LIKE 'file %'
"""


def output_file(settings: Settings, path: Path) -> Path:
    """Return the file to write; FlowError or Unwritable where it is not a file of the person's own."""
    regular(path)
    _refuse_kept(settings, path.resolve(), path)
    return path


def output_directory(settings: Settings, path: Path) -> Path:
    """Return the directory to write to; FlowError where it is a home, a backup, or lies in one."""
    real = path.resolve()
    if _keeps(settings, real):
        raise FlowError(f"{path} holds a warehouse or a backup: choose another place")
    _refuse_kept(settings, real, path)
    return path


def _refuse_kept(settings: Settings, real: Path, path: Path) -> None:
    data = location(settings).data_path
    if isinstance(data, Directory) and real.is_relative_to(data.path):
        raise FlowError(f"{path} lies among the warehouse's own files: choose another place")
    for root in real.parents:
        first = real.relative_to(root).parts[0]
        if (first in KEPT_FILES or first in KEPT_DIRECTORIES) and _keeps(settings, root):
            raise FlowError(f"{path} is one of the own files of {root}: choose another place")


def restored_home(home: Path, names: Iterable[str]) -> None:
    """Raise FlowError where directories of these names hold files, and nothing shows that this is a home."""
    if not home.is_dir():
        return
    entries = {entry.name for entry in home.iterdir()}
    if entries & set(_TRACES) or any(name.startswith(MARKS[0]) for name in entries):
        return  # a home, or what a broken-off restore left
    if foreign := sorted(name for name in entries.intersection(names) if any((home / name).glob("*"))):
        raise FlowError(f"{home / foreign[0]} is not of a warehouse: choose another home, or move it away")


def demo_home(home: Path) -> None:
    """Raise FlowError where a directory holds something else than what a demo has written."""
    if not home.is_dir() or _is_demo(home):
        return
    names = {*KEPT_FILES, *KEPT_DIRECTORIES, "reports", "lost+found"}
    if foreign := sorted(
        entry.name
        for entry in home.iterdir()
        if entry.name not in names and not entry.name.startswith((f"{MARKS[0]}.", ".spill-"))
    ):
        raise FlowError(f"{home} holds {foreign[0]}, which is not of a demo: choose an empty directory")


def _is_demo(home: Path) -> bool:
    """Return whether there is a demo's lake; FlowError where another lake is."""
    place = Location.under(home)
    try:
        with Warehouse.open(place, read_only=True) as warehouse:
            hosts = warehouse.query(_BATCHES).to_pylist()
    except NoWarehouse:
        return False
    if any(not row["invented"] for row in hosts):
        raise FlowError(f"{home} holds a warehouse that no demo has made: choose an empty directory")
    return True


def _keeps(settings: Settings, root: Path) -> bool:
    """Return whether a directory is the home of these settings, another home with a lake, or a backup."""
    return root == settings.home.resolve() or any((root / mark).is_file() for mark in MARKS)
