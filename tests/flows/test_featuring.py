"""The feature store on the command line: what it holds, what a build would do, and what may be dropped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features import build_view
from features.tags import Tags
from tests.features.conftest import TIME, Core
from tests.flows.commandline import Run, runner
from warehouse import Location, Warehouse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with twelve movies: six with the tag `heist`, all of them Crime, and six with `island`."""
    directory = tmp_path / "home"
    with Warehouse.open(Location.under(directory)) as warehouse:
        core = Core(warehouse)
        core.movies(*({"movie_id": number, "title": f"Movie {number}"} for number in range(1, 13)))
        for number in range(1, 13):
            crime = number <= 6
            core.rows("movie_tags", number, {"tag": "heist" if crime else "island", "n_users": 2})
            core.rows("movie_genres", number, {"source": "movielens", "genre": "Crime" if crime else "Drama"})
        build_view(warehouse, Tags())
    return directory


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(home, monkeypatch, capfd)


def in_lake(home: Path, work: Callable[[Warehouse], Any]) -> Any:
    with Warehouse.open(Location.under(home)) as warehouse:
        return work(warehouse)


def register_model(home: Path) -> None:
    """A champion that was trained on the tags as they are."""
    row = {
        "label_set": "movielens", "model": "tags", "model_version": "abc123", "stage": "champion",
        "reason": "the first", "code_version": "1", "snapshot_id": 1, "seed": 1, "run_id": "r",
        "views": json.dumps({"tags": Tags().version}), "split": "{}", "metrics": "{}", "thresholds": "{}",
        "artefact_path": "x", "artefact_sha256": "0",
    }  # fmt: skip

    def work(warehouse: Warehouse) -> None:
        table = pa.Table.from_pylist([row])
        table = table.append_column("created_at", pa.array([warehouse.clock()], TIME))
        warehouse.commit(lambda tx: tx.append("ops.models", table))

    in_lake(home, work)


def test_a_plan_counts_what_would_be_computed_and_writes_nothing(home: Path, reelhouse: Run) -> None:
    before = in_lake(home, lambda warehouse: warehouse.snapshot_id)
    told = json.loads(reelhouse("features", "build", "tags", "metadata", "--plan", "--json").out)
    assert told["tags"] == {"version": Tags().version, "to_compute": 0, "to_remove": 0, "fresh": 12}
    assert told["metadata"]["fresh"] == 0  # never built, and its table is not there yet
    assert in_lake(home, lambda warehouse: warehouse.snapshot_id) == before

    in_lake(home, lambda warehouse: Core(warehouse).rows("movie_tags", 1, {"tag": "vault", "n_users": 1}))
    assert "computes 1 movies; 11 are fresh" in reelhouse("features", "--plan", "tags").out


def test_another_definition_is_shown_with_what_it_would_recompute(
    reelhouse: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "coverage     12 of 12 movies (100.0%)" in reelhouse("features", "show", "tags").out
    old = Tags().version
    monkeypatch.setattr(Tags, "revision", Tags.revision + 1)
    said = reelhouse("features", "show", "tags").out
    assert "computes 12 movies; 0 are fresh" in said
    assert f"new version  {old} differs in revision; its 12 rows" in said


def test_a_version_that_a_model_was_trained_on_is_dropped_by_force_only(home: Path, reelhouse: Run) -> None:
    register_model(home)
    (listed,) = json.loads(reelhouse("features", "list", "--json").out)
    assert (listed["version"], listed["state"], listed["rows"]) == (Tags().version, "current", 12)
    assert listed["models"] == ["movielens tags abc123 (champion)"]

    refused = reelhouse("features", "drop", "tags", Tags().version)
    assert (refused.code, refused.out) == (1, "")
    assert "movielens tags abc123 (champion)" in refused.line
    dropped = reelhouse("features", "drop", "tags", Tags().version, "--force")
    assert dropped.code == 0
    assert "12 rows" in dropped.out
    assert json.loads(reelhouse("features", "list", "--json").out)[0]["state"] == "dropped"
    assert "no version" in reelhouse("features", "drop", "tags", "000").line


def test_tags_are_listed_by_how_well_they_give_a_genre_away(reelhouse: Run) -> None:
    rows = json.loads(reelhouse("features", "audit", "--json").out)
    assert {(row["tag"], row["genre"]) for row in rows} == {("heist", "Crime"), ("island", "Drama")}
    assert all(row["precision"] == 1.0 for row in rows)
    assert "run `reelhouse nightly`" in reelhouse("features", "audit", "--source", "imdb").line
