"""Nights that end by kill -9; `python -m tests.warehouse.kill_nightly` kills at every step and more often."""

import subprocess
import sys

import pytest

from tests.warehouse.kill_nightly import spread, steps
from tests.warehouse.places import LOCAL, ROOT, SERVERS


def test_a_night_has_more_steps_than_a_quick_run_kills_at() -> None:
    assert "upkeep" in steps()
    assert spread(["a", "b", "c", "d", "e"], 2) == ["b", "d"]
    assert spread(["a", "b"], None) == ["a", "b"]


@pytest.mark.slow
@pytest.mark.parametrize("backend", [LOCAL, SERVERS])
def test_a_killed_night_is_carried_on_to_the_rows_of_an_undisturbed_one(backend: str) -> None:
    kills = ["--boundaries", "1", "--random", "1", "--backend", backend]
    ended = subprocess.run(
        [sys.executable, "-m", "tests.warehouse.kill_nightly", *kills],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"2 kills on {backend}: 2 well, 0 not" in ended.stdout
