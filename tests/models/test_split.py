"""The split is a function of the movie."""

import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.split import bucket_of, folds, training


@given(st.text(min_size=1, max_size=12))
def test_the_bucket_is_the_designs_formula(key: str) -> None:
    assert bucket_of(key) == int(hashlib.sha256(key.encode()).hexdigest(), 16) % 10


@given(st.integers(0, 10**7), st.integers(1, 5))
def test_other_splits_are_functions_of_the_movie_too(number: int, split: int) -> None:
    key = f"tt{number:07}"
    assert bucket_of(key, split) == bucket_of(key, split)
    assert 0 <= bucket_of(key, split) < 10


def test_other_splits_are_other_splits() -> None:
    keys = [f"tt{i:07}" for i in range(500)]
    assert [bucket_of(k) for k in keys] != [bucket_of(k, 1) for k in keys]


def test_folds_hold_whole_buckets_of_training_movies_only() -> None:
    buckets = np.repeat(np.arange(10, dtype=np.int8), 3)
    group = folds(buckets, 4)
    assert (group[~training(buckets)] == -1).all()
    for bucket in range(2, 10):
        assert len(set(group[buckets == bucket])) == 1
    assert set(group[training(buckets)]) == {0, 1, 2, 3}
