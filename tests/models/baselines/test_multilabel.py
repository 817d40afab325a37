"""The ensembles learn, and each is good at what it is for."""

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from models.baselines import multilabel
from models.baselines.eps import EnsembleOfPrunedSets, PrunedSets
from models.baselines.homer import Homer, balanced_clusters
from models.metrics import exact_match, jaccard, mean_auc

METHODS = (
    multilabel.binary_relevance,
    multilabel.chains,
    multilabel.rakel,
    multilabel.pruned_sets,
    multilabel.homer,
    multilabel.ml_knn,
)
SETS = np.array([[1, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 1, 1, 0], [1, 0, 0, 0, 1]], np.float32)


def _small() -> RandomForestClassifier:
    return RandomForestClassifier(10, random_state=0)


@pytest.fixture
def movies() -> tuple[np.ndarray, np.ndarray]:
    """Numbers that tell one of four sets of genres, with noise."""
    rng = np.random.default_rng(3)
    kind = rng.integers(4, size=240)
    x = np.eye(4)[kind] + rng.normal(0, 0.45, (240, 4))
    return x.astype(np.float32), SETS[kind]


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.__name__)
def test_a_method_learns(
    method: multilabel.Method,
    movies: tuple[np.ndarray, np.ndarray],
    quiet: Callable[[int, int | None], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(multilabel, "TREES", 8)
    x, y = movies
    p, d = method(x[:180], y[:180], x[180:], np.random.default_rng(0), 1, quiet)
    assert p.shape == d.shape == (60, 5)
    assert p.min() >= 0 and p.max() <= 1 + 1e-6
    assert set(np.unique(d)) <= {0, 1}
    assert mean_auc(y[180:], p) > 0.8
    assert jaccard(y[180:], d) > 0.5


def test_the_same_generator_gives_the_same_answer(
    movies: tuple[np.ndarray, np.ndarray], quiet: Callable[[int, int | None], None]
) -> None:
    x, y = movies
    first, second = (
        multilabel.pruned_sets(x[:80], y[:80], x[80:], np.random.default_rng(5), 1, quiet) for _ in range(2)
    )
    assert np.array_equal(first[0], second[0])


def test_pruned_sets_answer_with_sets_that_movies_have(movies: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = movies
    model = EnsembleOfPrunedSets(_small, np.random.default_rng(0), members=1)
    model.fit(x, y)
    answers = {tuple(row) for row in model.votes(x)}
    assert answers <= {tuple(row) for row in SETS}


def test_a_rare_set_is_learnt_under_its_frequent_parts() -> None:
    y = np.array([[1, 0, 0]] * 6 + [[0, 1, 0]] * 5 + [[1, 1, 0]] * 4 + [[1, 1, 1]], np.float32)
    model = PrunedSets(_small, prune=3, keep=2).fit(np.arange(16.0)[:, None], y)
    assert {tuple(row) for row in model.sets} == {(1, 0, 0), (0, 1, 0), (1, 1, 0)}
    # of {0, 1, 2}, the subset of two and the more frequent one of one: two copies of the movie
    assert model._subsets(
        frozenset({0, 1, 2}), {frozenset({0}): 6, frozenset({1}): 5, frozenset({0, 1}): 4}
    ) == [
        frozenset({0, 1}),
        frozenset({0}),
    ]


def test_where_every_set_is_rare_the_commonest_stays() -> None:
    y = np.eye(3, dtype=np.float32)
    p, sets = PrunedSets(_small).fit(np.arange(3.0)[:, None], y).set_probabilities(np.zeros((2, 1)))
    assert p.shape == (2, 1) and sets.shape == (1, 3)


def test_clusters_are_balanced_and_near() -> None:
    vectors = np.concatenate([np.zeros((4, 2)), np.ones((4, 2)) * 9, np.ones((1, 2)) * 5])
    groups = balanced_clusters(vectors, 3, np.random.default_rng(0))
    assert sorted(np.concatenate(groups).tolist()) == list(range(9))
    assert max(len(group) for group in groups) <= 3


def test_homer_decides_by_the_whole_path(movies: tuple[np.ndarray, np.ndarray]) -> None:
    x, y = movies
    p, d = Homer(_small, np.random.default_rng(0)).fit(x, y).predict(x)
    assert (p <= 1).all()
    assert exact_match(y, d) > 0.8
    untaught = np.zeros((len(x), 1), np.float32)
    widened = np.hstack([y, untaught])
    p, d = Homer(_small, np.random.default_rng(0)).fit(x, widened).predict(x)
    assert not d[:, 5].any()


def test_label_sets_hold_every_genre() -> None:
    drawn = multilabel.label_sets(7, 3, 14, np.random.default_rng(0))
    assert len(drawn) == 14
    assert {genre for one in drawn for genre in one.tolist()} == set(range(7))
    assert len({tuple(one) for one in drawn}) == 14
    assert len(multilabel.label_sets(4, 3, 99, np.random.default_rng(0))) == 4
    assert [one.tolist() for one in multilabel.label_sets(2, 3, 4, np.random.default_rng(0))] == [[0, 1]]
