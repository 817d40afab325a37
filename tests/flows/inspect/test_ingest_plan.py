"""The plan of a night: it says what would be fetched, and fetches nothing."""

import json
from pathlib import Path

import pytest

from connectors.mirror import Mirror
from flows.engine.context import location
from flows.inspect.ingest_plan import plan_ingest, print_ingest_plan
from flows.settings import Settings, load_settings
from tests.flows.conftest import MOVIES
from warehouse import Warehouse


@pytest.fixture
def settings(mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    for name, value in mirror.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("REELHOUSE_CONFIG", "/dev/null")
    return load_settings(
        home=tmp_path / "home", tmdb_requests_per_second=38, rate_shared="off", imdb_url="http://127.0.0.1:9"
    )


def test_a_plan_counts_requests_and_time_and_names_a_source_that_is_out(
    settings: Settings, mirror: Mirror, capsys: pytest.CaptureFixture[str]
) -> None:
    all_asked = print_ingest_plan(settings, as_json=True)
    found = json.loads(capsys.readouterr().out)
    assert not all_asked
    steps = {each["step"]: each for each in found["steps"]}
    movies = steps["ingest tmdb movies"]
    assert movies["requests"] == found["requests"] == len(mirror.app.catalogue.ids())
    assert movies["seconds"] == pytest.approx(movies["requests"] / 38, abs=0.05)
    assert "cannot be reached" in steps["ingest imdb title.basics"]["error"]
    assert "skipped" in steps["ingest imdb title.ratings"]["error"]
    (movielens,) = (each for name, each in steps.items() if "movielens" in name)
    assert movielens["bytes"] == found["bytes"] > 10_000
    assert f"{MOVIES} new" in movies["note"]
    counts = mirror.log()["counts"]
    assert "GET details" not in counts
    assert not list((settings.home / "downloads").rglob("*.zip"))


def test_a_plan_leaves_no_trace_in_the_warehouse(settings: Settings) -> None:
    with Warehouse.open(location(settings)) as warehouse:
        before = warehouse.snapshot_id
        plan_ingest(settings.model_copy(update={"sources": ("tmdb", "movielens")}), warehouse)
        assert warehouse.snapshot_id == before
