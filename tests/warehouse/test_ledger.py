"""Runs and steps are written when they happen, also when they fail."""

import os
import socket
import subprocess
import sys

import pytest

from tests.warehouse.places import ROOT, told
from warehouse import Warehouse
from warehouse.ledger import redacted


def test_a_run_and_its_steps_are_written(wh: Warehouse) -> None:
    run_id = wh.start_run("nightly", {"sources": ["tmdb"]})
    with wh.step(run_id, "land") as step:
        assert wh.scalar("SELECT state FROM ops.steps WHERE step = 'land'") == "running"
        step.rows_in, step.rows_out = 5, 4
        step.counts["tmdb"] = 4
        wh.commit(lambda tx: tx.set_cursor("tmdb", "x", {}))
    wh.finish_run(run_id, "completed")
    (run,) = wh.query("FROM ops.runs").to_pylist()
    assert (run["flow"], run["state"], run["parameters"]) == ("nightly", "completed", '{"sources": ["tmdb"]}')
    assert (run["host"], run["pid"]) == (socket.gethostname(), os.getpid())
    assert run["ended_at"] >= run["started_at"]
    (step_row,) = wh.query("FROM ops.steps").to_pylist()
    assert (step_row["state"], step_row["rows_in"], step_row["rows_out"]) == ("completed", 5, 4)
    assert step_row["counts"] == '{"tmdb": 4}'
    assert step_row["snapshot_after"] > step_row["snapshot_before"]


def test_a_failed_step_is_written_without_secrets_and_raised_again(wh: Warehouse) -> None:
    run_id = wh.start_run("nightly")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="api_key=s3cret"), wh.step(run_id, "fetch"):
            raise RuntimeError("GET /3/movie/5?api_key=s3cret failed; Authorization: Bearer eyJ.s3cret")
    wh.finish_run(run_id, "failed", "GET /3/movie/5?api_key=s3cret failed")
    steps = wh.query("FROM ops.steps ORDER BY attempt").to_pylist()
    assert [(step["attempt"], step["state"]) for step in steps] == [(1, "failed"), (2, "failed")]
    assert steps[0]["error"] == ("RuntimeError: GET /3/movie/5?api_key=*** failed; Authorization: Bearer ***")
    assert wh.scalar("SELECT error FROM ops.runs") == "GET /3/movie/5?api_key=*** failed"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("?api_key=abc&page=2", "?api_key=***&page=2"),
        ("{'Authorization': 'Bearer abc.def'}", "{'Authorization': 'Bearer ***'}"),
        ("sent with Bearer eyJhbGciOiJIUzI1NiJ9.c2VlbQ", "sent with Bearer ***"),
        ("nothing to hide", "nothing to hide"),
        ("tt0060176: The Bearer of Bad News", "tt0060176: The Bearer of Bad News"),
    ],
)
def test_what_follows_a_key_or_a_token_is_hidden(text: str, expected: str) -> None:
    assert redacted(text) == expected


DIE = """
import os, signal, sys
from tests.warehouse.places import place
from warehouse import Warehouse
wh = Warehouse.open(place(sys.argv[1]))
run_id = wh.start_run("nightly")
with wh.step(run_id, "land"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_run_whose_process_was_killed_is_marked_when_the_next_one_starts(wh: Warehouse) -> None:
    done = subprocess.run([sys.executable, "-c", DIE, told(wh.location)], check=False, cwd=ROOT)
    assert done.returncode == -9
    assert wh.scalar("SELECT state FROM ops.runs") == "running"
    mine = wh.start_run("nightly")
    assert wh.query("SELECT state FROM ops.runs ORDER BY started_at")["state"].to_pylist() == [
        "crashed",
        "running",
    ]
    assert wh.scalar("SELECT state FROM ops.steps") == "crashed"
    wh.start_run("backfill")
    assert wh.scalar("SELECT state FROM ops.runs WHERE run_id = ?", [mine]) == "running", "it is this process"


def test_a_run_of_an_earlier_process_with_this_number_is_crashed(wh: Warehouse) -> None:
    run_id = wh.start_run("nightly")
    wh.commit(lambda tx: tx.execute("UPDATE ops.runs SET process = 'an earlier one'"))
    wh.start_run("nightly")
    assert wh.scalar("SELECT state FROM ops.runs WHERE run_id = ?", [run_id]) == "crashed"


def test_a_run_on_another_machine_is_left_alone(wh: Warehouse) -> None:
    run_id = wh.start_run("nightly")
    wh.commit(lambda tx: tx.execute("UPDATE ops.runs SET host = 'elsewhere', pid = 1, process = 'x'"))
    wh.start_run("nightly")
    assert wh.scalar("SELECT state FROM ops.runs WHERE run_id = ?", [run_id]) == "running"
