"""A killed night leaves a lake that opens, goes on to the same rows, cleans up, and restores equal."""

import subprocess
import sys

import pytest

from tests.servers import BINARIES
from tests.warehouse.kill_nightly import spread, steps
from tests.warehouse.places import LOCAL, ROOT, SERVERS


@pytest.mark.slow
@pytest.mark.parametrize(("where", "boundaries", "moments"), [(LOCAL, 2, 2), (SERVERS, 1, 1)])
def test_killed_nights_end_in_the_same_rows(where: str, boundaries: int, moments: int) -> None:
    if where == SERVERS and not BINARIES:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    # A process of its own: this one has threads, and must not fork.
    command = [sys.executable, "-m", "tests.warehouse.kill_nightly", "--backend", where]
    command += ["--boundaries", str(boundaries), "--random", str(moments), "--seed", "7"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("equal, no orphan, restored") == boundaries + moments, done.stdout


def test_a_night_has_more_steps_than_the_quick_test_kills_at() -> None:
    assert "upkeep" in steps()
    assert spread(["a", "b", "c", "d", "e"], 2) == ["b", "d"]
    assert spread(["a", "b"], None) == ["a", "b"]
