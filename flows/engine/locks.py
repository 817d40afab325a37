"""Who may do what at once: one nightly per home, and one step of a kind.

A backfill may run beside a nightly. Steps that write the same tables wait for each other, so that nothing is
computed or written twice. The operating system frees a lock when its process dies.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from flows.errors import AlreadyRunning, HomeGone

POLL_SECONDS = 0.1
PROBE_SECONDS = 0.2
"""How long a lock may look held by one who only asks whether it is, see `is_held`."""


@contextmanager
def exclusive(home: Path, name: str) -> Iterator[None]:
    """Hold `name` in this home directory, or raise `AlreadyRunning` at once."""
    lock, holder = _lock(home, name)
    try:
        lock.acquire(timeout=PROBE_SECONDS, poll_interval=0.02)
    except Timeout:
        raise AlreadyRunning(
            f"another {name} run is using {home} ({_who(holder)}): wait for it to end, or stop it first"
        ) from None
    with _held(lock, holder):
        yield


@contextmanager
def in_turn(home: Path, name: str, waiting: Callable[[str], None], *, rank: int = 1) -> Iterator[None]:
    """Hold `name` in this home directory, after waiting for whoever holds it.

    `waiting` is called with who that is. Of those who wait, the smallest `rank` goes first.
    """
    lock, holder = _lock(home, name)
    if not _taken(home, name, rank, lock):
        waiting(_who(holder))
        with _queued(home, name, rank):
            while not _taken(home, name, rank, lock):
                time.sleep(POLL_SECONDS)
    with _held(lock, holder):
        yield


def is_held(home: Path, name: str) -> bool:
    """Return whether a process holds `name` in this home; nothing is made in it."""
    file = home / "locks" / f"{name}.lock"
    if not file.exists():
        return False
    try:
        with FileLock(file, blocking=False):
            return False
    except Timeout:
        return True


def wait_for_end(home: Path, name: str, waiting: Callable[[str], None]) -> None:
    """Return once nobody holds `name` in this home; `waiting` is called with who does. Nothing is held.

    Args:
        home: The home directory; nothing is made in it.
        name: The name that another process may hold, such as nightly.
        waiting: Called once, before the wait, with the process that holds it.
    """
    called = False
    while is_held(home, name):
        if not called:
            waiting(_who(home / "locks" / f"{name}.json"))
            called = True
        time.sleep(POLL_SECONDS)


def _taken(home: Path, name: str, rank: int, lock: FileLock) -> bool:
    if any(_alive(path) for path in _queue(home, name).glob("*.lock") if int(path.name.split("-")[0]) < rank):
        return False
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return False
    return True


@contextmanager
def _queued(home: Path, name: str, rank: int) -> Iterator[None]:
    path = _queue(home, name) / f"{rank}-{os.getpid()}-{threading.get_ident()}.lock"
    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path):
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _queue(home: Path, name: str) -> Path:
    return home / "locks" / f"{name}.queue"


def _alive(path: Path) -> bool:
    """Return whether the process that waits with this lock file still lives; remove a dead one's file."""
    try:
        with FileLock(path, blocking=False):
            path.unlink(missing_ok=True)
    except Timeout:
        return True
    return False


def _lock(home: Path, name: str) -> tuple[FileLock, Path]:
    directory = home / "locks"
    try:
        directory.mkdir(exist_ok=True)
    except FileNotFoundError:
        raise HomeGone(
            f"{home} is gone: somebody moved or deleted it; put it back and run this again"
        ) from None
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
