"""Neighbours by ratings find the genre that the same users like."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from models.baselines import ratings
from models.baselines.data import Data
from models.baselines.errors import NotRunnable


def test_a_movie_has_its_neighbours_genres() -> None:
    # users 0 and 1 like movies 0 to 2, users 2 and 3 like movies 3 to 5
    given = csr_matrix(np.kron(np.eye(2), np.ones((3, 2))) - 0.4)
    y = np.repeat(np.eye(2, dtype=np.float32), 3, axis=0)
    p = ratings.neighbours(given, np.array([0, 1, 3, 4]), y)
    assert (p.argmax(axis=1) == y.argmax(axis=1)).all()
    assert p.max() <= 1 and p.min() >= 0


def test_a_movie_never_counts_for_itself() -> None:
    given = csr_matrix(np.eye(3))
    y = np.array([[1, 0], [1, 0], [0, 1]], np.float32)
    p = ratings.neighbours(given, np.arange(3), y)
    assert p == pytest.approx(np.tile(y.mean(axis=0), (3, 1)))


def test_too_few_ratings_is_a_reason(data: Data, quiet: Callable[[int, int | None], None]) -> None:
    with pytest.raises(NotRunnable, match="ratings"):
        ratings.SYSTEMS[0].run(data, np.random.default_rng(0), quiet)
