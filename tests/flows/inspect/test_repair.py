"""`check` tells what is wrong with the lake itself, `repair` mends it, and says what it cannot mend."""

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.flows.commandline import Run, runner
from tests.warehouse.landing import genres
from tests.warehouse.planted import forget_bounds, lose_file
from warehouse import Location, Warehouse
from warehouse.file_reader import read_table

RULE = "what the catalogue says of it encloses what it says of its files"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a home as an earlier release's upkeep left it."""
    home = tmp_path / "home"
    with Warehouse.open(Location.under(home)) as warehouse:
        forget_bounds(warehouse)
    return home


@pytest.fixture
def run(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command on that home."""
    return runner(home, monkeypatch, capfd)


def breaches(run: Run) -> dict[str, str]:
    result = run("check", "--json")
    assert result.code == 1, "an empty warehouse keeps few limits"
    return {each["limit"]: each["found"] for each in json.loads(result.out) if not each["ok"]}


def test_what_check_tells_repair_mends(home: Path, run: Run) -> None:
    told = breaches(run)[RULE]
    assert told.startswith(
        "1 breach (rows_in: the catalogue says 7 to 7, its files hold 5 to 65536, such as "
    )
    assert RULE in breaches(run), "check itself changes nothing"
    mended = run("repair")
    assert mended.code == 0, mended.err
    assert mended.out.startswith("mended  ops.steps.rows_in: the catalogue says 7 to 7")
    assert RULE not in breaches(run)
    asked = run("sql", "--format", "csv", "SELECT step FROM ops.steps WHERE rows_in = 50")
    assert asked.out == "step\nb\n"
    held = read_table(Location.under(home), "ops.steps").sort_by("step")["rows_in"].to_pylist()
    assert held == [5, 50, None, 7]
    again = run("repair")
    assert again.out == "nothing to mend: the catalogue says what the files hold\n"


def test_repair_tells_scripts_what_it_did(home: Path, run: Run) -> None:
    found = json.loads(run("repair", "--json").out)
    assert [(each["table"], each["column"]) for each in found["columns"]] == [("ops.steps", "rows_in")]
    assert (found["files"], found["left"]) == (0, [])


def test_what_cannot_be_mended_is_named_and_fails(home: Path, run: Run) -> None:
    name = lose_file(Location.under(home), "ops.steps")
    result = run("repair")
    assert result.code == 1
    (line,) = [line for line in result.out.splitlines() if line.startswith("LEFT")]
    assert name in line
    assert "restore" in result.out.splitlines()[-1]
    assert "Traceback" not in result.err


def test_repair_of_nothing_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    result = runner(tmp_path / "none", monkeypatch, capfd)("repair")
    assert result.code == 1
    assert result.line.startswith("reelhouse: no warehouse at ")
    assert not (tmp_path / "none").exists()


TABLE = "core.movie_genres"
NUMBERS = {
    "ducklake_data_file": (
        "record_count",
        "file_size_bytes",
        "footer_size",
        "row_id_start",
        "begin_snapshot",
    ),
    "ducklake_delete_file": ("delete_count", "file_size_bytes", "footer_size", "begin_snapshot"),
    "ducklake_table_stats": ("record_count", "next_row_id", "file_size_bytes"),
}
IMPOSSIBLE = st.one_of(
    st.integers(-(2**63), -1),
    st.integers(2**53 + 1, 2**63 - 1),
    st.sampled_from(["x", "", 1.5, 1e300, float("inf")]),
)


@pytest.fixture
def with_deletions(tmp_path: Path) -> Path:
    """Return a home whose table of genres has a data file and a file of deletions."""
    home = tmp_path / "home"
    with Warehouse.open(Location.under(home)) as warehouse:
        warehouse.commit(lambda tx: tx.append(TABLE, genres(0)))
        warehouse.commit(lambda tx: tx.delete_keys(TABLE, pa.table({"movie_id": [1]})))
    return home


@pytest.mark.slow
@settings(
    max_examples=3,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    place=st.sampled_from([(listing, column) for listing, columns in NUMBERS.items() for column in columns]),
    value=IMPOSSIBLE,
)
@example(("ducklake_data_file", "record_count"), 2**63 - 1)
@example(("ducklake_data_file", "file_size_bytes"), None)
@example(("ducklake_data_file", "record_count"), None)
@example(("ducklake_delete_file", "delete_count"), -1)
@example(("ducklake_table_stats", "record_count"), None)
def test_a_number_that_cannot_be_is_named_with_its_table_and_file(
    with_deletions: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    place: tuple[str, str],
    value: object,
) -> None:
    home = Path(shutil.copytree(with_deletions, with_deletions.parent / "odd"))
    run = runner(home, monkeypatch, capfd)
    listing, column = place
    try:
        with closing(sqlite3.connect(home / "catalog.sqlite")) as catalogue:
            number, *_ = catalogue.execute(
                "SELECT table_id FROM ducklake_table WHERE table_name = 'movie_genres'"
            ).fetchone()
            holder = "table_id" if listing == "ducklake_table_stats" else "path"
            named = catalogue.execute(
                f"SELECT {holder} FROM {listing} WHERE table_id = ?",  # noqa: S608
                [number],
            ).fetchone()
            catalogue.execute(f"UPDATE {listing} SET {column} = ? WHERE table_id = ?", [value, number])  # noqa: S608
            catalogue.commit()
        checked = run("check")
        assert checked.code == 1
        assert "Traceback" not in checked.err
        lines = [line for line in checked.out.splitlines() if line.startswith(f"BREACH  contract {TABLE}")]
        assert any(column in line and (holder == "table_id" or named[0] in line) for line in lines), lines
        left = run("repair")
        assert left.code == 1, left.err
        assert f"LEFT    {TABLE}: " in left.out
    finally:
        shutil.rmtree(home)
