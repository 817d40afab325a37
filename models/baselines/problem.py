"""A problem: the movies, labels and inputs that one document's systems are run on."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from models import split
from models.baselines.errors import NotRunnable
from models.labels import Bools, Floats, Ids

Rows = npt.NDArray[np.intp]
LEAST_MOVIES = 10
"""Fewer labelled movies than this in a part, and nothing that is measured on it means anything."""


@dataclass(frozen=True)
class StoredPoster:
    """One poster of the content-addressed store.

    Its text names the arrays and results that are kept on disk, so it does not follow the name of the class.

    >>> StoredPoster("0a", "JPEG")
    Poster(sha256='0a', format='JPEG')
    """

    sha256: str
    format: str

    def __repr__(self) -> str:
        return f"Poster(sha256={self.sha256!r}, format={self.format!r})"


@dataclass(frozen=True)
class Problem:
    """Labelled movies, a row each, in order of `movie_ids`.

    `y` is `(n, n_genres) float32` of zeros and ones; `buckets` `(n,) int8` is the project's split (0 test,
    1 validation, else training); `numbers` is `(n, n_numbers) float32` with NaN for what is unknown; `tags`
    holds each movie's tags with the number of users; `posters` None where a movie has none.
    """

    name: str
    genres: tuple[str, ...]
    movie_ids: Ids
    y: Floats
    buckets: split.Buckets
    numbers: Floats
    number_names: tuple[str, ...]
    tags: tuple[Mapping[str, int], ...] = ()
    overviews: tuple[str, ...] = ()
    posters: tuple[StoredPoster | None, ...] = ()
    titles: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        for part in ("train", "validation", "test"):
            if len(self.rows(part)) < LEAST_MOVIES:
                raise NotRunnable(
                    f"problem {self.name}: {len(self.rows(part))} {part} movies of {len(self.y)} labelled "
                    f"ones; it needs {LEAST_MOVIES}. Ingest more movies"
                )

    def rows(self, part: str) -> Rows:
        """Return the rows of ``train``, ``validation`` or ``test``."""
        masks: dict[str, Bools] = {
            "train": split.training(self.buckets),
            "validation": np.asarray(self.buckets == split.VALIDATION),
            "test": np.asarray(self.buckets == split.TEST),
        }
        return np.flatnonzero(masks[part])

    def fingerprint(self) -> str:
        """Return SHA-256 over everything that a system may read.

        So a changed movie makes a new result.
        """
        digest = hashlib.sha256()
        for array in (self.movie_ids, self.y, self.buckets, self.numbers):
            digest.update(repr((array.shape, array.dtype.str)).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        digest.update(repr((self.name, self.genres, self.number_names)).encode())
        for tags in self.tags:
            digest.update(repr(sorted(tags.items())).encode())
        for text in self.overviews:
            digest.update(text.encode() + b"\0")
        for poster in self.posters:
            digest.update(repr(poster).encode())
        return digest.hexdigest()
