"""Scoring on a real lake: what is scored, what is left alone, and what becomes of old scores."""

import dataclasses
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pytest

from features import FeatureView
from models import ModelSettings, ScoreReport, score, train
from models.errors import NoModel
from models.registry import champion, register
from tests.models.conftest import Catalogue, Clock, Counted, build_all
from warehouse import Warehouse

Views = Mapping[str, FeatureView]
N = 300
PER_MODEL = (
    "SELECT model, count(DISTINCT movie_id) AS n FROM predictions.current GROUP BY model ORDER BY model"
)


@pytest.fixture
def ready(wh: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views) -> Warehouse:
    catalogue.fill(N)
    build_all(wh, views)
    train(wh, settings, views, label_set="movielens")
    return wh


def scored(wh: Warehouse, settings: ModelSettings, views: Views) -> ScoreReport:
    return score(wh, settings, views, label_set="movielens", run_id="run")


def rows(wh: Warehouse) -> list[dict[str, object]]:
    found: list[dict[str, object]] = wh.query(
        "SELECT movie_id, model, genre, probability, predicted FROM predictions.current ORDER BY ALL"
    ).to_pylist()
    return found


def test_every_movie_with_a_modality_is_scored_by_its_models(
    ready: Warehouse, settings: ModelSettings, views: Views
) -> None:
    report = scored(ready, settings, views)
    counted = {row["model"]: row["n"] for row in ready.query(PER_MODEL).to_pylist()}
    has = {
        name: ready.scalar(f"SELECT count(DISTINCT movie_id) FROM features.{name} WHERE present")  # noqa: S608
        for name in views
    }
    assert counted == {**has, "combined": N}
    assert report.scored == sum(counted.values())
    assert report.per_model == counted
    assert ready.scalar("SELECT count(*) FROM predictions.scores") == 18 * report.scored
    odd = ready.scalar(
        "SELECT count(*) FROM predictions.scores WHERE run_id IS DISTINCT FROM 'run' OR snapshot_id IS NULL "
        "OR input_hash IS NULL OR predicted <> (probability >= threshold)"
    )
    assert odd == 0
    batches = ready.query("SELECT sum(rows_landed) AS n FROM ops.batches WHERE stream LIKE 'predictions.%'")
    assert batches["n"][0].as_py() == 18 * report.scored


def test_what_is_scored_is_not_scored_again(ready: Warehouse, settings: ModelSettings, views: Views) -> None:
    every = ready.query("SELECT movie_id FROM core.movies ORDER BY movie_id")["movie_id"].to_numpy()
    few = score(ready, settings, views, label_set="movielens", movies=every[:10])
    assert few.per_model["combined"] == 10
    chosen = rows(ready)
    assert {row["movie_id"] for row in chosen} == set(every[:10].tolist())
    more = score(ready, settings, views, label_set="movielens", movies=every[:20])
    assert (more.per_model["combined"], more.unchanged) == (10, few.scored)
    rest = scored(ready, settings, views)
    assert (rest.per_model["combined"], rest.unchanged) == (N - 20, few.scored + more.scored)
    assert [row for row in rows(ready) if row["movie_id"] in set(every[:10].tolist())] == chosen
    before = ready.snapshot_id
    again = scored(ready, settings, views)
    assert (again.scored, again.unchanged, again.removed) == (0, rest.scored + rest.unchanged, 0)
    assert ready.snapshot_id == before


def test_neither_batches_nor_who_computes_them_makes_a_difference(
    ready: Warehouse, settings: ModelSettings, views: Views, clock: Clock
) -> None:
    small = dataclasses.replace(settings, batch_rows=37)  # some batches, and a rest
    scored(ready, small, views)
    in_small = rows(ready)

    def again(settings: ModelSettings, executor: Executor | None = None) -> list[dict[str, object]]:
        with ready.transaction() as tx:
            tx.delete_keys("predictions.scores", pa.table({"label_set": ["movielens"]}))
        score(ready, settings, views, label_set="movielens", executor=executor)
        return rows(ready)

    assert again(dataclasses.replace(settings, batch_rows=10_000)) == in_small
    with ThreadPoolExecutor(2) as pool:
        assert again(small, pool) == in_small


def test_a_changed_movie_alone_is_scored_again_and_its_old_scores_are_kept(
    ready: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views, clock: Clock
) -> None:
    scored(ready, settings, views)
    clock.turn(days=1)
    catalogue.change(13, overview="zombie zombie slasher")
    build_all(ready, views)
    report = scored(ready, settings, views)
    assert report.per_model["text"] == 1
    assert report.per_model["combined"] == 1
    assert report.per_model["tags"] == report.per_model["metadata"] == 0
    old = ready.query("SELECT DISTINCT movie_id, model FROM predictions.superseded ORDER BY model")
    assert old.to_pylist() == [{"movie_id": 13, "model": "combined"}, {"movie_id": 13, "model": "text"}]
    assert ready.scalar("SELECT count(*) FROM predictions.history WHERE movie_id = 13") == 36
    assert (
        ready.scalar("SELECT count(*) FROM predictions.current WHERE movie_id = 13 AND model = 'text'") == 18
    )


def test_a_deleted_movie_loses_its_scores_to_history(
    ready: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views, clock: Clock
) -> None:
    scored(ready, settings, views)
    models = ready.scalar("SELECT count(DISTINCT model) FROM predictions.current WHERE movie_id = 13")
    catalogue.change(13, deleted_at=clock())
    report = scored(ready, settings, views)
    assert report.removed == models > 2
    assert ready.scalar("SELECT count(*) FROM predictions.current WHERE movie_id = 13") == 0
    assert (
        ready.scalar("SELECT count(*) FROM predictions.superseded WHERE movie_id = 13") == 18 * report.removed
    )


def test_a_new_model_scores_everything_and_rolling_back_needs_no_scoring(
    ready: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views, clock: Clock
) -> None:
    from models import rollback

    scored(ready, settings, views)
    before = rows(ready)
    clock.turn(days=1)
    catalogue.change(12, tagline="gun gun gun")
    build_all(ready, views)
    lenient = dataclasses.replace(settings, seed=2)
    train(ready, lenient, views, label_set="movielens", models=["tags"])
    assert scored(ready, settings, views).per_model["tags"] > 100
    rollback(ready, "movielens", "tags")
    assert scored(ready, settings, views).per_model["tags"] == 0
    tags = [row for row in before if row["model"] == "tags"]
    assert [row for row in rows(ready) if row["model"] == "tags"] == tags


def test_changed_thresholds_are_applied(ready: Warehouse, settings: ModelSettings, views: Views) -> None:
    scored(ready, settings, views)
    entry = champion(ready, "movielens", "tags")
    assert entry is not None
    register(ready, dataclasses.replace(entry, thresholds={**entry.thresholds, "Drama": 0.0}))
    report = scored(ready, settings, views)
    assert report.per_model["tags"] > 100
    assert report.per_model["text"] == 0
    drama = "SELECT bool_and(predicted) FROM predictions.current WHERE model = 'tags' AND genre = 'Drama'"
    assert ready.scalar(drama) is True


def test_a_damaged_champion_is_refused_and_the_others_go_on(
    ready: Warehouse, settings: ModelSettings, views: Views
) -> None:
    entry = champion(ready, "movielens", "text")
    assert entry is not None
    (settings.model_dir / entry.artefact_path / "calibration.json").unlink()
    report = scored(ready, settings, views)
    assert list(report.refused) == ["text"]
    assert "were changed since" in report.refused["text"]
    assert report.per_model["tags"] > 100


def test_features_of_another_view_version_are_refused(
    ready: Warehouse, settings: ModelSettings, views: Views
) -> None:
    other = {**views, "text": Counted("text", "tagline")}
    build_all(ready, other)
    report = scored(ready, settings, other)
    assert set(report.refused) == {"text", "combined"}
    assert "was trained on another version of the view text" in report.refused["text"]
    assert report.per_model["metadata"] == N


def test_a_model_without_champion_is_refused_by_name_and_left_out_otherwise(
    wh: Warehouse, catalogue: Catalogue, settings: ModelSettings, views: Views
) -> None:
    catalogue.fill(20)
    assert scored(wh, settings, views).scored == 0
    with pytest.raises(NoModel, match="reelhouse train tags"):
        score(wh, settings, views, label_set="movielens", models=["tags"])


def test_the_combined_model_knows_what_is_missing(
    ready: Warehouse, settings: ModelSettings, views: Views
) -> None:
    scored(ready, settings, views)
    p = ready.query("SELECT probability FROM predictions.current WHERE model = 'combined'")["probability"]
    assert np.isfinite(p.to_numpy()).all()
