"""The lake's data files as files: which there are, and copies of them. Their contents never change."""

# ruff: noqa: S608 — names pass through warehouse.identifiers

import filecmp
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Protocol

import duckdb

from warehouse import whole_file
from warehouse.backends import Directory
from warehouse.connection import session
from warehouse.identifiers import literal
from warehouse.location import Location

OWN_NAMES = "ducklake-*.parquet"
"""What DuckLake calls its data files."""


class Storage(Protocol):
    """Where data files lie; a name is a path below the data directory."""

    def sizes(self) -> dict[str, int]:
        """Return the size in bytes of each data file, by name."""

    def fetch(self, name: str, target: Path) -> None:
        """Copy a data file to `target`, which appears only once it is whole."""

    def store(self, source: Path, name: str) -> None:
        """Copy a file to the data files."""

    def holds(self, source: Path, name: str) -> bool:
        """Return whether a data file is known to be the same as a file of this machine."""


class _Directory:
    def __init__(self, root: Path) -> None:
        self._root = root

    def sizes(self) -> dict[str, int]:
        sizes = {}
        for path in self._root.rglob("*.parquet"):
            with suppress(FileNotFoundError):  # another process has taken it away since it was listed
                sizes[str(path.relative_to(self._root))] = path.stat().st_size
        return sizes

    def fetch(self, name: str, target: Path) -> None:
        whole_file.copy(self._root / name, target)

    def store(self, source: Path, name: str) -> None:
        whole_file.copy(source, self._root / name)

    def holds(self, source: Path, name: str) -> bool:
        place = self._root / name
        return not place.is_symlink() and filecmp.cmp(source, place, shallow=False)


class _Bucket:
    def __init__(self, root: str, connection: duckdb.DuckDBPyConnection) -> None:
        self._root = root
        self._connection = connection

    def sizes(self) -> dict[str, int]:
        pattern = literal(f"{self._root}**/*.parquet")
        rows = self._connection.execute(f"SELECT filename, size FROM read_blob({pattern})").fetchall()
        return {name.removeprefix(self._root): size for name, size in rows}

    def fetch(self, name: str, target: Path) -> None:
        whole_file.make_directory(target.parent)
        with whole_file.written(target) as partial:
            self._copy(self._root + name, str(partial))

    def store(self, source: Path, name: str) -> None:
        self._copy(str(source), self._root + name)

    def holds(self, source: Path, name: str) -> bool:
        return False  # it would have to be read

    def _copy(self, source: str, target: str) -> None:
        """Copy the bytes of one file; DuckDB holds it in memory, and refuses one of over 4 GB."""
        self._connection.execute(
            f"COPY (SELECT content FROM read_blob({literal(source)})) TO {literal(target)} (FORMAT blob)"
        )


@contextmanager
def opened(location: Location) -> Iterator[Storage]:
    """Yield the lake's data files."""
    if isinstance(location.data_path, Directory):
        yield _Directory(location.data_path.path)
    else:
        with session(location, threads=1) as connection:
            yield _Bucket(location.data_root, connection)


def sizes(location: Location) -> dict[str, int]:
    """Return the size in bytes of each data file, by its name below the data directory."""
    with opened(location) as files:
        return files.sizes()
