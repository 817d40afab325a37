"""The program that kills nights, run by hand: `python -m tests.warehouse.kill_nightly`."""

from tests.warehouse.kill_nightly import spread, steps


def test_a_night_has_more_steps_than_a_quick_run_kills_at() -> None:
    assert "upkeep" in steps()
    assert spread(["a", "b", "c", "d", "e"], 2) == ["b", "d"]
    assert spread(["a", "b"], None) == ["a", "b"]
