"""What the oracle found in DuckLake 1.5.5, each in the fewest statements that show it.

These tests pass as long as the engine has the fault. One that fails says that the engine was mended: see the
table in CONTRIBUTING.md for what Reelhouse does instead, which may then go.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from warehouse import Location
from warehouse.connection import CATALOGUE, attach, session

Run = Callable[..., list[Any]]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    """Runs statements on a lake of the engine's own; returns the rows of the last one."""
    location = Location.under(tmp_path)
    with session(location) as connection:
        attach(connection, location, "lake")
        connection.execute("USE lake")

        def execute(*statements: str) -> list[Any]:
            for statement in statements:
                connection.execute(statement)
            return connection.fetchall()

        yield execute


def bounds(run: Run, column_id: int) -> Any:
    """Return the table-level bounds of a column."""
    (found,) = run(
        f"SELECT min_value, max_value FROM {CATALOGUE}.ducklake_table_column_stats "  # noqa: S608 - a constant
        f"WHERE column_id = {column_id}"
    )
    return found


def test_a_file_of_nulls_alone_that_is_committed_before_others_hides_their_bounds(run: Run) -> None:
    run(
        "CREATE TABLE t (k INTEGER, v BIGINT)",
        "BEGIN",
        "INSERT INTO t VALUES (1, NULL)",
        "INSERT INTO t VALUES (2, 1)",
        "COMMIT",
    )
    assert bounds(run, 2) == (None, None)
    assert run("INSERT INTO t VALUES (3, 50)", "FROM t WHERE v = 1") == []


def test_so_does_the_first_partition_of_an_insert(run: Run) -> None:
    run(
        "CREATE TABLE t (k INTEGER, g VARCHAR, v BIGINT)",
        "ALTER TABLE t SET PARTITIONED BY (g)",
        "INSERT INTO t VALUES (7, 'r', NULL), (16, 'q', 1)",
    )
    assert bounds(run, 3) == (None, None)
    assert run("INSERT INTO t VALUES (7, 'r', 50)", "FROM t WHERE v = 1") == []


def test_a_wider_type_is_not_noticed_by_a_connection_that_has_read_the_column(run: Run) -> None:
    run(
        "CREATE TABLE t (k INTEGER, v TINYINT)",
        "INSERT INTO t VALUES (1, 0), (2, 5)",
        "FROM t WHERE v = 5",
        "ALTER TABLE t ALTER v SET DATA TYPE SMALLINT",
    )
    with pytest.raises(duckdb.InternalException, match="SetMin or SetMax"):
        run("FROM t WHERE v = 5")
    run("INSERT INTO t VALUES (3, 3000)")
    assert bounds(run, 2) == (None, None)


def test_min_and_max_are_the_table_level_bounds_where_nothing_was_deleted(run: Run) -> None:
    run("CREATE TABLE t (k INTEGER, v BIGINT)", "INSERT INTO t VALUES (1, -5)")
    stats = f"{CATALOGUE}.ducklake_table_column_stats"
    run(f"UPDATE {stats} SET max_value = 7 WHERE column_id = 2", "CREATE TABLE other (k INTEGER)")  # noqa: S608
    run("INSERT INTO t VALUES (2, -6)")
    assert run("SELECT max(v) FROM t") == [(7,)]
