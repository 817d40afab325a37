"""Upkeep as a step: what it does while a backup is being made."""

import io
import threading
from pathlib import Path

import pytest

from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.run import Outcome, run_steps
from flows.settings import Settings
from flows.steps.catalogue import upkeep_steps
from warehouse import Warehouse, backup, lake_lock


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(home=tmp_path / "home")
    with Warehouse.open(location(made)):
        return made


def test_upkeep_that_is_asked_for_waits_for_a_backup_and_says_so(settings: Settings) -> None:
    told, outcomes = io.StringIO(), list[Outcome]()
    reporter = Reporter(stream=told)

    def tidy() -> None:
        outcomes.append(run_steps(settings, "upkeep", upkeep_steps(settings, patient=True), reporter))

    with lake_lock.hold(location(settings), "upkeep", timeout=0):
        thread = threading.Thread(target=tidy)
        thread.start()
        while "waits for a backup" not in told.getvalue() and thread.is_alive():
            thread.join(0.05)
        assert thread.is_alive(), told.getvalue()
    thread.join()
    (outcome,) = outcomes
    assert outcome.state == "completed"
    assert outcome.results["upkeep"].note is None
    assert outcome.results["upkeep"].counts["files_before"]


def test_a_night_goes_on_without_its_upkeep_beside_a_backup(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "UPKEEP_SECONDS", 0)
    with lake_lock.hold(location(settings), "upkeep", timeout=0):
        outcome = run_steps(settings, "nightly", upkeep_steps(settings), Reporter(quiet=True))
    assert outcome.state == "completed"
    note = outcome.results["upkeep"].note
    assert note is not None
    assert "another upkeep or backup" in note
