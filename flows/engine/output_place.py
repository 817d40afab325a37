"""The look at a place that a person named, before a command writes there.

A file that is there already is replaced only where it is of the kind that is to be written. CSV, JSON and
plain text of `sql` cannot be told from a person's own: they replace what the person named.
"""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from flows.engine.context import location
from flows.errors import FlowError, WrongUsage
from flows.settings import Settings
from warehouse import Location, Warehouse
from warehouse.backends import Directory
from warehouse.errors import NoWarehouse
from warehouse.whole_file import regular, sweep, writing

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


@dataclass(frozen=True)
class FileKind:
    """A kind of file that can be told from all others."""

    name: str
    recognises: Callable[[BinaryIO, int], bool]
    """Whether a file of so many bytes, open at its start, is one."""


_MAGIC = b"PAR1"
_REPORT_MARKS = (b'<meta name="generator" content="Reelhouse">', b"<title>Reelhouse, night of ")
"""What stands in the head of each report; earlier ones have the title alone."""
_MANIFEST_KEYS = frozenset({"versions", "known_by", "snapshot_id", "spine_sha256", "sha256"})
_HEAD_BYTES = 4096
_MOST_MANIFEST_BYTES = 2**20


def _is_parquet(stream: BinaryIO, size: int) -> bool:
    if size < 2 * len(_MAGIC) or stream.read(len(_MAGIC)) != _MAGIC:
        return False
    stream.seek(size - len(_MAGIC))
    return stream.read() == _MAGIC


def _is_report(stream: BinaryIO, size: int) -> bool:
    head = stream.read(_HEAD_BYTES).lstrip()
    return head.startswith(b"<!doctype html>") and any(mark in head for mark in _REPORT_MARKS)


def _is_manifest(stream: BinaryIO, size: int) -> bool:
    if size > _MOST_MANIFEST_BYTES:
        return False
    try:
        content = json.loads(stream.read())
    except (ValueError, RecursionError):
        return False
    return isinstance(content, dict) and content.keys() >= _MANIFEST_KEYS


PARQUET = FileKind("Parquet file", _is_parquet)
REPORT = FileKind("report of ours", _is_report)
MANIFEST_OF_DATASET = FileKind("manifest of ours", _is_manifest)


def output_file(settings: Settings, path: Path, kind: FileKind | None = None) -> Path:
    """Return the file to write; FlowError or Unwritable where it is not a file of the person's own.

    With `kind`, a file with content that is there already must be of that kind. What killed commands left of
    the file is removed.
    """
    target = regular(path)
    _refuse_kept(settings, path.resolve(), path)
    if kind is not None:
        _refuse_other(kind, target, path)
    sweep(target)
    return path


def _refuse_other(kind: FileKind, target: Path, path: Path) -> None:
    with writing(path, target):
        size = target.stat().st_size if target.exists() else 0
        if not size:
            return
        with target.open("rb") as stream:
            is_of_kind = kind.recognises(stream, size)
    if not is_of_kind:
        raise FlowError(f"{path} exists and is no {kind.name}: choose another name, or remove it first")


def output_directory(settings: Settings, path: Path) -> Path:
    """Return the directory to write to; FlowError where it is a home, a backup, or lies in one.

    WrongUsage for the root of the file system.
    """
    real = path.resolve()
    if real == real.parent:
        raise WrongUsage(f"{path} is the root of the file system: name a directory of your own")
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
