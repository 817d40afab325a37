"""What the oracle found in DuckLake 1.5.5, each in the fewest statements that show it.

These tests pass as long as the engine has the fault. One that fails says that the engine was mended: see the
table in CONTRIBUTING.md for what Reelhouse does instead, which may then go.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from warehouse import Column, Location, Table, Transaction, Warehouse, file_reader
from warehouse.connection import CATALOGUE, attach, session
from warehouse.upkeep import upkeep

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


def test_a_wider_column_cannot_be_joined_by_once_there_are_rows_of_both_types(run: Run) -> None:
    run(
        "CREATE TABLE t (k INTEGER, v INTEGER, s VARCHAR)",
        "INSERT INTO t VALUES (1, 5, 'x'), (2, 6, 'y')",
        "ALTER TABLE t ALTER v SET DATA TYPE BIGINT",
        "INSERT INTO t VALUES (3, 5, 'x'), (4, 6, 'x'), (5, 7, 'x')",
    )
    with pytest.raises(duckdb.NotImplementedException, match="from global to local indexes"):
        run("SELECT count(*) FROM (FROM t WHERE s = 'x') AS a JOIN t AS b ON a.v = b.v")


def test_min_and_max_are_the_table_level_bounds_where_nothing_was_deleted(run: Run) -> None:
    run("CREATE TABLE t (k INTEGER, v BIGINT)", "INSERT INTO t VALUES (1, -5)")
    stats = f"{CATALOGUE}.ducklake_table_column_stats"
    run(f"UPDATE {stats} SET max_value = 7 WHERE column_id = 2", "CREATE TABLE other (k INTEGER)")  # noqa: S608
    run("INSERT INTO t VALUES (2, -6)")
    assert run("SELECT max(v) FROM t") == [(7,)]


# --- the same through Reelhouse's own doors

TABLE = Table(
    "core.found",
    "A table of this test's.",
    (
        Column("k", "BIGINT", "A key.", required=True),
        Column("g", "VARCHAR", "A group.", required=True),
        Column("v", "BIGINT", "A number."),
    ),
)


def numbers(*rows: tuple[int, str, int | None]) -> pa.Table:
    """Return rows as a connector would deliver them."""
    schema = pa.schema([("k", pa.int64()), ("g", pa.string()), ("v", pa.int64())])
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)


def right(wh: Warehouse, expected: list[int | None]) -> None:
    """Assert that each value is found, that sorts and extremes have them, and that the files hold them."""
    for value in filter(None, expected):
        same = wh.scalar("SELECT count(*) FROM core.found WHERE v = ?", [value])
        assert same == expected.count(value), value
    ordered = "SELECT v FROM core.found ORDER BY v NULLS LAST, k"
    known = sorted(value for value in expected if value is not None)
    nulls: list[int | None] = [None] * expected.count(None)
    assert wh.query(ordered)["v"].to_pylist() == [*known, *nulls]
    extremes = wh.query("SELECT min(v) AS low, max(v) AS high FROM core.found").to_pylist()
    assert extremes == [{"low": known[0], "high": known[-1]}]
    files = file_reader.read_table(wh.location, "core.found")["v"].to_pylist()
    assert Counter(files) == Counter(expected)


@pytest.mark.parametrize("parted", [(), ("g",)])
def test_values_that_are_committed_after_nulls_alone_are_found(
    wh: Warehouse, parted: tuple[str, ...]
) -> None:
    wh.declare(replace(TABLE, partitioned_by=parted))

    def land(tx: Transaction) -> None:
        tx.append("core.found", numbers((1, "r", None)))
        tx.append("core.found", numbers((2, "q", -5), (3, "r", None)))

    wh.commit(land)
    right(wh, [None, -5, None])
    wh.commit(lambda tx: tx.append("core.found", numbers((4, "r", 50))))
    right(wh, [None, -5, None, 50])


def test_what_upkeep_writes_anew_is_found_after_the_next_insert(wh: Warehouse) -> None:
    wh.declare(TABLE)
    wh.commit(lambda tx: tx.append("core.found", numbers((10, "r", 4), (20, "r", 40), (30, "r", 44))))
    wh.commit(lambda tx: tx.append("core.found", numbers((40, "r", None))))
    wh.commit(lambda tx: tx.execute("DELETE FROM core.found WHERE k = 30"))
    upkeep(wh)
    wh.commit(lambda tx: tx.append("core.found", numbers((50, "r", 6))))
    right(wh, [4, 40, None, 6])
