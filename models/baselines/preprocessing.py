"""The documents' preprocessing, each step by name, over plain arrays.

Everything that learns from data takes the training rows, so that no step sees a movie that it is judged on.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
from sklearn.feature_selection import chi2, f_classif
from torch import Tensor

from models.labels import Bools, Floats

Doubles = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
V = TypeVar("V")
_PUNCTUATION = re.compile(r"[^\w\s]|_")


def english_since(
    languages: Sequence[str | None], years: Sequence[int | None], since: int = 1995, *, unknown: bool = False
) -> Bools:
    """Return which movies are English and of `since` or later, `(n,) bool` (A05).

    `unknown=True` keeps movies whose language no source gives; a movie without a year is never kept.
    """
    kept = [
        (language == "en" or (unknown and language is None)) and year is not None and year >= since
        for language, year in zip(languages, years, strict=True)
    ]
    return np.array(kept, bool)


def genre_floor(y: Floats, share: float = 0.05) -> Rows:
    """Return the columns of genres with at least that share of all genre occurrences (A07).

    The columns are in order.
    """
    occurrences = y.sum(axis=0, dtype=np.float64)
    return np.flatnonzero(occurrences >= share * max(occurrences.sum(), 1))


def plain_tag(tag: str) -> str:
    """Return a tag in lower case without punctuation, as document A writes it (A08).

    >>> plain_tag("Sci-Fi!")
    'scifi'
    """
    return _PUNCTUATION.sub("", tag.lower()).strip()


@dataclass(frozen=True)
class TagRules:
    """Document A's rules: no tag that equals a genre's name, the `top` most frequent, each applied
    `at_least` times to a movie (A08 to A11)."""

    genres: tuple[str, ...]
    top: int = 400
    at_least: int = 2

    def vocabulary(self, movies: Sequence[Mapping[str, int]]) -> tuple[str, ...]:
        """Return the kept tags of the movies learnt from, the most frequently applied first."""
        named = {genre.lower() for genre in self.genres}
        applied: Counter[str] = Counter()
        for tags in movies:
            for tag, users in tags.items():
                applied[plain_tag(tag)] += users
        ranked = sorted((-n, tag) for tag, n in applied.items() if tag and tag not in named)
        return tuple(tag for _, tag in ranked[: self.top])

    def bag(self, movies: Sequence[Mapping[str, int]], vocabulary: Sequence[str]) -> Floats:
        """Return which tags each movie keeps, `(n, n_tags) float32` of zeros and ones (A14)."""
        number = {tag: i for i, tag in enumerate(vocabulary)}
        out = np.zeros((len(movies), len(vocabulary)), np.float32)
        for row, tags in enumerate(movies):
            together: Counter[str] = Counter()
            for tag, users in tags.items():
                together[plain_tag(tag)] += users
            for tag, users in together.items():
                if users >= self.at_least and tag in number:
                    out[row, number[tag]] = 1
        return out


def balanced_sample(y: Floats, per_genre: int | None = None) -> tuple[Rows, Floats]:
    """Return (rows, labels) of document D's balanced genre sampling, as its code does it (D05).

    The first `per_genre` rows of every genre (by default as many as the rarest has) keep that label; a row's
    labels outside its genres' first rows are lost, which the document does not say.
    """
    per_genre = int(y.sum(axis=0).min()) if per_genre is None else per_genre
    kept = np.zeros_like(y)
    for genre in range(y.shape[1]):
        kept[np.flatnonzero(y[:, genre])[:per_genre], genre] = 1
    rows = np.flatnonzero(kept.any(axis=1))
    return rows, kept[rows]


@dataclass(frozen=True)
class Scaling:
    """Median imputation and standardisation, fitted on training rows."""

    middle: Doubles
    mean: Doubles
    deviation: Doubles

    @classmethod
    def fit(cls, x: Floats) -> "Scaling":
        """Fit on `(n, n_numbers)` with NaN for unknown; a column without any value becomes zero."""
        known = np.isfinite(x).any(axis=0)
        middle = np.zeros(x.shape[1], np.float64)
        middle[known] = np.nanmedian(x[:, known], axis=0)
        filled = np.where(np.isfinite(x), x, middle)
        deviation = filled.std(axis=0)
        return cls(middle, np.asarray(filled.mean(axis=0)), np.where(deviation > 0, deviation, 1.0))

    def apply(self, x: Floats) -> Floats:
        """Return the numbers filled and standardised, float32."""
        filled = np.where(np.isfinite(x), x, self.middle)
        return ((filled - self.mean) / self.deviation).astype(np.float32)


def anova(x: Floats, y: Floats) -> Floats:
    """Return ANOVA's F of every number against every genre, `(n_numbers, n_genres)` (D02).

    It is 0 where undefined.
    """
    return np.stack([_defined(f_classif, x, labels) for labels in y.T], axis=1)


def chi_square(x: Floats, y: Floats) -> Floats:
    """Return chi-square of every non-negative column against every genre (D02).

    The shape is `(n_columns, n_genres)`; it is 0 where undefined.
    """
    return np.stack([_defined(chi2, x, labels) for labels in y.T], axis=1)


def correlation(x: Floats) -> Floats:
    """Return Pearson's correlation of the columns, `(k, k)`; 0 where a column is constant (D02)."""
    centred = x - x.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    unit = centred / np.where(length > 0, length, 1)
    return np.asarray(unit.T @ unit, np.float32)


def _defined(score: Callable[[Floats, Floats], tuple[Floats, Floats]], x: Floats, labels: Floats) -> Floats:
    varied = np.flatnonzero(x.std(axis=0) > 0)
    out = np.zeros(x.shape[1], np.float32)
    if len(varied) and 0 < labels.sum() < len(labels):
        out[varied] = np.nan_to_num(score(x[:, varied], labels)[0])
    return out


def drop_features(
    names: Sequence[str], score: Callable[[Sequence[str]], float], *, keep: Collection[str] = ()
) -> tuple[str, ...]:
    """Return the features left after one pass that drops each whose absence does not lower `score` (E11).

    Those in `keep` stay.
    """
    left = tuple(names)
    best = score(left)
    for name in names:
        fewer = tuple(other for other in left if other != name)
        if name in keep or not fewer:
            continue
        value = score(fewer)
        if value >= best:
            left, best = fewer, value
    return left


def coordinate_search(
    start: Mapping[str, V], choices: Mapping[str, Sequence[V]], score: Callable[[Mapping[str, V]], float]
) -> dict[str, V]:
    """Return the settings after one pass that tries each setting's choices with the others held (E11)."""
    settings = dict(start)
    best = score(settings)
    for name, values in choices.items():
        for value in values:
            if value == settings[name]:
                continue
            tried = {**settings, name: value}
            result = score(tried)
            if result > best:
                settings, best = tried, result
    return settings


def augment(pixels: Tensor, shift: float = 0.08, brightness: float = 0.15) -> Tensor:
    """Return a batch `(n, 3, h, w)` mirrored at random, shifted, and lighter or darker.

    The shift is up to `shift` of the batch's size. A30's hook and C12's remedy. Draws from torch's own
    generator.
    """
    n, _, height, width = pixels.shape
    mirrored = torch.where(torch.rand(n, 1, 1, 1) < 0.5, pixels.flip(3), pixels)
    down, across = (
        int(torch.randint(-int(shift * size), int(shift * size) + 1, ())) for size in (height, width)
    )
    moved = torch.roll(mirrored, (down, across), (2, 3))
    return moved * (1 + brightness * (2 * torch.rand(n, 1, 1, 1) - 1))
