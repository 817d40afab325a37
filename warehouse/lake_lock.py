"""Locks of a lake: what only one process may do to it at a time.

A lake whose catalogue is a file is used by one machine, and a lock file beside it is enough. For one in
PostgreSQL the database keeps the lock, for every machine; it frees it when the connection ends.
"""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import filelock

from warehouse.backends import Postgres
from warehouse.connection import attach_catalogue, session
from warehouse.failures import reported
from warehouse.location import Location

POLL_SECONDS = 0.1
LAYOUT = "layout"
"""The lock under which a lake is made and changes its layout."""


class Taken(Exception):
    """Another process holds the lock."""


@contextmanager
def hold(location: Location, name: str, *, timeout: float) -> Iterator[None]:
    """Hold `name` for this lake during the block; raise Taken where that takes over `timeout` seconds.

    A negative timeout waits for as long as it takes. NoWarehouse where the lake was deleted meanwhile.
    """
    if isinstance(location.catalog, Postgres):
        with _advisory(location, name, timeout):
            yield
        return
    if name != LAYOUT:  # that one is held while a lake is made
        location.refuse_gone()
    file = location.catalog.path
    lock = filelock.FileLock(file.with_name(f"{file.name}.{name}.lock"))
    with reported(location):
        location.home.mkdir(parents=True, exist_ok=True)
        try:
            lock.acquire(timeout=timeout)
        except filelock.Timeout:
            raise Taken(name) from None
    try:
        yield
    finally:
        lock.release()


@contextmanager
def among_machines(location: Location, name: str, waiting: Callable[[str], None]) -> Iterator[None]:
    """Hold `name` against other machines; call `waiting` with the holder before waiting for it.

    Nothing is held for a lake of one machine: the locks in its home directory serve there.
    """
    if not location.catalog.is_server:
        yield
        return
    with ExitStack() as held:
        try:
            held.enter_context(hold(location, f"step {name}", timeout=0))
        except Taken:
            waiting("another machine or home")
            held.enter_context(hold(location, f"step {name}", timeout=-1))
        yield


@contextmanager
def _advisory(location: Location, name: str, timeout: float) -> Iterator[None]:
    """Hold an advisory lock in a transaction: it ends with its connection, however that ends."""
    key = int.from_bytes(hashlib.sha256(f"reelhouse {name}".encode()).digest()[:8], "big", signed=True)
    ask = f"SELECT * FROM postgres_query('turns', 'SELECT pg_try_advisory_xact_lock({key:d})')"  # noqa: S608
    deadline = time.monotonic() + timeout
    with session(location, threads=1) as connection:
        with reported(location):
            attach_catalogue(connection, location, "turns")
            connection.execute("BEGIN")
            while connection.execute(ask).fetchone() != (True,):
                if timeout >= 0 and time.monotonic() >= deadline:
                    raise Taken(name)
                time.sleep(POLL_SECONDS)
        yield
