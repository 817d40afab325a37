"""Mends statistics of DuckLake's catalogue that are not those of the files.

Writing the right bounds is not enough. Each connection keeps a table's statistics under the number of the
next file of the snapshot that it reads, and goes on with the wrong ones; an older writer's next insert would
even write them back. So the same transaction gives every snapshot another such number and adds a snapshot,
which counts as a change of the mended tables: whoever is writing to them is refused, and tries again.
"""

# ruff: noqa: S608 — the names are constants

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import duckdb
import tenacity

from warehouse.connection import attach_catalogue, session
from warehouse.errors import Conflict
from warehouse.failures import reported
from warehouse.location import Location
from warehouse.statistics import (
    WrongFileStatistics,
    WrongStatistics,
    duckdb_type,
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
    """Write right statistics where they are wrong; return what was wrong at the level of tables.

    `files` are wrong statistics of single files, as `audit.wrong_files` finds them: they are put right first.
    Readers and writers that are open meanwhile go on with the right ones. Nothing is written where nothing is
    wrong.
    """
    files = list(files)
    with reported(location), session(location, threads=1) as connection:
        attach_catalogue(connection, location, _WRITTEN)
        connection.execute("BEGIN")
        for file in files:
            _mend_file(connection, file)
        wrong = wrong_statistics(lambda sql: connection.execute(sql).fetchall(), _WRITTEN)
        for column in wrong:
            _mend_table(connection, column)
        if tables := {column.table_id for column in wrong} | {file.table_id for file in files}:
            _announce(connection, sorted(tables))
        connection.execute("COMMIT")
    return wrong


def _mend_file(connection: duckdb.DuckDBPyConnection, file: WrongFileStatistics) -> None:
    kind = duckdb_type(file.type)
    text = f"CAST(CAST(? AS {kind}) AS VARCHAR)"
    connection.execute(
        f"UPDATE {_WRITTEN}.ducklake_file_column_stats SET min_value = {text}, max_value = {text}, "
        "null_count = ? WHERE data_file_id = ? AND column_id = ?",
        [file.low, file.high, file.null_count, file.file_id, file.column_id],
    )


def _mend_table(connection: duckdb.DuckDBPyConnection, column: WrongStatistics) -> None:
    connection.execute(
        f"UPDATE {_WRITTEN}.ducklake_table_column_stats SET min_value = ?, max_value = ?, contains_null = ?, "
        "contains_nan = ? WHERE table_id = ? AND column_id = ?",
        [
            column.low,
            column.high,
            column.contains_null,
            column.contains_nan,
            column.table_id,
            column.column_id,
        ],
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
