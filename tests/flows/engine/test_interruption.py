"""A run that is asked to end does so within seconds, in one line, even from the middle of native code."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import duckdb
import pytest

from flows.engine.interruption import CLOSING, was_interrupted
from warehouse import Location
from warehouse.failures import reported


def ended(body: str, how: signal.Signals, *, again: bool = False) -> tuple[int, str]:
    """Exit code and standard error of a process that got the signal."""
    program = "import time\nfrom flows.engine.interruption import ends_when_asked\n" + textwrap.dedent(body)
    process = subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(how)
    if again:
        time.sleep(0.3)  # the second Ctrl-C of somebody impatient
        process.send_signal(how)
    errors = process.communicate()[1]
    return process.returncode, errors


DEAF = """
    import signal
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, frame: None)  # as one that waits for native code
    with ends_when_asked({seconds}):
        print("ready", flush=True)
        time.sleep(60)  # then it ends by itself, with 0 and without a word
"""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_what_does_not_end_by_itself_is_ended_in_one_line(how: signal.Signals) -> None:
    assert ended(DEAF.format(seconds=0.5), how) == (1, f"reelhouse: {CLOSING}\n")


def test_a_second_ctrl_c_ends_it_at_once() -> None:
    assert ended(DEAF.format(seconds=500), signal.SIGINT, again=True) == (1, f"reelhouse: {CLOSING}\n")


def test_what_ends_by_itself_is_left_alone_and_says_so_itself() -> None:
    body = """
        try:
            with ends_when_asked(0.2):
                print("ready", flush=True)
                time.sleep(60)
        except KeyboardInterrupt:
            raise SystemExit(3)
    """
    assert ended(body, signal.SIGINT) == (3, "")


def test_nothing_is_left_of_a_block_that_nobody_interrupted() -> None:
    body = """
        import threading
        for _ in range(3):
            with ends_when_asked(0.1):
                pass
        assert threading.active_count() == 1
        try:
            print("ready", flush=True)
            time.sleep(60)
        except KeyboardInterrupt:
            time.sleep(0.5)
            raise SystemExit(4)
    """
    assert ended(body, signal.SIGINT) == (4, "")


def test_a_query_that_was_interrupted_is_no_failure_of_the_query() -> None:
    program = """
        import duckdb
        from flows.engine.interruption import was_interrupted
        try:
            with ends_when_asked(1):
                print("ready", flush=True)
                endless = "SELECT sum(a.range * b.range) FROM range(1000000) a, range(10000000) b"
                duckdb.sql(endless).fetchall()
        except BaseException as error:
            raise SystemExit(5 if was_interrupted(error) else 6)
    """
    # 1: closing the connection waited for the query
    assert ended(program, signal.SIGINT) in [(5, ""), (1, "")]


def test_other_errors_are_no_interruptions() -> None:
    assert not was_interrupted(RuntimeError("Query interrupted"))
    assert not was_interrupted(None)
    try:
        raise ValueError from KeyboardInterrupt()
    except ValueError as error:
        assert was_interrupted(error)


@pytest.mark.parametrize("error", [RuntimeError("Query interrupted"), duckdb.InterruptException("stopped")])
def test_a_query_that_was_broken_off_is_no_failure_of_the_warehouse(tmp_path: Path, error: Exception) -> None:
    with pytest.raises(KeyboardInterrupt), reported(Location.under(tmp_path)):
        raise error


def test_every_command_that_runs_steps_ends_when_asked(tmp_path: Path) -> None:
    body = f"""
        import signal
        from pathlib import Path
        from flows.commands.options import run_flow
        from flows.settings import Settings
        from flows.steps.catalogue import StepSpec
        def deaf(work):
            for number in (signal.SIGINT, signal.SIGTERM):
                signal.signal(number, lambda number, frame: None)
            print("ready", flush=True)
            time.sleep(60)
        run_flow("score", Settings(home=Path({str(tmp_path)!r})), [StepSpec("score", deaf)], False, {{}})
    """
    assert ended(body, signal.SIGINT, again=True) == (1, f"reelhouse: {CLOSING}\n")
