"""The split: a function of the movie alone, so that no run leaks into another."""

import hashlib

import numpy as np
import numpy.typing as npt

from models.labels import Bools

TEST = 0
VALIDATION = 1
FIRST_TRAINING = 2
BUCKETS = 10

Buckets = npt.NDArray[np.int8]


def bucket_of(split_key: str, split: int = 0) -> int:
    """Return the bucket of a movie: 0 test, 1 validation, 2 to 9 training.

    `split_key` is the IMDb id, or ``tmdb:<id>`` where there is none. `split` gives other splits for claims
    about spread: split 0 is the project's split.

    >>> bucket_of("tt0113101"), bucket_of("tmdb:5")
    (1, 9)
    """
    text = split_key if split == 0 else f"{split_key}#{split}"
    return int(hashlib.sha256(text.encode()).hexdigest(), 16) % BUCKETS


def training(buckets: Buckets) -> Bools:
    """Return which movies may be learnt from."""
    return np.asarray(buckets >= FIRST_TRAINING)


def folds(buckets: Buckets, n_folds: int) -> npt.NDArray[np.int8]:
    """Return the out-of-fold group of each movie: 0..n_folds-1 for training movies, -1 for the others.

    Groups are whole buckets, so that movies which must go together do.
    """
    return np.where(training(buckets), (buckets - FIRST_TRAINING) % n_folds, -1).astype(np.int8)
