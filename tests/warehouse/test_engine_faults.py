"""Faults of DuckDB and DuckLake that Reelhouse works around, each by the smallest script that shows it.

Each test asserts that the fault is still there. When one fails, the engine has mended it: its message says
which workaround can go. The table in CONTRIBUTING.md, "Faults of the engine", has a line for each.
"""

# ruff: noqa: S608 — the names are this file's own

import contextlib
import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests import servers
from warehouse import Location
from warehouse.connection import CATALOGUE, attach, connect, session

Connection = duckdb.DuckDBPyConnection
REWRITE = "CALL ducklake_rewrite_data_files('lake', delete_threshold => 0)"


@pytest.fixture
def place(tmp_path: Path) -> Location:
    """Where a lake of this test's own can be made, with its catalogue in SQLite."""
    return Location.under(tmp_path)


@pytest.fixture
def lake(place: Location) -> Iterator[Connection]:
    """A connection to an empty lake."""
    with connect(place) as connection:
        yield connection


def told(connection: Connection, *statements: str) -> None:
    for statement in statements:
        connection.execute(statement)


def rows(connection: Connection, sql: str) -> list[Any]:
    return connection.execute(sql).fetchall()


def bounds(connection: Connection) -> tuple[str | None, str | None]:
    """Return the table-level minimum and maximum of the second column."""
    sql = f"SELECT min_value, max_value FROM {CATALOGUE}.ducklake_table_column_stats WHERE column_id = 2"
    return rows(connection, sql)[0]  # type: ignore[no-any-return]


def test_a_rewrite_forgets_the_bounds_and_the_next_insert_sets_them_from_its_own_rows(
    lake: Connection,
) -> None:
    told(
        lake,
        "CREATE TABLE t (a INT, b BIGINT)",
        "INSERT INTO t VALUES (1, 5), (2, 50), (3, 60)",
        "INSERT INTO t VALUES (9, NULL)",
        "DELETE FROM t WHERE a = 3",
        REWRITE,
        "INSERT INTO t VALUES (100, 7)",
    )
    assert rows(lake, "SELECT a FROM t WHERE b = 50") == [] and bounds(lake) == ("7", "7"), (
        "DuckLake keeps the bounds over a rewrite: upkeep may call ducklake_rewrite_data_files again"
    )


def test_a_rewrite_narrows_the_bounds_under_earlier_snapshots(lake: Connection) -> None:
    told(
        lake,
        "CREATE TABLE t (a INT, b INT)",
        "INSERT INTO t VALUES (1, NULL), (2, 50)",
        "DELETE FROM t WHERE a = 1",
        REWRITE,
    )
    earlier = [
        rows(lake, f"SELECT {what}")
        for what in (
            "a FROM t AT (VERSION => 2) WHERE a = 1",
            "a FROM t AT (VERSION => 2) WHERE b IS NULL",
            "count(b) FROM t AT (VERSION => 2)",
        )
    ]
    assert earlier == [[], [], [(2,)]], (
        "DuckLake reads earlier snapshots without the present statistics (duckdb/ducklake#1377): "
        "upkeep may call ducklake_rewrite_data_files again"
    )


def test_our_own_rewrite_keeps_the_bounds_and_drops_the_files(lake: Connection) -> None:
    """Not a fault: what is done instead of ducklake_rewrite_data_files."""
    told(
        lake,
        "CREATE TABLE t (a INT, b BIGINT)",
        "INSERT INTO t VALUES (1, 5), (2, 50), (3, 60)",
        "INSERT INTO t VALUES (9, NULL)",
        "DELETE FROM t WHERE a = 3",
    )
    old = [name for (name,) in rows(lake, "SELECT DISTINCT filename FROM t WHERE a < 3")]
    lake.execute("BEGIN")
    lake.execute("INSERT INTO t SELECT * FROM t WHERE list_contains(?, filename) ORDER BY rowid", [old])
    lake.execute("DELETE FROM t WHERE list_contains(?, filename)", [old])
    lake.execute("COMMIT")
    assert bounds(lake) == ("5", "60")
    live = f"SELECT count(*) FROM {CATALOGUE}.ducklake_data_file WHERE end_snapshot IS NULL"
    assert rows(lake, live) == [(2,)]
    told(lake, "INSERT INTO t VALUES (100, 7)")
    assert rows(lake, "SELECT a FROM t WHERE b = 50") == [(2,)]
    assert rows(lake, "SELECT a FROM t AT (VERSION => 2) WHERE b = 60") == [(3,)]


def test_a_long_text_that_is_not_ascii_unsets_the_bounds_and_the_next_insert_sets_them(
    lake: Connection,
) -> None:
    told(lake, "CREATE TABLE t (a INT, b VARCHAR)", "INSERT INTO t VALUES (1, 'm'), (2, 'n')")
    told(lake, "INSERT INTO t VALUES (3, repeat('é', 300))", "INSERT INTO t VALUES (4, 'x')")
    assert rows(lake, "SELECT a FROM t WHERE b = 'm'") == [] and bounds(lake) == ("x", "x"), (
        "DuckLake keeps the bounds when a file has none: they need no care after an insert"
    )


def test_a_text_with_a_nul_character_cannot_be_asked_for(lake: Connection) -> None:
    told(lake, "CREATE TABLE t (a INT, b VARCHAR)", "INSERT INTO t VALUES (1, chr(0))")
    try:
        rows(lake, "SELECT a FROM t WHERE b = chr(0)")
    except duckdb.ParserException as error:
        assert "unterminated quoted string" in str(error)
    else:
        pytest.fail("DuckLake asks its catalogue for texts with a NUL character: they may be kept")


@pytest.mark.parametrize("together", [True, False], ids=["in one transaction", "after a query"])
def test_a_widened_column_loses_its_bounds(lake: Connection, together: bool) -> None:
    told(
        lake,
        "CREATE TABLE t (a INT, b INT)",
        "INSERT INTO t VALUES (1, 5), (2, 50), (3, NULL)",
        "SELECT a FROM t WHERE b = 5",
        "BEGIN",
    )
    told(lake, "ALTER TABLE t ALTER b SET DATA TYPE BIGINT", *([] if together else ["COMMIT", "BEGIN"]))
    told(lake, "INSERT INTO t VALUES (4, 7)", "COMMIT", "INSERT INTO t VALUES (5, 8)")
    assert rows(lake, "SELECT a FROM t WHERE b = 50") == [], (
        "DuckLake keeps the bounds of a column whose type is widened (duckdb/ducklake#1308): "
        "a wider type may be set by ALTER COLUMN … SET DATA TYPE again"
    )


def test_a_float_column_that_becomes_double_is_filtered_by_the_bounds_of_the_float(lake: Connection) -> None:
    told(
        lake,
        "CREATE TABLE t (a INT, b FLOAT)",
        "INSERT INTO t VALUES (1, 0.1)",
        "ALTER TABLE t ALTER b SET DATA TYPE DOUBLE",
    )
    ((value,),) = rows(lake, "SELECT b FROM t")
    assert value > 0.1
    assert rows(lake, "SELECT a FROM t WHERE b > 0.1") == [], (
        "DuckLake converts the bounds of a FLOAT column that becomes DOUBLE (duckdb/ducklake#1307): "
        "see test_a_widened_column_loses_its_bounds"
    )


def test_an_earlier_snapshot_is_not_readable_by_a_column_that_was_widened_since(lake: Connection) -> None:
    told(
        lake,
        "CREATE TABLE t (a INT, b TINYINT)",
        "INSERT INTO t VALUES (1, 127), (2, NULL)",
        "ALTER TABLE t ALTER b SET DATA TYPE INTEGER",
        "INSERT INTO t VALUES (3, 70000), (4, -5)",
    )
    try:
        found = rows(lake, "SELECT a FROM t AT (VERSION => 2) WHERE b = 127")
    except duckdb.Error as error:
        assert "SetMin or SetMax" in str(error)
    else:
        pytest.fail(
            f"DuckLake reads {found} at a snapshot before ALTER TYPE: a wider type may be set by it again"
        )


def test_a_small_float_is_not_found(lake: Connection) -> None:
    told(lake, "CREATE TABLE t (a INT, b FLOAT)", "INSERT INTO t VALUES (1, 0.00001), (2, 0.5)")
    told(lake, "INSERT INTO t VALUES (5, 0.00007)")
    found = (
        rows(lake, "SELECT a FROM t WHERE b = 0.00007"),
        rows(lake, "SELECT x.a FROM t AS x JOIN t AS y USING (b)"),
    )
    assert found == ([], [(1,), (2,)]), (
        "a FLOAT column is compared with constants below 1e-4 as FLOAT: such columns may have this type"
    )


def test_rows_from_before_a_partitioning_by_bucket_are_not_found(lake: Connection) -> None:
    told(lake, "CREATE TABLE t (a INT)", "INSERT INTO t FROM range(4)")
    told(lake, "ALTER TABLE t SET PARTITIONED BY (bucket(3, a))", "DELETE FROM t WHERE a = 0")
    assert rows(lake, "SELECT a FROM t WHERE a = 1 OR a = 0 ORDER BY a") == [(0,), (1,)], (
        "a file without a bucket is read for an equality too: a table with rows may be partitioned so"
    )
    assert rows(lake, "SELECT a FROM t WHERE a = 1") == []


def test_rows_from_before_a_partitioning_by_value_are_found(lake: Connection) -> None:
    told(lake, "CREATE TABLE t (a INT)", "INSERT INTO t FROM range(4)")
    told(lake, "ALTER TABLE t SET PARTITIONED BY (a)", "DELETE FROM t WHERE a = 0")
    assert rows(lake, "SELECT a FROM t WHERE a = 1") == [(1,)]
    assert rows(lake, "SELECT a FROM t ORDER BY a") == [(1,), (2,), (3,)]


def test_a_version_is_read_without_what_the_open_transaction_deleted(lake: Connection) -> None:
    told(lake, "CREATE TABLE t (a INT)", "INSERT INTO t FROM range(5)", "BEGIN", "DELETE FROM t WHERE a < 3")
    assert rows(lake, "SELECT count(*) FROM t AT (VERSION => 2)") == [(2,)], (
        "AT (VERSION) reads the snapshot as it was, also within a transaction that deletes: "
        "a rewrite may delete first and insert from the snapshot before it"
    )


def test_a_not_a_number_unsettles_the_bounds_but_no_answer(lake: Connection) -> None:
    told(
        lake,
        "CREATE TABLE t (a INT, b DOUBLE)",
        "INSERT INTO t VALUES (1, 0.2), (2, 50)",
        "INSERT INTO t VALUES (3, 'nan')",
        "INSERT INTO t VALUES (4, -5)",
    )
    assert rows(lake, "SELECT a FROM t WHERE b = 0.2") == [(1,)]
    assert rows(lake, "SELECT a FROM t ORDER BY b") == [(4,), (1,), (2,), (3,)]
    assert bounds(lake) == ("-5.0", "-5.0"), (
        "DuckLake keeps the bounds of a column that holds NaN: a comparison of statistics may include it"
    )


@pytest.mark.parametrize(
    ("older_than", "expired"), [("2020-01-01 05:00:00+00", 3), ("2019-12-31 05:00:00+00", 0)]
)
def test_older_than_means_the_end_of_that_day(place: Location, older_than: str, expired: int) -> None:
    with connect(place) as lake:
        told(lake, "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)")
    with contextlib.closing(sqlite3.connect(str(place.catalog))) as catalogue, catalogue:
        catalogue.execute("UPDATE ducklake_snapshot SET snapshot_time = '2020-01-01 10:00:00.000001+00'")
    with connect(place) as lake:
        when = f"dry_run => true, older_than => '{older_than}'::TIMESTAMPTZ"
        assert len(rows(lake, f"CALL ducklake_expire_snapshots('lake', {when})")) == expired, (
            "with a SQLite catalogue older_than is compared as a time: upkeep may expire and clean up by it"
        )


def test_a_transaction_reads_a_mixture_of_the_catalogue_s_states(place: Location, lake: Connection) -> None:
    told(
        lake,
        "CREATE TABLE other (a INT)",
        "CREATE TABLE t (a INT)",
        "INSERT INTO t FROM range(100)",
        "DELETE FROM t WHERE a < 60",
    )
    with connect(place, read_only=True) as reader:
        told(reader, "BEGIN", "SELECT count(*) FROM other")
        told(lake, "DELETE FROM t WHERE a BETWEEN 60 AND 69")
        assert rows(reader, "SELECT count(*) FROM t") != [(40,)], (
            "with a SQLite catalogue a transaction reads one state: warehouse/consistent_read.py can go"
        )


def test_a_view_s_text_leaves_out_its_schema(lake: Connection) -> None:
    told(lake, "CREATE SCHEMA s", "CREATE VIEW s.v AS SELECT 1 AS x")
    ((text,),) = rows(lake, "SELECT sql FROM duckdb_views() WHERE view_name = 'v'")
    assert text == "CREATE VIEW v AS SELECT 1 AS x;", (
        "a view's text names its schema: warehouse/export.py need not take the name from elsewhere"
    )


def test_a_view_s_columns_take_no_comment(lake: Connection) -> None:
    told(lake, "CREATE VIEW v AS SELECT 1 AS x")
    try:
        told(lake, "COMMENT ON COLUMN v.x IS 'said'")
    except duckdb.BinderException as error:
        assert "it is not a table" in str(error)
    else:
        pytest.fail("DuckLake keeps comments on views' columns: ops.columns need not hold them")


def test_a_refused_create_leaves_a_directory(place: Location, lake: Connection) -> None:
    told(lake, "CREATE TABLE t (a INT)")
    with connect(place, read_only=True) as reader, contextlib.suppress(duckdb.InvalidInputException):
        told(reader, "CREATE TABLE x AS SELECT 1 AS a")
    assert (Path(str(place.data_path)) / "main" / "x").exists(), (
        "a read-only lake stays as it is: warehouse/sql.py need not refuse CREATE itself"
    )


def test_ctrl_c_raises_a_runtime_error(lake: Connection) -> None:
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        told(lake, "SELECT count(*) FROM range(1000000000000) AS r(a), range(1000) AS s(b) WHERE a % 7 = b")
    except RuntimeError as error:
        assert str(error) == "Query interrupted"
    except KeyboardInterrupt:
        pytest.fail("DuckDB raises KeyboardInterrupt itself: connection.interruptible can go")
    finally:
        timer.join()
        lake.interrupt()


@pytest.fixture(scope="module")
def server() -> Iterator[servers.Postgres]:
    """A PostgreSQL server."""
    with servers.postgres() as running:
        yield running


@pytest.fixture
def two(server: servers.Postgres, tmp_path: Path) -> Iterator[tuple[Connection, Connection]]:
    """Two writers of an empty lake with its catalogue in PostgreSQL."""
    location = Location(server.create(), tmp_path / "lake", home=tmp_path)
    with connect(location) as one, connect(location) as other:
        yield one, other


@pytest.mark.slow
def test_a_deletion_that_finds_no_row_takes_part_in_no_conflict(two: tuple[Connection, Connection]) -> None:
    one, other = two
    told(
        one,
        "CREATE TABLE t (a INT)",
        "INSERT INTO t VALUES (1)",
        "BEGIN",
        "DELETE FROM t WHERE a = 2",
        "INSERT INTO t VALUES (2)",
    )
    told(other, "BEGIN", "DELETE FROM t WHERE a = 2", "INSERT INTO t VALUES (2)", "COMMIT")
    with contextlib.suppress(duckdb.TransactionException):
        told(one, "COMMIT")
    assert rows(other, "SELECT a FROM t ORDER BY a") == [(1,), (2,), (2,)], (
        "two transactions that replace the same missing key conflict (duckdb/ducklake#1393): "
        "one writer at a time need not be held by locks of our own"
    )


@pytest.mark.slow
def test_a_deletion_is_lost_when_newer_snapshots_are_expired(two: tuple[Connection, Connection]) -> None:
    one, other = two
    told(one, "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1)")
    told(other, "BEGIN", "SELECT a FROM t")
    told(
        one,
        "INSERT INTO t VALUES (2)",
        "CALL ducklake_merge_adjacent_files('lake')",
        "CREATE TABLE unrelated (a INT)",
        "CALL ducklake_expire_snapshots('lake', versions => [3, 4])",
    )
    with contextlib.suppress(duckdb.Error):
        told(other, "DELETE FROM t WHERE a = 1", "COMMIT")
        assert rows(one, "SELECT a FROM t ORDER BY a") == [(1,), (2,)], "the deletion arrived"
        return
    pytest.fail(
        "a commit whose conflicts were expired is refused (duckdb/ducklake#1472): "
        "snapshots that an open transaction began before may be expired"
    )


def test_statistics_are_cached_until_a_snapshot_raises_the_next_file_s_number(place: Location) -> None:
    """Not a fault: what a repair of the catalogue relies on."""
    with connect(place) as lake:
        told(lake, "CREATE TABLE t (a INT, b INT)", "INSERT INTO t VALUES (1, 5), (2, 50)")
    wrong = "UPDATE ducklake_table_column_stats SET max_value = '5' WHERE column_id = 2"
    right = "UPDATE ducklake_table_column_stats SET max_value = '50' WHERE column_id = 2"
    snapshot = (
        "INSERT INTO ducklake_snapshot "
        "SELECT snapshot_id + 1, snapshot_time, schema_version, next_catalog_id, next_file_id + 1 "
        "FROM ducklake_snapshot ORDER BY snapshot_id DESC LIMIT 1"
    )

    def write(*statements: str) -> None:
        # By DuckDB's own SQLite: closing a file by Python's would drop its locks.
        with session(place) as connection:
            connection.execute(f"ATTACH '{place.catalog}' AS c (TYPE sqlite)")
            told(connection, "USE c", "BEGIN", *statements, "COMMIT")

    asked = "SELECT a FROM t WHERE b = 50"
    write(wrong)
    with connect(place) as writer, session(place) as reader:
        attach(reader, place, "lake", read_only=True)
        told(reader, "USE lake")
        assert rows(reader, asked) == rows(writer, asked) == []
        write(right)
        assert rows(reader, asked) == rows(writer, asked) == []
        write(snapshot)
        assert rows(reader, asked) == rows(writer, asked) == [(2,)]


def test_after_a_merge_earlier_snapshots_have_the_columns_of_later_ones(place: Location) -> None:
    with connect(place) as lake:
        told(
            lake,
            "CREATE TABLE u (a INT)",
            "CREATE TABLE t (a INT)",  # snapshot 2
            "ALTER TABLE u RENAME a TO b",
            "INSERT INTO t VALUES (1)",
            "INSERT INTO t VALUES (2)",
        )
    columns = "DESCRIBE FROM u AT (VERSION => 2)"
    with connect(place) as lake:
        told(lake, "CALL ducklake_merge_adjacent_files('lake')")
        assert [row[0] for row in rows(lake, columns)] == ["b"], (
            "earlier snapshots are read as they are after a merge: Warehouse.merge_files need not attach "
            "the lake once more"
        )
    with connect(place) as lake:
        assert [row[0] for row in rows(lake, columns)] == ["a"]


def test_the_change_feed_of_a_merged_file_is_wrong(lake: Connection) -> None:
    """The oracle's seed 100030: three changes of a row, with a merge among them."""
    told(
        lake,
        "CREATE TABLE t (k BIGINT, c VARCHAR)",
        "INSERT INTO t VALUES (7, 'z')",
        "INSERT INTO t VALUES (9, 'z')",
        "UPDATE t SET c = 'a' WHERE k = 9",
        "CALL ducklake_merge_adjacent_files('lake')",
        "UPDATE t SET c = 'a' WHERE k = 9",
    )
    ((last,),) = rows(lake, "SELECT max(snapshot_id) FROM ducklake_snapshots('lake')")
    feed = rows(
        lake,
        "SELECT c, sum(CASE WHEN change_type IN ('insert', 'update_postimage') THEN 1 ELSE -1 END)::INT "
        f"FROM ducklake_table_changes('lake', 'main', 't', 1, {last}) WHERE k = 9 GROUP BY c ORDER BY c",
    )
    assert rows(lake, "SELECT c FROM t WHERE k = 9") == [("a",)]
    assert feed == [("a", 2), ("z", 0)], "mended: `reelhouse sql` can let the change feed through again"


@pytest.mark.slow
def test_two_deletions_in_a_file_that_has_deletions_do_not_conflict(
    two: tuple[Connection, Connection],
) -> None:
    one, other = two
    told(
        one, "CREATE TABLE t (a INT)", "INSERT INTO t VALUES (1), (2), (3), (4)", "DELETE FROM t WHERE a = 1"
    )
    told(one, "BEGIN", "DELETE FROM t WHERE a = 2")
    told(other, "DELETE FROM t WHERE a = 3")
    with contextlib.suppress(duckdb.TransactionException):
        told(one, "COMMIT")
    assert rows(other, "SELECT a FROM t ORDER BY a") == [(2,), (3,), (4,), (4,)], (
        "two deletions in one data file conflict: warehouse/deletions.py is not needed"
    )


def test_a_double_of_many_digits_that_bounds_its_file_is_not_found(place: Location) -> None:
    with session(place) as bare:
        attach(bare, place, "lake")
        told(
            bare,
            "USE lake",
            "CREATE TABLE t (x DOUBLE)",
            "INSERT INTO t VALUES ('0.9647201946472019'::DOUBLE)",
        )
        assert rows(bare, "FROM t WHERE x = '0.9647201946472019'::DOUBLE") == [], (
            "a file's bounds are compared with the DOUBLE itself: warehouse/fraction_bounds.py is not needed"
        )
