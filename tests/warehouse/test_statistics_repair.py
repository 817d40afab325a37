"""Wrong statistics are mended, for whoever has the lake open too."""

import subprocess
import sys

import pytest

from tests.warehouse.places import ROOT, told
from tests.warehouse.planted import (
    append_steps,
    data_files,
    forget_bounds,
    plant_bounds,
    write_catalogue,
)
from warehouse import Warehouse
from warehouse.audit import audit, wrong_files
from warehouse.file_reader import opened, read_table
from warehouse.sql import open_read_only
from warehouse.statistics_repair import mend_statistics

RIGHT = [5, 50, None, 7]
FIFTY = "SELECT count(*) FROM ops.steps WHERE rows_in = 50"
ORDERED = "SELECT rows_in FROM ops.steps WHERE step <> 'f' ORDER BY step"

OTHER = """
import sys
from tests.warehouse.places import place
from tests.warehouse.planted import append_steps
from warehouse import Warehouse

with Warehouse.open(place(sys.argv[1]), read_only=sys.argv[2] == "reader") as warehouse:
    for line in sys.stdin:
        if line.startswith("append"):
            append_steps(warehouse, **{line.split()[1]: 8})
            print("appended", flush=True)
        else:
            print(warehouse.query(line).to_pylist(), flush=True)
"""


class Other:
    """Another process that has the lake open."""

    def __init__(self, wh: Warehouse, role: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", OTHER, told(wh.location), role],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
        )  # fmt: skip

    def ask(self, line: str) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def end(self) -> None:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.close()
        assert self.process.wait() == 0
        self.process.stdout.close()


def rows_in(wh: Warehouse) -> list[int | None]:
    found: list[int | None] = wh.query(ORDERED)["rows_in"].to_pylist()
    return found


def test_forgotten_bounds_are_mended_for_readers_and_writers_that_are_open(wh: Warehouse) -> None:
    forget_bounds(wh)
    before = wh.snapshot_id
    with open_read_only(wh.location) as reader, open_read_only(wh.location, before) as pinned:
        assert wh.scalar(FIFTY) == 0, "the fault of the engine that is mended here"
        assert reader.execute(FIFTY).fetchone() == (0,)
        assert pinned.execute(FIFTY).fetchone() == (0,)
        (wrong,) = mend_statistics(wh.location)
        assert (wrong.table, wrong.column) == ("ops.steps", "rows_in")
        assert (wrong.held_low, wrong.held_high, wrong.low, wrong.high) == ("7", "7", "5", "65536")
        assert wh.scalar(FIFTY) == 1
        assert rows_in(wh) == RIGHT
        assert reader.execute(FIFTY).fetchone() == (1,)
        assert pinned.execute(FIFTY).fetchone() == (1,)
    append_steps(wh, f=8)
    assert wh.scalar(FIFTY) == 1
    assert rows_in(wh) == RIGHT
    assert [result for result in audit(wh) if not result.passed] == []
    ordered = read_table(wh.location, "ops.steps").sort_by("step")["rows_in"].to_pylist()
    assert ordered == [*RIGHT, 8]


def test_history_is_right_after_it(wh: Warehouse) -> None:
    append_steps(wh, z=1000)
    earlier = wh.snapshot_id
    forget_bounds(wh)
    mend_statistics(wh.location)
    with open_read_only(wh.location, earlier) as past:
        assert past.execute("SELECT step FROM ops.steps WHERE rows_in = 1000").fetchall() == [("z",)]


def test_other_processes_that_are_open_go_on_with_the_right_statistics(wh: Warehouse) -> None:
    forget_bounds(wh)
    others = [Other(wh, "reader"), Other(wh, "writer")]
    try:
        # A writer mends on opening; let it meet the fault again, as an older release would leave it.
        for other in others:
            other.ask(FIFTY)
        plant_bounds(wh.location, "7", "7")
        assert others[1].ask("append f") == "appended"
        mend_statistics(wh.location)
        for other in others:
            assert other.ask(f"SELECT ({FIFTY}) AS n") == "[{'n': 1}]"
        assert others[1].ask("append g") == "appended"
        with opened(wh.location) as reader:
            assert reader.wrong_statistics() == []
    finally:
        for other in others:
            other.end()


def test_the_next_command_that_writes_mends_them(wh: Warehouse) -> None:
    forget_bounds(wh)
    with Warehouse.open(wh.location, read_only=True) as reader:
        assert reader.scalar(FIFTY) == 0
    with Warehouse.open(wh.location) as writer:
        assert writer.scalar(FIFTY) == 1
        before = writer.snapshot_id
    with Warehouse.open(wh.location) as again:
        assert again.snapshot_id == before, "nothing is written where nothing is wrong"


@pytest.mark.parametrize(("column", "value"), [("min_value", "6"), ("max_value", "49"), ("null_count", "1")])
def test_statistics_of_a_file_are_taken_from_its_footer(wh: Warehouse, column: str, value: str) -> None:
    append_steps(wh, a=5, b=50)
    append_steps(wh, c=20)
    file = data_files(wh.location, "ops.steps")[0]
    known = next(each for each in file.statistics if each.column == "rows_in")
    write_catalogue(
        wh.location,
        f"UPDATE c.ducklake_file_column_stats SET {column} = ? WHERE data_file_id = ? AND column_id = ?",  # noqa: S608
        value,
        file.file_id,
        known.column_id,
    )
    mend_statistics(wh.location, wrong_files(wh.location))
    assert [result for result in audit(wh) if not result.passed] == []
    assert wh.scalar("SELECT count(*) FROM ops.steps WHERE rows_in IN (5, 50)") == 2


def test_a_transaction_that_is_open_meanwhile_is_tried_again(wh: Warehouse) -> None:
    forget_bounds(wh)
    tries = []

    def work(tx):  # type: ignore[no-untyped-def]
        tries.append(tx.scalar(FIFTY))
        if len(tries) == 1:
            mend_statistics(wh.location)
        tx.execute("UPDATE ops.steps SET state = 'failed' WHERE rows_in = 50")
        tx.execute("UPDATE ops.steps SET state = 'failed' WHERE step = 'a'")  # what changes nothing passes

    wh.commit(work)
    assert tries == [0, 1]
    assert wh.scalar("SELECT count(*) FROM ops.steps WHERE state = 'failed'") == 2
    with opened(wh.location) as reader:
        assert reader.wrong_statistics() == []
