"""`reelhouse status`: one screen, whatever the warehouse holds; how fresh each source and view is."""

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from features.metadata import Metadata
from flows.engine.schedule import Schedules
from flows.inspect.status import ago, print_status
from flows.inspect.summary import Status, next_runs, read_status
from flows.settings import load_settings
from models import model_names
from warehouse import Location, Warehouse
from warehouse.schema import feature_table

NOW = datetime(2026, 11, 20, 10, 0, tzinfo=UTC)  # a Friday


def busy_home() -> Status:
    """A status with everything in it: failed runs, all label sets, many quarantined tables."""
    then = NOW - timedelta(hours=30)
    label_sets = ("imdb", "movielens", "tmdb")
    views = ("metadata", "poster", "ratings", "tags", "text", "texture", "tfidf", "words")
    run = {
        "flow": "nightly",
        "state": "failed",
        "started_at": then,
        "ended_at": NOW,
        "error": "it broke " * 50,
    }
    champions = [
        {"label_set": label_set, "model": model, "model_version": "0123456789ab", "metrics": {"auc": 0.8123}}
        for label_set in label_sets
        for model in model_names()
    ]
    return Status(
        home="/srv/reelhouse",
        engine={
            "duckdb": "v1.5.5",
            "format": "1.0",
            "extensions": {"ducklake": "0" * 8, "httpfs": "0" * 8, "postgres_scanner": "0" * 8},
            "source": "PyPI packages",
        },
        snapshot_id=123_456,
        rows={f"{layer}.t": 10**9 for layer in ("raw", "core", "features", "predictions", "ops")},
        sources=[
            {"source": name, "movies": 10**7, "asked_seconds_ago": 7200.0, "landed_at": then}
            for name in ("tmdb", "imdb", "movielens", "all together")
        ],
        modalities={},
        scored=[{**champion, "movies": 10**7, "scores": 10**8} for champion in champions],
        champions=champions,
        runs=[{**run, "run_id": f"20261120T00000{number}-abcdef"} for number in range(5)],
        quarantine=[{"table_name": f"raw.table_{number}", "n_rows": 10**6} for number in range(12)],
        conflicts={"open": 10**6, "decided": 10**3},
        views=[
            {"view": name, "movies": 10**7, "newest_at": NOW, "checked_at": then, "version": "0" * 12}
            for name in views
        ],
        next_runs=next_runs(Schedules(), NOW),
        serving=False,
        read_at=NOW,
        examples=[],
    )


def printed(status: Status) -> str:
    stream = io.StringIO()
    print_status(status, stream)
    return stream.getvalue()


def test_a_busy_home_fits_on_one_screen() -> None:
    lines = printed(busy_home()).splitlines()
    assert len(lines) <= 50
    assert max(map(len, lines)) <= 100
    assert "  movielens" in printed(busy_home())
    assert "9 more" in lines[-1]


def test_the_next_runs_come_in_order_and_without_those_started_by_hand() -> None:
    day = {"hour": 0, "minute": 0}
    found = next_runs(Schedules(nightly="0 9 * * *", report="", upkeep="0 6 * * 0"), NOW)
    assert [each["flow"] for each in found] == ["nightly", "upkeep"]
    assert [each["at"].replace(**day) - NOW.replace(**day) for each in found] == [
        timedelta(days=1), timedelta(days=2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "never"), (5, "just now"), (600, "10 min ago"), (7200, "2 h ago"), (86_400 * 9, "9 d ago")],
)
def test_how_long_ago_is_said_in_one_unit(seconds: float | None, text: str) -> None:
    assert ago(seconds) == text


def test_a_view_is_as_fresh_as_the_last_build_of_all_movies(tmp_path: Path) -> None:
    now = NOW

    def step(warehouse: Warehouse, flow: str, kind: str, **what: str) -> None:
        run_id = warehouse.start_run(flow)
        with warehouse.step(run_id, kind, **what):
            pass
        warehouse.finish_run(run_id, "completed")

    registered: dict[str, list[Any]] = {
        "view": ["metadata"], "view_version": ["v1"], "definition": ["{}"], "registered_at": [now],
    }  # fmt: skip
    with Warehouse.open(Location.under(tmp_path), clock=lambda: now) as warehouse:
        warehouse.declare(feature_table("metadata", Metadata.comment, Metadata.columns))
        with warehouse.transaction() as tx:
            tx.append("ops.feature_views", pa.table(registered))
        step(warehouse, "nightly", "features", subject="metadata")
        step(warehouse, "nightly", "ingest", source="tmdb", subject="movies")
        now += timedelta(days=1)
        step(warehouse, "backfill", "features", subject="metadata")
    status = read_status(load_settings(home=tmp_path))
    (view,) = status.views
    assert (view["view"], view["version"], view["movies"], view["checked_at"]) == ("metadata", "v1", 0, NOW)
    tmdb = next(row for row in status.sources if row["source"] == "tmdb")
    assert tmdb["asked_seconds_ago"] is not None
    assert "tmdb" in printed(status)
