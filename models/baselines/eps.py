"""Ensembles of pruned sets (Read, Pfahringer and Holmes 2008), with the defaults of R's utiml.

No Python package has the method.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from itertools import combinations
from typing import Any

import numpy as np

from models.labels import Floats

Set = frozenset[int]
_LARGEST_DECOMPOSED = 6
"""A set of more genres is decomposed into subsets of up to this many only: 2^n grows fast."""


class PrunedSets:
    """Label powerset without rare sets: a movie of a rare set is learnt under the set's frequent subsets.

    A set is frequent that more than `prune` movies have. `keep` subsets are taken, the largest and then most
    frequent first (strategy A).
    """

    def __init__(self, make: Callable[[], Any], prune: int = 3, keep: int = 2) -> None:
        self.make, self.prune, self.keep = make, prune, keep

    def fit(self, x: Floats, y: Floats) -> "PrunedSets":
        """Learn from `(n, k)` numbers and `(n, n_genres)` labels."""
        sets = [frozenset(np.flatnonzero(row).tolist()) for row in y]
        counts = Counter(sets)
        frequent = {genre_set: n for genre_set, n in counts.items() if n > self.prune}
        if not frequent:
            frequent = dict(counts.most_common(1))
        number = {genre_set: i for i, genre_set in enumerate(frequent)}
        rows: list[int] = []
        classes: list[int] = []
        for row, genre_set in enumerate(sets):
            for subset in [genre_set] if genre_set in number else self._subsets(genre_set, frequent):
                rows.append(row)
                classes.append(number[subset])
        self.sets = np.zeros((len(number), y.shape[1]), np.float32)
        for genre_set, i in number.items():
            self.sets[i, list(genre_set)] = 1
        self.model = self.make().fit(x[rows], np.array(classes))
        return self

    def _subsets(self, genre_set: Set, frequent: dict[Set, int]) -> list[Set]:
        subsets = [part for part in _parts(genre_set) if part in frequent]
        subsets.sort(key=lambda part: (-len(part), -frequent[part], sorted(part)))
        return subsets[: self.keep]

    def set_probabilities(self, x: Floats) -> tuple[Floats, Floats]:
        """Return `(n, n_sets)` and the sets, `(n_sets, n_genres)`."""
        return np.asarray(self.model.predict_proba(x), np.float32), self.sets[self.model.classes_]


def _parts(genre_set: Set) -> Iterator[Set]:
    for size in range(min(len(genre_set) - 1, _LARGEST_DECOMPOSED), 0, -1):
        for part in combinations(sorted(genre_set), size):
            yield frozenset(part)


class EnsembleOfPrunedSets:
    """`members` pruned sets, each of a draw of `share` of the movies; their answers are averaged.

    A member answers with its most probable set (`votes`), as utiml's majority does.
    """

    def __init__(
        self, make: Callable[[], Any], rng: np.random.Generator, members: int = 10, share: float = 0.75
    ) -> None:
        self.make, self.rng, self.members, self.share = make, rng, members, share

    def fit(self, x: Floats, y: Floats, progress: Callable[[int, int | None], None] | None = None) -> None:
        """Learn from `(n, k)` numbers and `(n, n_genres)` labels."""
        self.fitted = []
        for member in range(self.members):
            rows = self.rng.choice(len(x), max(1, int(self.share * len(x))), replace=False)
            self.fitted.append(PrunedSets(self.make).fit(x[rows], y[rows]))
            if progress:
                progress(member + 1, self.members)

    def predict_proba(self, x: Floats) -> Floats:
        """Return the mean over members of each genre's probability, `(n, n_genres) float32`."""
        parts = [p @ sets for p, sets in (member.set_probabilities(x) for member in self.fitted)]
        return np.asarray(np.mean(parts, axis=0), np.float32)

    def votes(self, x: Floats) -> Floats:
        """Return the share of members whose most probable set has the genre, `(n, n_genres) float32`."""
        answers = (member.set_probabilities(x) for member in self.fitted)
        return np.asarray(np.mean([sets[p.argmax(axis=1)] for p, sets in answers], axis=0), np.float32)
