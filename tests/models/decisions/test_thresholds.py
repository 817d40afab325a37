"""Thresholds are chosen for their aim, and drawn together where there is little to go by."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from models.decisions.thresholds import Aim, choose, decide
from models.errors import ModelError

RNG = np.random.default_rng(5)
SHARES = np.array([0.4, 0.2, 0.05])
P = np.clip(RNG.beta(1, 4, (3_000, 3)), 0, 1).astype(np.float32)
Y = (RNG.random((3_000, 3)) < P).astype(np.float32)


def test_without_shrinkage_the_f1_threshold_is_the_best_of_the_grid() -> None:
    chosen = choose(Y, P, shrinkage=0)
    for genre in range(3):
        best = max(
            f1_score(Y[:, genre], P[:, genre] >= t, zero_division=0) for t in np.arange(0.02, 0.981, 0.01)
        )
        assert f1_score(Y[:, genre], P[:, genre] >= chosen[genre]) == pytest.approx(best, abs=2e-3)


def test_of_calibrated_probabilities_the_accuracy_threshold_is_a_half() -> None:
    assert choose(Y, P, Aim("accuracy"), shrinkage=0) == pytest.approx(np.full(3, 0.5), abs=0.15)


def test_a_precision_is_kept_on_the_movies_that_it_was_chosen_on() -> None:
    chosen = choose(Y, P, Aim("precision", at_least=0.5), shrinkage=0)
    for genre in range(3):
        predicted = P[:, genre] >= chosen[genre]
        assert Y[predicted, genre].mean() >= 0.5


def test_a_rare_genre_is_drawn_to_the_common_threshold() -> None:
    y = np.zeros((200, 2), np.float32)
    p = np.full((200, 2), 0.1, np.float32)
    y[:100, 0], p[:100, 0] = 1, 0.6
    y[0, 1], p[0, 1] = 1, 0.95
    free, drawn = choose(y, p, shrinkage=0), choose(y, p, shrinkage=50)
    assert drawn[1] < free[1]
    assert abs(drawn[1] - drawn[0]) < abs(free[1] - free[0])


def test_a_genre_that_no_movie_has_gets_the_common_threshold() -> None:
    y = np.stack([Y[:, 0], np.zeros(len(Y))], axis=1).astype(np.float32)
    chosen = choose(y, P[:, :2])
    assert 0 < chosen[1] < 1


def test_one_movie_gives_a_half() -> None:
    assert choose(Y[:1], P[:1]).tolist() == [0.5, 0.5, 0.5]


def test_a_genre_is_predicted_from_its_threshold_on() -> None:
    p = np.array([[0.3, 0.29]], np.float32)
    assert decide(p, np.array([0.3, 0.3], np.float32)).tolist() == [[True, False]]


def test_an_unknown_aim_is_refused() -> None:
    with pytest.raises(ModelError, match="no aim 'fame'"):
        Aim("fame")
