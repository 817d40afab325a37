"""How a lake is opened: it is made or migrated under a lock, and its statistics are mended."""

import time
from collections.abc import Callable
from contextlib import suppress
from datetime import datetime

import duckdb

from warehouse import before_migration, formats, fraction_bounds, lake_lock, ledger, migrations, placement
from warehouse.connection import CATALOGUE, connect, sweep_spills
from warehouse.errors import NoWarehouse, Outdated, Unwritable, WarehouseError
from warehouse.failures import reported
from warehouse.location import Location
from warehouse.presence import refuse_lost, require
from warehouse.statistics_repair import mend_statistics, needs_mending

MAKING_SECONDS = (0.1, 0.4, 1.5)
"""How long a reader waits, again and again, for a warehouse that another process is making."""
LOCK_SECONDS = 120


def for_reading(
    location: Location, clock: Callable[[], datetime], memory_limit: str | None, threads: int | None
) -> duckdb.DuckDBPyConnection:
    """Open a connection that writes nothing.

    An earlier layout is migrated first, where this process may.
    """
    require(location)
    with reported(location):
        try:
            connection = connect(location, read_only=True, memory_limit=memory_limit, threads=threads)
        except NoWarehouse:
            refuse_lost(location)
            raise
        try:
            placement.refuse_others(connection, location)
        except BaseException:
            connection.close()
            raise
        if migrations.is_behind(connection):
            connection.close()
            with suppress(WarehouseError):  # a lake that may only be read stays as it is
                for_writing(location, clock, memory_limit, threads, mend=False).close()
            connection = connect(location, read_only=True, memory_limit=memory_limit, threads=threads)
        return connection


def for_writing(
    location: Location,
    clock: Callable[[], datetime],
    memory_limit: str | None,
    threads: int | None,
    *,
    mend: bool,
) -> duckdb.DuckDBPyConnection:
    """Open a connection that writes; make the lake where none is, and mend its statistics where asked to."""
    with reported(location):
        location.home.mkdir(parents=True, exist_ok=True)
    connection = _migrated(location, clock, memory_limit, threads)
    if mend:
        try:
            mend_lake(location, connection)
        except BaseException:
            connection.close()
            raise
    return connection


def mend_lake(location: Location, connection: duckdb.DuckDBPyConnection) -> None:
    """Take out what is not to be trusted, see `warehouse.statistics` and `warehouse.fraction_bounds`."""
    with reported(location):
        needed = needs_mending(connection)
        if not fraction_bounds.are_forgotten(connection, location):
            fraction_bounds.forget(location)
    if needed:
        mend_statistics(location)


def settled_format(connection: duckdb.DuckDBPyConnection, location: Location) -> str:
    """Return the format of DuckLake's own tables, once the lake is made.

    Raises:
        NoWarehouse: Another process is still making it.
        NewerVersion: A later release wrote it.
    """
    with reported(location):
        version = migrations.refuse_newer(connection, location)
        for seconds in MAKING_SECONDS:
            if version:
                break
            time.sleep(seconds)
            version = migrations.refuse_newer(connection, location)
        if not version:
            raise NoWarehouse(f"the warehouse at {location} is being made: try again in a moment")
        return formats.read(connection, CATALOGUE)


def _migrated(
    location: Location, clock: Callable[[], datetime], memory_limit: str | None, threads: int | None
) -> duckdb.DuckDBPyConnection:
    """Open a connection and migrate where needed; one process at a time, under a lock.

    The catalogue is copied before each migration, DuckLake's own and ours.
    """
    with reported(location):
        try:
            with lake_lock.hold(location, lake_lock.LAYOUT, timeout=LOCK_SECONDS):
                sweep_spills(location)
                try:
                    connection = _connected(location, memory_limit, threads)
                except Outdated as error:
                    before_migration.keep(location, f"format-{error.format}", clock())
                    connection = connect(location, memory_limit=memory_limit, threads=threads, migrate=True)
                try:
                    if not placement.refuse_others(connection, location):
                        placement.record(location)
                    location.data_path.make()
                    version = migrations.refuse_newer(connection, location)
                    if not migrations.is_current(connection):
                        ledger.refuse_running(connection, location)
                        if version or not migrations.is_empty(connection):
                            before_migration.keep(location, f"layout-{version}", clock())
                        migrations.migrate(connection, clock())
                except BaseException:
                    connection.close()
                    raise
                return connection
        except lake_lock.Taken:
            raise Unwritable(
                f"another process has been changing the layout of {location} for {LOCK_SECONDS} s: "
                "wait for it to end, then try again"
            ) from None


def _connected(
    location: Location, memory_limit: str | None, threads: int | None
) -> duckdb.DuckDBPyConnection:
    """Open a connection; make the catalogue where there is none and no data files miss it."""
    with suppress(NoWarehouse):
        require(location)
        connection = connect(location, memory_limit=memory_limit, threads=threads, create=False)
        if migrations.is_empty(connection):  # made by a process that got no further, or over a lost one
            try:
                refuse_lost(location)
            except BaseException:
                connection.close()
                raise
        return connection
    refuse_lost(location)
    return connect(location, memory_limit=memory_limit, threads=threads)
