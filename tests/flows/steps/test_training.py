"""What a training says of itself: which models it trained, which were there before, what comes next."""

import json
from pathlib import Path

import pytest

from features import build_view
from flows.engine.context import feature_views
from flows.settings import load_settings
from tests.flows.commandline import Run, runner
from tests.models.conftest import Catalogue
from warehouse import Location, Warehouse

NEXT = "next: reelhouse score; the new champions have no scores yet"


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """The command line on a home of sixty movies with tags."""
    monkeypatch.setenv("REELHOUSE_LABEL_SETS", "movielens")
    home = tmp_path / "home"
    with Warehouse.open(Location.under(home)) as warehouse:
        Catalogue(warehouse).fill(60)
        build_view(warehouse, feature_views(load_settings(home=home))["tags"])
    return runner(home, monkeypatch, capfd)


def test_a_training_says_what_it_came_to(train: Run) -> None:
    first = train("train", "tags", "--json")
    assert first.code == 0, first.err
    step = json.loads(first.out)["steps"]["train movielens"]
    assert (step["trained"], step["new_champions"], step["unchanged"]) == (1, 1, 0)
    assert step["note"] == "due: nothing was trained yet"
    assert first.err.strip().endswith(NEXT)

    not_due = train("train", "tags")
    assert "not due: 0 of " in not_due.err
    assert NEXT not in not_due.err

    forced = train("train", "tags", "poster", "--force", "--json")
    step = json.loads(forced.out)["steps"]["train movielens"]
    assert (step["trained"], step["new_champions"], step["unchanged"]) == (0, 0, 1)
    assert step["note"] == (
        "forced; same version as before: tags; poster skipped: 0 labelled movies to learn from"
    )
    assert "nothing to do" in forced.err
    assert NEXT not in forced.err
