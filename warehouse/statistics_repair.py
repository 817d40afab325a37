"""Takes table-level statistics out of DuckLake's catalogue, and mends those of single files.

`warehouse.statistics` says why none are kept. Taking them out is not enough. Each connection keeps a table's
statistics under the number of the next file of the snapshot that it reads, and goes on with the wrong ones.
So the same transaction gives every snapshot another such number and adds a snapshot, which counts as a change
of these tables: whoever is writing to them is refused, and tries again.
"""

# ruff: noqa: S608 — the names are constants

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb
import tenacity

from warehouse import fraction_bounds
from warehouse.connection import CATALOGUE, attach_catalogue, session
from warehouse.errors import Conflict
from warehouse.failures import reported
from warehouse.location import Location
from warehouse.statistics import (
    WrongFileStatistics,
    WrongStatistics,
    duckdb_type,
    tables_with_bounds,
    unwritten_tables,
    wrong_statistics,
)

ATTEMPTS = 10
_WRITTEN = "written"
_MESSAGE = "statistics recomputed from the files"


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(Conflict),
    stop=tenacity.stop_after_attempt(ATTEMPTS),
    wait=tenacity.wait_random_exponential(multiplier=0.05, max=5),
    reraise=True,
)
def mend_statistics(location: Location, files: Iterable[WrongFileStatistics] = ()) -> list[WrongStatistics]:
    """Take the bounds of whole tables out of the catalogue; return those that were wrong.

    `files` are wrong statistics of single files, as `audit.wrong_files` finds them: they are put right.
    Readers and writers that are open meanwhile go on with what is right. Nothing is written where nothing is
    to be mended.
    """
    files = list(files)
    with reported(location), session(location, threads=1) as connection:

        def ask(sql: str) -> list[tuple[Any, ...]]:
            return connection.execute(sql).fetchall()

        attach_catalogue(connection, location, _WRITTEN)
        connection.execute("BEGIN")
        for file in files:
            _mend_file(connection, file)
        wrong = wrong_statistics(ask, _WRITTEN)
        bounded, unwritten = tables_with_bounds(ask, _WRITTEN), unwritten_tables(ask, _WRITTEN)
        if bounded:
            connection.execute(f"DELETE FROM {_WRITTEN}.ducklake_table_column_stats")
        if unwritten:
            connection.execute(
                f"INSERT INTO {_WRITTEN}.ducklake_table_stats "
                "(table_id, record_count, next_row_id, file_size_bytes) SELECT unnest(?::BIGINT[]), 0, 0, 0",
                [unwritten],
            )
        if mended := {*bounded, *unwritten, *(file.table_id for file in files)}:
            _announce(connection, sorted(mended))
        connection.execute("COMMIT")
    return wrong


def needs_mending(connection: duckdb.DuckDBPyConnection) -> bool:
    """Return whether the catalogue keeps bounds of whole tables, or would with the next insert."""

    def ask(sql: str) -> list[tuple[Any, ...]]:
        return connection.execute(sql).fetchall()

    return bool(tables_with_bounds(ask, CATALOGUE) or unwritten_tables(ask, CATALOGUE))


def _mend_file(connection: duckdb.DuckDBPyConnection, file: WrongFileStatistics) -> None:
    # DuckLake writes truth values as numbers.
    kind = "TINYINT" if file.type == "boolean" else duckdb_type(file.type)
    text = f"CAST(CAST(? AS {kind}) AS VARCHAR)"
    low, high = (None, None) if file.type in fraction_bounds.TYPES else (file.low, file.high)
    connection.execute(
        f"UPDATE {_WRITTEN}.ducklake_file_column_stats SET min_value = {text}, max_value = {text}, "
        "null_count = ? WHERE data_file_id = ? AND column_id = ?",
        [low, high, file.null_count, file.file_id, file.column_id],
    )


def _announce(connection: duckdb.DuckDBPyConnection, tables: list[int]) -> None:
    """Make every connection read the statistics anew, and every open transaction on the tables fail."""
    snapshots = f"{_WRITTEN}.ducklake_snapshot"
    connection.execute(
        f"UPDATE {snapshots} SET next_file_id = next_file_id + (SELECT max(next_file_id) FROM {snapshots})"
    )
    number, time = _one(
        connection,
        f"SELECT snapshot_id, snapshot_time FROM {snapshots} ORDER BY snapshot_id DESC LIMIT 1",
    )
    newest = datetime.fromisoformat(time) if isinstance(time, str) else time
    now = max(datetime.now(UTC), newest.astimezone(UTC))
    connection.execute(
        f"INSERT INTO {snapshots} SELECT ?, ?, schema_version, next_catalog_id, next_file_id + 1 "
        f"FROM {snapshots} WHERE snapshot_id = ?",
        [number + 1, f"{now:%Y-%m-%d %H:%M:%S.%f}+00", number],
    )
    # An empty text would make DuckLake fail where it joins it to those of other commits.
    changes = ",".join(f"altered_table:{table}" for table in tables)
    connection.execute(
        f"INSERT INTO {_WRITTEN}.ducklake_snapshot_changes VALUES (?, ?, 'reelhouse', ?, NULL)",
        [number + 1, changes, _MESSAGE],
    )


def _one(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[Any, ...]:
    row = connection.execute(sql).fetchone()
    assert row is not None  # noqa: S101 - a lake has a snapshot
    return row
