"""`check` tells what is wrong with the lake itself, `repair` mends it, and says what it cannot mend."""

import json
from pathlib import Path

import pytest

from tests.flows.commandline import Run, runner
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
