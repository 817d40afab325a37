"""What the engine answers, what the catalogue says and what the files hold are held against each other."""

from pathlib import Path

import pytest

from tests.warehouse.landing import genres
from tests.warehouse.planted import (
    append_steps,
    data_files,
    forget_bounds,
    lose_file,
    swap_files,
    write_catalogue,
)
from warehouse import Warehouse
from warehouse.audit import BOUNDS, COUNTS, FOOTERS, audit
from warehouse.checks import CheckResult, check
from warehouse.file_reader import opened
from warehouse.upkeep import upkeep


def faults(wh: Warehouse, **options: int) -> list[CheckResult]:
    return [result for result in audit(wh, **options) if not result.passed]


def test_a_sound_lake_keeps_every_rule(wh: Warehouse) -> None:
    append_steps(wh, a=5, b=50, c=None)
    for night in range(2):
        with wh.transaction() as tx:
            tx.append("core.movie_genres", genres(100 * night))
        with wh.transaction() as tx:
            tx.replace_keys("core.movie_genres", genres(100 * night, 60, "War"), ["movie_id"])
        assert faults(wh) == []
        upkeep(wh)
    results = audit(wh)
    assert [result for result in results if not result.passed] == []
    assert {result.rule for result in results} == {BOUNDS, FOOTERS, COUNTS}
    assert {result.table for result in results} == set(wh.table_counts())


def test_forgotten_bounds_are_told_with_table_column_and_file(wh: Warehouse) -> None:
    forget_bounds(wh)
    (fault,) = faults(wh)
    assert (fault.table, fault.rule, fault.breaches) == ("ops.steps", BOUNDS, 1)
    assert fault.detail is not None
    assert fault.detail.startswith("rows_in: the catalogue says 7 to 7, its files hold 5 to 65536, such as ")
    with opened(wh.location) as reader:
        kept = [file.path for file in reader.data_files("ops.steps")]
    assert any(path.endswith(fault.detail.rpartition(" ")[2]) for path in kept)


@pytest.mark.parametrize(("column", "value"), [("min_value", "6"), ("max_value", "49"), ("null_count", "1")])
def test_wrong_statistics_of_a_file_are_told(wh: Warehouse, column: str, value: str) -> None:
    append_steps(wh, a=5, b=50)
    (file,) = data_files(wh.location, "ops.steps")
    (known,) = (each for each in file.statistics if each.column == "rows_in")
    write_catalogue(
        wh.location,
        f"UPDATE c.ducklake_file_column_stats SET {column} = ? WHERE data_file_id = ? AND column_id = ?",  # noqa: S608
        value,
        file.file_id,
        known.column_id,
    )
    told = {fault.rule: fault.detail or "" for fault in faults(wh)}
    assert "rows_in of " in told[FOOTERS]
    assert file.path in told[FOOTERS]


@pytest.mark.local_files
def test_a_missing_file_is_told(wh: Warehouse) -> None:
    append_steps(wh, a=5)
    name = lose_file(wh.location, "ops.steps")
    (fault,) = faults(wh)
    assert (fault.table, fault.rule) == ("ops.steps", FOOTERS)
    assert fault.detail is not None
    assert name in fault.detail
    assert fault.detail.endswith("restore a backup")


@pytest.mark.local_files
def test_a_swapped_file_is_told(wh: Warehouse) -> None:
    append_steps(wh, a=5)
    append_steps(wh, b=50)
    name = swap_files(wh.location, "ops.steps")
    (fault,) = faults(wh)
    assert (fault.table, fault.rule) == ("ops.steps", FOOTERS)
    assert name in (fault.detail or "")


def test_a_duplicate_row_is_told(wh: Warehouse) -> None:
    append_steps(wh, a=5)
    wh.commit(lambda tx: tx.execute("INSERT INTO ops.steps FROM ops.steps"))
    broken = [result for result in check(wh, ["ops.steps"], record=False) if not result.passed]
    assert "one row per run_id, step, attempt" in [result.rule for result in broken]


def test_two_files_of_deletions_of_one_file_are_told(wh: Warehouse) -> None:
    append_steps(wh, a=5, b=50)
    wh.commit(lambda tx: tx.execute("DELETE FROM ops.steps WHERE step = 'a'"))
    assert faults(wh) == []
    write_catalogue(
        wh.location,
        "INSERT INTO c.ducklake_delete_file SELECT * REPLACE (delete_file_id + 1000 AS delete_file_id) "
        "FROM c.ducklake_delete_file",
    )
    details = [fault.detail or "" for fault in faults(wh) if fault.rule == COUNTS]
    assert len(details) == 1
    assert "has 2 files of deletions at once: its rows are read 2 times" in details[0]


def test_a_wrong_count_is_told(wh: Warehouse) -> None:
    append_steps(wh, a=5, b=6)
    append_steps(wh, c=7)
    (first, *_) = data_files(wh.location, "ops.steps")
    write_catalogue(
        wh.location, "UPDATE c.ducklake_data_file SET record_count = 1 WHERE data_file_id = ?", first.file_id
    )
    assert {fault.rule for fault in faults(wh)} >= {FOOTERS}


@pytest.mark.local_files
def test_files_of_before_are_not_opened_where_only_later_ones_are_asked_for(wh: Warehouse) -> None:
    append_steps(wh, a=5)
    since = wh.snapshot_id
    append_steps(wh, b=5)
    lose_file(wh.location, "ops.steps")
    assert [fault.rule for fault in faults(wh)] == [FOOTERS]
    assert faults(wh, since=since) == []
    swap = data_files(wh.location, "ops.steps")[-1]
    Path(swap.path).unlink()
    assert [fault.rule for fault in faults(wh, since=since)] == [FOOTERS]
