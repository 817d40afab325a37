"""Trials on other splits, and how the models stand by them."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models import dataset, model_names
from models.experiments import leaderboard
from models.experiments.splits import Trial, resplit, trial
from models.split import bucket_of
from tests.models.conftest import Trained

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("trials")


@pytest.fixture(scope="module")
def tried(trained_lake: Trained, directory: Path) -> Trial:
    return again(trained_lake, directory)


def again(lake: Trained, directory: Path, ticks: list[int] | None = None) -> Trial:
    return trial(
        lake.warehouse,
        lake.settings,
        lake.views,
        dataset.load(lake.warehouse, lake.views),
        label_set_name="movielens",
        split=1,
        directory=directory,
        progress=lambda done, total: None if ticks is None else ticks.append(done),
    )


def test_another_split_deals_the_movies_out_anew(trained_lake: Trained) -> None:
    data = dataset.load(trained_lake.warehouse, trained_lake.views)
    other = resplit(trained_lake.warehouse, data, 3)
    expected = [bucket_of(f"tt{i:07}", 3) for i in data.movie_ids]
    assert other.buckets.tolist() == expected
    assert 0.8 < np.mean(other.buckets != data.buckets) < 1
    assert resplit(trained_lake.warehouse, data, 0) is data


def test_a_trial_judges_the_movies_of_its_own_split(tried: Trial) -> None:
    assert {bucket_of(f"tt{i:07}", 1) for i in tried.movie_ids} == {0}
    assert set(tried.p) == {"metadata", "tags", "text", "poster", "combined"}
    assert len(tried.degraded) == 15
    assert all(len(p) == tried.whole.sum() for p in tried.degraded.values())


def test_a_finished_trial_is_read_and_not_done_again(
    trained_lake: Trained, tried: Trial, directory: Path
) -> None:
    ticks: list[int] = []
    read = again(trained_lake, directory, ticks)
    assert ticks == []
    assert (read.p["combined"] == tried.p["combined"]).all()
    assert read.plain.keys() == tried.plain.keys()
    assert read.cost == tried.cost


def test_hiding_nothing_is_what_the_combined_model_says(tried: Trial) -> None:
    everything = tried.degraded["metadata", "tags", "text", "poster"]
    assert (everything == tried.p["combined"][tried.whole]).all()


@pytest.mark.parametrize("name", ["metadata", "tags", "text", "poster"])
def test_a_modality_that_is_alone_is_taken_at_its_word(tried: Trial, name: str) -> None:
    assert (tried.degraded[name,] == tried.p[name][tried.whole]).all()


def test_the_table_shows_every_model_its_baseline_and_what_hiding_costs(tried: Trial) -> None:
    found = leaderboard.report([tried, replace(tried, split=2)], resamples=20)
    text = leaderboard.text(found)
    assert "±" in text
    assert all(re.search(rf"^{model} +0\.\d", text, re.M) for model in model_names())
    assert "against the best plain baseline" in text
    assert "3 hidden  tags" in text
    assert found.as_json()["problem"] == "movielens8"
    singles = {one.model: one.values["auc"] for one in found.standings}
    assert singles["combined"] > 0.6


def test_calibration_errors_stand_beside_what_chance_gives(tried: Trial) -> None:
    rows = leaderboard.calibration([tried] * 8)
    assert rows
    assert all(row.positives >= 100 and 0 < row.by_chance < 0.1 for row in rows)
