"""Systems that look at no movie have figures that can be said beforehand."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from models.baselines import trivial
from models.baselines.data import Data
from models.baselines.problem import Problem
from models.labels import SUBSETS
from models.metrics import exact_match, hamming_loss, jaccard, mean_auc


@pytest.fixture
def problem(data: Data) -> Problem:
    return data.problem("B")


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_prevalence_ranks_nothing(problem: Problem, rng: np.random.Generator) -> None:
    p = trivial.prevalence(problem, rng)
    assert mean_auc(problem.y, p) == 0.5
    assert p[0] == pytest.approx(problem.y[problem.rows("train")].mean(axis=0))


def test_the_commonest_set_is_a_set_that_movies_have(problem: Problem, rng: np.random.Generator) -> None:
    p = trivial.most_common_set(problem, rng)
    same = (problem.y[problem.rows("train")] == p[0]).all(axis=1).mean()
    sets = np.unique(problem.y[problem.rows("train")], axis=0, return_counts=True)[1]
    assert same == sets.max() / sets.sum()


def test_no_genre_and_every_genre(problem: Problem, rng: np.random.Generator) -> None:
    share = problem.y.mean()
    assert hamming_loss(problem.y, trivial.zeros(problem, rng)) == pytest.approx(share)
    assert hamming_loss(problem.y, trivial.ones(problem, rng)) == pytest.approx(1 - share)
    assert jaccard(problem.y, trivial.zeros(problem, rng)) == 0
    assert jaccard(problem.y, trivial.ones(problem, rng)) == pytest.approx(share)


def test_dice_follow_each_genre_or_all_of_them(problem: Problem, rng: np.random.Generator) -> None:
    own, common = trivial.dice_by_prevalence(problem, rng), trivial.dice_uniform(problem, rng)
    absent = problem.y.sum(axis=0) == 0
    assert absent.any()
    assert not own[:, absent].any()
    assert common[:, absent].any()
    assert trivial.coin(problem, rng).mean() == pytest.approx(0.5, abs=0.05)


def test_metrics_worked_by_hand() -> None:
    y = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 1]], float)
    d = np.array([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 1, 0]], float)
    assert hamming_loss(y, d) == pytest.approx(5 / 12)
    assert jaccard(y, d) == pytest.approx((1 / 2 + 1 + 0) / 3)
    assert exact_match(y, d) == pytest.approx(1 / 3)


@pytest.mark.real_data
def test_the_trivial_row_of_document_a_holds_on_real_movies(shared_data: Path) -> None:
    """0.5 and 0.79171 were published; prevalence over the eight genres is a fact of MovieLens."""

    genres = SUBSETS["movielens8"][1]
    with zipfile.ZipFile(shared_data / "movielens" / "ml-20m-partial.zip") as archive:
        name = next(one for one in archive.namelist() if one.endswith("movies.csv"))
        lines = archive.read(name).decode().splitlines()[1:]
    recent = [line for line in lines if any(f"({year})" in line for year in range(1995, 2016))]
    y = np.array([[genre in line.rsplit(",", 1)[1].split("|") for genre in genres] for line in recent], float)
    y = y[y.any(axis=1)]
    assert len(y) > 10_000
    accuracy = 1 - hamming_loss(y, np.zeros_like(y))
    assert accuracy == pytest.approx(0.79171, abs=0.01)
    assert mean_auc(y, np.tile(y.mean(axis=0), (len(y), 1))) == 0.5
