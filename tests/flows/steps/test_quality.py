"""A night's measurement of the views, and what `status` and `check` say of it."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pyarrow as pa
import pytest

from features import build_view
from features.ratings import Ratings
from flows.inspect.status import print_status
from flows.inspect.summary import read_status
from flows.steps.quality import Finding, findings, latest_quality, measure_views
from tests.features.conftest import START, TIME, Clock, Core
from warehouse import Location, Warehouse

VIEWS = {"ratings": Ratings()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wh(tmp_path: Path, clock: Clock) -> Iterator[Warehouse]:
    with Warehouse.open(Location.under(tmp_path), clock=clock) as warehouse:
        ids = [{"movie_id": i} for i in range(1, 401)]
        Core(warehouse).movies(*ids)
        rate(warehouse, 3.0)
        yield warehouse


def rate(warehouse: Warehouse, stars: float, n: int = 300) -> None:
    rows = [
        {"movie_id": i, "n_ratings": 5, "mean_rating": stars + i % 10 / 10, "last_rated_at": START}
        for i in range(1, n + 1)
    ]
    table = pa.Table.from_pylist(rows)
    table = table.set_column(3, "last_rated_at", table["last_rated_at"].cast(TIME))
    warehouse.commit(lambda tx: tx.replace("core.ratings", table, {}))
    build_view(warehouse, VIEWS["ratings"])


def night(wh: Warehouse) -> dict[str, object]:
    run_id = wh.start_run("nightly")
    with wh.step(run_id, "quality") as step:
        measure_views(
            SimpleNamespace(warehouse=wh, run_id=run_id, step=step, tick=lambda *_: None),  # type: ignore[arg-type]
            VIEWS,
        )
    wh.finish_run(run_id, "completed")
    return {**step.counts, "note": step.note}


def champion(wh: Warehouse) -> None:
    row = {
        "label_set": "movielens", "model": "tags", "model_version": "v1", "stage": "champion",
        "views": json.dumps({"ratings": VIEWS["ratings"].version}), "metrics": "{}",
    }  # fmt: skip
    table = pa.Table.from_pylist([row]).append_column("created_at", pa.array([wh.clock()], TIME))
    wh.commit(lambda tx: tx.append("ops.models", table))


def only(wh: Warehouse) -> Finding:
    (found,) = findings(wh, VIEWS)
    return found


def test_drift_past_the_declared_limit_fails_the_check_until_trained_again(
    wh: Warehouse, clock: Clock
) -> None:
    champion(wh)
    clock.turn(days=1)
    night(wh)
    assert only(wh).ok
    assert "covers 75.0%, PSI 0.00" in only(wh).measurement
    rate(wh, 1.5)
    clock.turn(days=1)
    assert "ratings.mean_rating" in str(night(wh)["note"])
    assert not only(wh).ok
    assert "reelhouse train" in only(wh).remedy
    assert "movielens tags v1" in only(wh).remedy
    wh.commit(lambda tx: tx.delete_keys("ops.models", pa.table({"model_version": ["v1"]})))
    champion(wh)
    clock.turn(days=1)
    night(wh)
    assert only(wh).ok
    assert wh.scalar("SELECT count(*) FROM ops.feature_quality") == 3 * (1 + len(Ratings.columns))


def test_movies_that_lose_a_modality_at_once_fail_the_check_without_any_champion(
    wh: Warehouse, clock: Clock
) -> None:
    night(wh)
    rate(wh, 3.0, n=270)
    clock.turn(days=1)
    night(wh)
    assert not only(wh).ok
    assert "10.0% lost it" in only(wh).measurement


def test_a_night_without_changes_repeats_what_was_measured(
    wh: Warehouse, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion(wh)
    clock.turn(days=1)
    night(wh)
    before = latest_quality(wh)["ratings"].as_dict()
    clock.turn(days=1)
    monkeypatch.delattr("flows.steps.quality.measure")  # measuring again would fail
    night(wh)
    after = latest_quality(wh)["ratings"].as_dict()
    assert after.pop("measured_at") > before.pop("measured_at")
    assert after == before


def test_the_status_shows_what_was_measured(wh: Warehouse, tmp_path: Path) -> None:
    from flows.settings import Settings

    champion(wh)
    wh.clock.turn(days=1)  # type: ignore[attr-defined]
    night(wh)
    status = read_status(Settings(home=tmp_path))
    (view,) = status.views
    assert view["quality"]["coverage"] == 0.75
    assert view["quality"]["reference"] == "movielens tags v1"
    stream = io.StringIO()
    print_status(status, stream)
    (line,) = (line for line in stream.getvalue().splitlines() if line.startswith("  ratings"))
    assert "75%  0.00 " in line
