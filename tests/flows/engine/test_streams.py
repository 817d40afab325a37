"""Standard streams that are closed or cannot be written, with real processes."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flows.engine.console import Reporter
from tests.warehouse.places import ROOT
from warehouse import Location, Warehouse


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("streams") / "home"
    Warehouse.open(Location.under(made)).close()
    return made


def ended(home: Path, redirection: str, *arguments: str) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "flows.cli", *arguments, "--home", str(home)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *command], check=False, capture_output=True, text=True
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize(
    ("redirection", "message"),
    [
        (">&-", "standard output is closed: there is no place for the answer"),
        (">/dev/full", "standard output cannot be written: No space left on device"),
    ],
)
@pytest.mark.parametrize("arguments", [("status",), ("models", "list", "--json")])
def test_an_answer_that_is_lost_is_one_line(home: Path, arguments, redirection: str, message: str):
    assert ended(home, redirection, *arguments) == (1, "", f"reelhouse: {message}\n")


@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-"])
def test_messages_that_nobody_can_read_end_no_run(home: Path, tmp_path: Path, redirection: str):
    table = tmp_path / "mine.csv"
    table.write_text("title,imdb_id\nHeat,tt0113277\n")
    code, _, _ = ended(home, redirection, "import", str(table))
    assert code == 0
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        assert warehouse.scalar("SELECT state FROM ops.runs ORDER BY started_at DESC LIMIT 1") == "completed"


def test_a_reporter_never_fails():
    with io.TextIOWrapper(io.FileIO("/dev/full", "w"), write_through=True) as full:
        Reporter(stream=full).line("a line")


def test_a_working_directory_that_was_deleted_is_one_line(tmp_path: Path):
    gone = tmp_path / "gone"
    gone.mkdir()
    inside = [sys.executable, "-P", "-m", "flows.cli", "status", "--home", "here"]
    done = subprocess.run(
        ["sh", "-c", f'cd "{gone}" && rmdir "{gone}" && exec "$@"', "sh", *inside],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("reelhouse: the working directory was deleted")
    assert done.stderr.count("\n") == 1


def test_ids_from_a_closed_standard_input_are_wrong_usage(home: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("REELHOUSE_TMDB_TOKEN", "t")
    code, out, err = ended(home, "<&-", "backfill", "--ids", "-")
    assert (code, out) == (2, "")
    assert err.startswith("reelhouse backfill: Invalid value: standard input is closed")
