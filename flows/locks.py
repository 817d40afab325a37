"""Who may do what at once: one nightly per home, and one step of a kind.

A backfill may run beside a nightly. Steps that write the same tables wait for each other, so that nothing is
computed or written twice. The operating system frees a lock when its process dies.
"""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from flows.errors import AlreadyRunning


@contextmanager
def exclusive(home: Path, name: str) -> Iterator[None]:
    """Hold `name` in this home directory, or raise `AlreadyRunning` at once."""
    lock, holder = _lock(home, name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyRunning(
            f"another {name} run is using {home} ({_who(holder)}): wait for it to end, or stop it first"
        ) from None
    with _held(lock, holder):
        yield


@contextmanager
def in_turn(home: Path, name: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold `name` in this home directory, waiting for whoever holds it; `waiting` is told who that is."""
    lock, holder = _lock(home, name)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting(_who(holder))
        lock.acquire()
    with _held(lock, holder):
        yield


def _lock(home: Path, name: str) -> tuple[FileLock, Path]:
    directory = home / "locks"
    directory.mkdir(parents=True, exist_ok=True)
    return FileLock(directory / f"{name}.lock"), directory / f"{name}.json"


@contextmanager
def _held(lock: FileLock, holder: Path) -> Iterator[None]:
    try:
        holder.write_text(json.dumps({"pid": os.getpid()}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _who(path: Path) -> str:
    try:
        return f"process {json.loads(path.read_text())['pid']}"
    except (OSError, ValueError, KeyError):
        return "process unknown"
