"""The second reader tells what the engine tells, of every snapshot, and refuses what it does not know."""

# ruff: noqa: S608 — the tests write SQL

from pathlib import Path

import pyarrow as pa
import pytest

from warehouse import Location, Warehouse, file_reader
from warehouse.connection import session
from warehouse.errors import DamagedLake, NoWarehouse, QueryFailed
from warehouse.file_reader import FileReader

PLAIN = """
    CREATE TABLE core.t (
        a INTEGER NOT NULL, b BIGINT, c VARCHAR, d DOUBLE, e FLOAT[], f JSON, g TIMESTAMPTZ, h BOOLEAN,
        i DATE, j STRUCT(x INTEGER, y VARCHAR[]), k SMALLINT, l DECIMAL(9, 2),
        m MAP(VARCHAR, INTEGER), n VARCHAR[]
    )
"""
FULL = """
    INSERT INTO core.t (a, b, c, d, e, f, g, h, i, j, k, l, m, n) VALUES
    (1, 5, 'x', 'nan', [1.5, NULL], '{"k": 1}', '2020-02-29 12:00:00.123456+02', true, '1895-12-28',
     {'x': 1, 'y': ['p', NULL]}, 7, 1.25, MAP {'u': 3}, ['', 'ü']),
    (2, NULL, '', '-inf', [], '[]', NULL, false, NULL, {'x': NULL, 'y': NULL}, -7, NULL, MAP {}, []),
    (3, 50, NULL, NULL, NULL, NULL, '1700-01-01 00:00:00+00', NULL, '9999-12-31', NULL, NULL, -3, NULL, NULL)
"""


def same_at_every_snapshot(wh: Warehouse, table: str = "core.t", first: int = 0) -> None:
    """Assert that both readers give the same rows and row numbers in each snapshot that is kept."""
    with file_reader.opened(wh.location) as reader:
        for snapshot in reader.snapshots():
            if snapshot.number < first or table not in reader.tables(snapshot.number):
                continue
            at = f"AT (VERSION => {snapshot.number})"
            engine = wh.query(f"SELECT *, rowid, snapshot_id FROM {table} {at} ORDER BY rowid")
            files = reader.read_table(table, snapshot.number, row_ids=True).sort_by("rowid")
            assert files.column_names == engine.column_names
            # As text, because no NaN equals another.
            assert repr(files.to_pylist()) == repr(engine.to_pylist()), snapshot


def test_every_type_reads_the_same(wh: Warehouse) -> None:
    wh.call(PLAIN)
    same_at_every_snapshot(wh)
    wh.call(FULL)
    same_at_every_snapshot(wh)
    assert file_reader.read_table(wh.location, "core.t").num_rows == 3


def test_deleted_rows_stay_in_the_snapshots_before(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a INTEGER, b VARCHAR)")
    wh.call("INSERT INTO core.t SELECT i, 'x' || i FROM range(10) AS r(i)")
    for condition in ("a = 3", "a IN (4, 9)", "a < 2"):
        wh.call(f"DELETE FROM core.t WHERE {condition}")
    newest = file_reader.read_table(wh.location, "core.t", columns=["a"])
    assert newest["a"].to_pylist() == [2, 5, 6, 7, 8]
    same_at_every_snapshot(wh)


def test_merged_files_give_each_snapshot_its_rows(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a INTEGER, b BIGINT)")
    for number in range(6):
        wh.call(f"INSERT INTO core.t VALUES ({number}, 1), ({number + 100}, NULL)")
    wh.call("UPDATE core.t SET b = 2 WHERE a = 3")
    wh.call("CALL ducklake_merge_adjacent_files('lake')")
    with file_reader.opened(wh.location) as reader:
        assert any(file.partial_max for file in reader.data_files("core.t"))
    wh.call("DELETE FROM core.t WHERE a IN (1, 103)")
    wh.call("DELETE FROM core.t WHERE a = 2")
    same_at_every_snapshot(wh)


def test_columns_added_renamed_and_widened_read_as_of_their_snapshot(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a SMALLINT, b VARCHAR, s STRUCT(x INTEGER))")
    wh.call("INSERT INTO core.t VALUES (1, 'one', {'x': 1})")
    for change in (
        "ADD COLUMN c INTEGER DEFAULT 7",
        "ADD COLUMN d VARCHAR DEFAULT 'it''s'",
        "ADD COLUMN e TIMESTAMPTZ",
        "ALTER a SET DATA TYPE BIGINT",
        "RENAME b TO bb",
        "ADD COLUMN s.y VARCHAR",
        "DROP COLUMN c",
    ):
        wh.call(f"ALTER TABLE core.t {change}")
    wh.call("INSERT INTO core.t (a, bb) VALUES (3000000000, 'two')")
    row = file_reader.read_table(wh.location, "core.t").to_pylist()[0]
    assert row == {"a": 1, "bb": "one", "s": {"x": 1, "y": None}, "d": "it's", "e": None}
    same_at_every_snapshot(wh)


def test_an_update_keeps_the_number_of_its_row(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a INTEGER, b INTEGER)")
    wh.call("INSERT INTO core.t VALUES (1, 1), (2, 2), (3, 3)")
    wh.call("UPDATE core.t SET b = 0 WHERE a = 2")
    rows = file_reader.read_table(wh.location, "core.t", row_ids=True).sort_by("a")
    assert rows["rowid"].to_pylist() == [0, 1, 2]
    assert rows["snapshot_id"].to_pylist()[1] == wh.snapshot_id
    same_at_every_snapshot(wh)


def test_the_catalogue_is_told_file_by_file(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a INTEGER, b DOUBLE)")
    wh.call("INSERT INTO core.t VALUES (5, NULL), (50, 'nan'), (7, 0.5)")
    first = wh.snapshot_id
    wh.call("DELETE FROM core.t WHERE a = 7")
    with file_reader.opened(wh.location) as reader:
        (file,) = reader.data_files("core.t")
        assert (file.record_count, file.begin_snapshot, file.end_snapshot) == (3, first, None)
        assert [deletes.delete_count for deletes in file.deletes] == [1]
        assert reader.data_files("core.t", first)[0].deletes == ()
        assert reader.data_files("core.t", first - 1) == []
        a, b = file.statistics
        assert (a.column, a.low, a.high, a.nulls, a.value_count) == ("a", 5, 50, False, 3)
        assert (b.low, b.high, b.nulls, b.nans, b.null_count) == (None, None, True, True, 1), (
            "the bounds of fractions are forgotten"
        )
        footer = reader.footer(file)
        assert (footer.num_rows, footer.row_group(0).column(0).statistics.max) == (3, 50)
        whole = {table.table: table for table in reader.table_statistics()}["core.t"]
        assert whole.record_count == 3
        assert [(column.low, column.high) for column in whole.columns] == [(5, 50), (0.5, 0.5)]


@pytest.mark.local_files
def test_a_missing_file_is_told(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a INTEGER)")
    wh.call("INSERT INTO core.t VALUES (1)")
    with file_reader.opened(wh.location) as reader:
        (file,) = reader.data_files("core.t")
        Path(file.path).unlink()
        with pytest.raises(DamagedLake, match=r"is gone, and the catalogue names it"):
            reader.read_table("core.t")


@pytest.mark.local_files
def test_a_file_of_other_rows_is_told(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a INTEGER)")
    wh.call("INSERT INTO core.t VALUES (1)")
    wh.call("INSERT INTO core.t VALUES (1), (2)")
    with file_reader.opened(wh.location) as reader:
        one, two = (Path(file.path) for file in reader.data_files("core.t"))
        one.write_bytes(two.read_bytes())
        with pytest.raises(DamagedLake, match="has 2 rows, not the 1"):
            reader.read_table("core.t")
        one.write_bytes(b"no Parquet at all")
        with pytest.raises(DamagedLake, match="cannot be read"):
            reader.read_table("core.t")


@pytest.mark.local_files
def test_rows_in_the_catalogue_are_refused(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a INTEGER)")
    with session(wh.location) as other:
        target = f"ducklake:sqlite:{wh.location.catalog}"
        other.execute(
            f"ATTACH '{target}' AS l (OVERRIDE_DATA_PATH true, DATA_PATH '{wh.location.data_root}')"
        )
        other.execute("INSERT INTO l.core.t VALUES (1)")
    with pytest.raises(QueryFailed, match="rows in the catalogue"):
        file_reader.read_table(wh.location, "core.t")
    wh.call("CALL ducklake_flush_inlined_data('lake')")
    assert file_reader.read_table(wh.location, "core.t")["a"].to_pylist() == [1]


def test_what_is_not_there_is_said(wh: Warehouse, tmp_path: Path) -> None:
    with file_reader.opened(wh.location) as reader:
        with pytest.raises(QueryFailed, match="no table core"):
            reader.read_table("core.nothing")
        with pytest.raises(QueryFailed, match="no snapshot 999"):
            reader.read_table("core.movies", 999)
        with pytest.raises(QueryFailed, match="no column nothing"):
            reader.read_table("core.movies", columns=["movie_id", "nothing"])
    with pytest.raises(NoWarehouse), file_reader.opened(Location.under(tmp_path / "nowhere")):
        pass


def test_it_reads_what_is_committed_while_it_is_open(wh: Warehouse) -> None:
    wh.call("CREATE TABLE core.t (a INTEGER)")
    with session(wh.location) as connection:
        reader = FileReader(wh.location, connection)
        assert reader.read_table("core.t") == pa.table({"a": pa.array([], pa.int32())})
        wh.call("INSERT INTO core.t VALUES (1)")
        assert reader.read_table("core.t")["a"].to_pylist() == [1]


def test_the_tables_of_the_layout_read_the_same(wh: Warehouse) -> None:
    run = wh.start_run("nightly", {"local": True})
    with wh.step(run, "land") as step:
        step.rows_in = 0
    wh.finish_run(run, "completed")
    for table in ("ops.runs", "ops.steps", "ops.columns", "core.movies"):
        same_at_every_snapshot(wh, table)
