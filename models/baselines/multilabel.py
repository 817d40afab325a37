"""Methods for several labels at once, over random forests (B11 to B15) and nearest neighbours.

Binary relevance, label powersets and ML-kNN are scikit-multilearn-ng's, chains are scikit-learn's; pruned
sets and HOMER are in modules of their own. Settings are the defaults of R's utiml (B32).
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.multioutput import ClassifierChain
from skmultilearn.adapt import MLkNN  # type: ignore[import-untyped,unused-ignore]
from skmultilearn.problem_transform import (  # type: ignore[import-untyped,unused-ignore]
    BinaryRelevance,
    LabelPowerset,
)

from models.baselines.classic import forest, varied
from models.baselines.data import Data
from models.baselines.eps import EnsembleOfPrunedSets
from models.baselines.homer import Columns, Homer
from models.baselines.preprocessing import Scaling
from models.baselines.registry import Run, System
from models.baselines.scores import Progress, Scores, judge
from models.baselines.thresholding import fixed
from models.labels import Floats

MEMBERS = 10
SHARE = 0.75
TREES = 40
"""Per forest: an ensemble of ten forests has four hundred trees."""

Answer = tuple[Floats, Floats]
Method = Callable[[Floats, Floats, Floats, np.random.Generator, int, Progress], Answer]
"""From training numbers and labels and all numbers: probabilities and decisions of all movies."""


def _forest(rng: np.random.Generator, threads: int) -> Any:
    return forest(int(rng.integers(2**31)), threads).set_params(n_estimators=TREES)


def binary_relevance(
    x: Floats, y: Floats, wanted: Floats, rng: np.random.Generator, threads: int, progress: Progress
) -> Answer:
    """Run B11: a forest per genre."""
    learnt = varied(y)
    model = BinaryRelevance(_forest(rng, threads).set_params(n_estimators=100))
    model.fit(x, y[:, learnt].astype(int))
    p = np.repeat(y[:1], len(wanted), axis=0)
    p[:, learnt] = _dense(model.predict_proba(wanted))
    return p, _cut(p)


def chains(
    x: Floats, y: Floats, wanted: Floats, rng: np.random.Generator, threads: int, progress: Progress
) -> Answer:
    """Run B12: ten chains of forests in random order, each over three quarters of the movies.

    Probabilities are the mean over the chains.
    """
    total = np.zeros((len(wanted), y.shape[1]), np.float64)
    for member in range(MEMBERS):
        rows = rng.choice(len(x), max(1, int(SHARE * len(x))), replace=False)
        learnable = varied(y[rows])
        chain = ClassifierChain(_forest(rng, threads), order="random", random_state=int(rng.integers(2**31)))
        chain.fit(x[rows], y[rows][:, learnable].astype(int))
        total[:, learnable] += chain.predict_proba(wanted)
        progress(member + 1, MEMBERS)
    p = (total / MEMBERS).astype(np.float32)
    return p, _cut(p)


def label_sets(n_genres: int, size: int, count: int, rng: np.random.Generator) -> list[Columns]:
    """Return up to `count` different sets of `size` genres, drawn so that every genre is in one.

    The library's own draw uses Python's global generator and never ends where there are fewer sets than
    wanted.
    """
    if n_genres <= size:
        return [np.arange(n_genres)]
    order = np.resize(rng.permutation(n_genres), -(-n_genres // size) * size)
    draws = {tuple(sorted(part)) for part in order.reshape(-1, size).tolist()}
    for _ in range(20 * count):
        if len(draws) >= count:
            break
        draws.add(tuple(sorted(rng.choice(n_genres, size, replace=False).tolist())))
    return [np.array(genres) for genres in sorted(draws)]


def rakel(
    x: Floats, y: Floats, wanted: Floats, rng: np.random.Generator, threads: int, progress: Progress
) -> Answer:
    """Run B13: twice as many label powersets as genres, of three genres each.

    Decisions are by votes, probabilities means of the powersets'.
    """
    votes, total = (np.zeros((len(wanted), y.shape[1])) for _ in range(2))
    counts = np.zeros(y.shape[1])
    for number, genres in enumerate(drawn := label_sets(y.shape[1], 3, 2 * y.shape[1], rng)):
        part = LabelPowerset(_forest(rng, threads)).fit(x, y[:, genres].astype(int))
        votes[:, genres] += _dense(part.predict(wanted))
        total[:, genres] += _dense(part.predict_proba(wanted))
        counts[genres] += 1
        progress(number + 1, len(drawn))
    return (total / counts).astype(np.float32), _cut((votes / counts).astype(np.float32))


def pruned_sets(
    x: Floats, y: Floats, wanted: Floats, rng: np.random.Generator, threads: int, progress: Progress
) -> Answer:
    """Run B14: ten pruned sets, deciding for the genres that most members' sets have."""
    model = EnsembleOfPrunedSets(lambda: _forest(rng, threads), rng, MEMBERS, SHARE)
    model.fit(x, y, progress)
    return model.predict_proba(wanted), _cut(model.votes(wanted))


def homer(
    x: Floats, y: Floats, wanted: Floats, rng: np.random.Generator, threads: int, progress: Progress
) -> Answer:
    """Run B15: a tree of three groups each."""
    return Homer(lambda: _forest(rng, threads), rng).fit(x, y).predict(wanted)


def ml_knn(
    x: Floats, y: Floats, wanted: Floats, rng: np.random.Generator, threads: int, progress: Progress
) -> Answer:
    """Run ML-kNN of Zhang and Zhou 2007: ten neighbours, smoothing 1."""
    model = MLkNN(k=min(10, len(x) - 1), s=1.0).fit(x, y.astype(int))
    p = _dense(model.predict_proba(wanted))
    return p, _cut(p)


def _dense(given: Any) -> Floats:
    return np.asarray(given.toarray() if hasattr(given, "toarray") else given, np.float32)


def _cut(p: Floats) -> Floats:
    return (p >= 0.5).astype(np.float32)


def _run(name: str, method: Method) -> Run:
    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(name)
        rows = problem.rows("train")
        x = Scaling.fit(problem.numbers[rows]).apply(problem.numbers)
        judged = np.concatenate([problem.rows("validation"), problem.rows("test")])
        p, d = np.zeros_like(problem.y), np.zeros_like(problem.y)
        p[judged], d[judged] = method(x[rows], problem.y[rows], x[judged], rng, data.threads, progress)
        return judge(problem, p, fixed(0.5), decided=d)

    return run


_NOISE = "it is for exact matches; on some 570 movies a difference below .02 from B11 to B15 is noise"
SYSTEMS = (
    System("B11", "binary relevance, forests", "B", "multilabel", "B", _run("B", binary_relevance)),
    System("B12", "ensemble of classifier chains, forests", "B", "multilabel", "B", _run("B", chains)),
    System("B13", "RAKEL, forests", "B", "multilabel", "B", _run("B", rakel)),
    System("B14", "ensemble of pruned sets, forests", "B", "multilabel", "B", _run("B", pruned_sets), _NOISE),
    System("B15", "HOMER, forests", "B", "multilabel", "B", _run("B", homer)),
    System("L3", "ML-kNN on numbers", "L", "multilabel", "B", _run("B", ml_knn)),
)
