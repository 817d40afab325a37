"""What is done to the catalogue's SQLite file itself, always in a process of its own.

Python's SQLite and DuckDB's are two libraries. When one of them closes a file, the system drops the locks
that the other holds on it in the same process, and the catalogue is damaged. So this module runs as a
program.
"""

import contextlib
import errno
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

BUSY_SECONDS = 60
PACK_SECONDS = 2
"""Packing can wait for another night: it does not wait long for readers."""
FREE_SHARE = 0.25
"""The catalogue is packed when a larger share of its pages is free."""

_UNWRITTEN = ("SQLITE_IOERR_WRITE", "SQLITE_IOERR_FSYNC", "SQLITE_IOERR_TRUNCATE", "SQLITE_READONLY")


def pack(catalogue: Path) -> bool:
    """Give the free pages back to the file system where they are many; return whether that was done.

    A catalogue that stays busy is left as it is.
    """
    return _run("pack", catalogue) == "packed"


def copy(catalogue: Path, target: Path, *, tables_only: bool = False) -> None:
    """Write a consistent copy of the catalogue, whatever is being written to it meanwhile.

    With `tables_only` nothing is left in it that SQLite computes: no views, triggers and virtual tables.
    Raises OSError where that fails, which names the target where the target could not be written.
    """
    done = _run("tables" if tables_only else "copy", catalogue, target)
    if done == "full":
        raise OSError(errno.ENOSPC, "No space left on device", str(target))
    if done != "copied":
        raise OSError(errno.EIO, done, str(target))


def execute(catalogue: Path, statement: str) -> None:
    """Run a statement that DuckDB has no words for; raises OSError where that fails."""
    if _run("execute", catalogue, statement) != "executed":
        raise OSError(f"{catalogue} could not be changed")


def _run(*arguments: object) -> str:
    command = [sys.executable, "-I", "-S", str(Path(__file__)), *(str(argument) for argument in arguments)]
    import subprocess  # which the program itself does not need

    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603 - this very file
    if done.returncode:
        raise OSError(done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "SQLite failed")
    return done.stdout.strip()


def _pack(path: str) -> str:
    with contextlib.closing(sqlite3.connect(path, timeout=PACK_SECONDS)) as catalogue:
        free = catalogue.execute("PRAGMA freelist_count").fetchone()[0]
        pages = catalogue.execute("PRAGMA page_count").fetchone()[0]
        if free <= FREE_SHARE * pages:
            return "tight"
        try:
            catalogue.execute("VACUUM")
            catalogue.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except sqlite3.OperationalError:
            return "busy"
    return "packed"


def _copy(path: str, target: str) -> str:
    with (
        contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as catalogue,
        contextlib.closing(sqlite3.connect(target)) as copied,
    ):
        try:
            catalogue.backup(copied)
            copied.execute("PRAGMA journal_mode = DELETE")  # one file, nothing beside it
        except sqlite3.OperationalError as error:
            if error.sqlite_errorname == "SQLITE_FULL":
                return "full"
            if error.sqlite_errorname.startswith(_UNWRITTEN):  # the catalogue itself is only read
                return str(error)
            raise
    return "copied"


def _copy_tables(path: str, target: str) -> str:
    copied = _copy(path, target)
    if copied != "copied":
        return copied
    with contextlib.closing(sqlite3.connect(target)) as catalogue:
        computed = catalogue.execute(
            "SELECT type, name FROM sqlite_master WHERE type IN ('view', 'trigger') "
            "OR (type = 'table' AND rootpage = 0)"
        ).fetchall()
        for kind, name in computed:
            quoted = name.replace('"', '""')
            catalogue.execute(f'DROP {kind} IF EXISTS "{quoted}"')
        catalogue.commit()
    return copied


def _execute(path: str, statement: str) -> str:
    with contextlib.closing(sqlite3.connect(path, timeout=BUSY_SECONDS)) as catalogue:
        catalogue.execute(statement)
        catalogue.commit()
    return "executed"


_VERBS: dict[str, Callable[..., str]] = {
    "pack": _pack,
    "copy": _copy,
    "tables": _copy_tables,
    "execute": _execute,
}

if __name__ == "__main__":
    print(_VERBS[sys.argv[1]](*sys.argv[2:]))
