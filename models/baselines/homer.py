"""HOMER, the hierarchy of multi-label classifiers (Tsoumakas, Katakis and Vlahavas 2008).

No Python package has the method. The defaults are those of R's utiml: three balanced clusters per node.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from models.labels import Floats

Columns = npt.NDArray[np.intp]


def balanced_clusters(vectors: Floats, k: int, rng: np.random.Generator, rounds: int = 20) -> list[Columns]:
    """Return up to `k` groups of at most ceil(n / k) rows, near ones together (balanced k-means).

    In each round the rows choose among the centres with room left, those with the clearest choice first.
    """
    n = len(vectors)
    room = -(-n // k)
    centres = vectors[rng.choice(n, k, replace=False)].astype(np.float64)
    group = np.full(n, -1)
    for _ in range(rounds):
        distance = ((vectors[:, None] - centres[None]) ** 2).sum(axis=2)
        order = np.argsort(distance.min(axis=1) - distance.mean(axis=1), kind="stable")
        new, left = np.full(n, -1), np.full(k, room)
        for row in order:
            choice = int(np.argmin(np.where(left > 0, distance[row], np.inf)))
            new[row], left[choice] = choice, left[choice] - 1
        if (new == group).all():
            break
        group = new
        for cluster in range(k):
            if (group == cluster).any():
                centres[cluster] = vectors[group == cluster].mean(axis=0)
    return [np.flatnonzero(group == cluster) for cluster in range(k) if (group == cluster).any()]


class Homer:
    """A tree of groups of genres; at each node a classifier per child says whether the movie has any of its
    genres, learnt from the movies that have any of the node's.

    `make` gives an unfitted probabilistic classifier of one label.
    """

    def __init__(self, make: Callable[[], Any], rng: np.random.Generator, clusters: int = 3) -> None:
        self.make, self.rng, self.clusters = make, rng, clusters

    def fit(self, x: Floats, y: Floats, columns: Columns | None = None) -> "Homer":
        """Learn from `(n, k)` numbers and `(n, n_genres)` labels; `columns` are this node's genres."""
        self.n_genres = y.shape[1]
        self.columns = np.arange(y.shape[1]) if columns is None else columns
        groups = [np.array([column]) for column in self.columns]
        if len(self.columns) > self.clusters:
            parts = balanced_clusters(y[:, self.columns].T, self.clusters, self.rng)
            groups = [self.columns[group] for group in parts]
        rows = np.flatnonzero(y[:, self.columns].any(axis=1))
        self.children: list[tuple[Columns, Any, Homer | None]] = []
        for group in groups:
            target = np.asarray(y[rows][:, group].any(axis=1))
            model = (
                self.make().fit(x[rows], target) if 0 < target.sum() < len(target) else float(target.any())
            )
            below = None
            if len(group) > 1:
                below = Homer(self.make, self.rng, self.clusters).fit(x, y, group)
            self.children.append((group, model, below))
        return self

    def predict(self, x: Floats, cut: float = 0.5) -> tuple[Floats, Floats]:
        """Return probabilities and decisions, both `(n, n_genres) float32`.

        Probabilities are products along the path. Every node on the path must affirm a decision.
        """
        p = np.zeros((len(x), self.n_genres), np.float32)
        d = np.zeros((len(x), self.n_genres), np.float32)
        for group, model, below in self.children:
            own = np.full(len(x), model) if isinstance(model, float) else model.predict_proba(x)[:, 1]
            under, decided = (1.0, 1.0) if below is None else below.predict(x, cut)
            if below is None:
                p[:, group[0]] = own
                d[:, group[0]] = own >= cut
            else:
                p += own[:, None] * under
                d += (own >= cut)[:, None] * decided
        return p, d
