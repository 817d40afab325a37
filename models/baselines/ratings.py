"""Genres from user ratings alone: the neighbours by item similarity of Ghawi and Pfeffer 2020."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_matrix
from sklearn.preprocessing import normalize

from models.baselines.data import Data
from models.baselines.errors import NotRunnable
from models.baselines.registry import System
from models.baselines.scores import AS_PUBLISHED, HONEST, Progress, Scored, Scores
from models.decisions.thresholds import choose
from models.labels import Floats, positions

NEIGHBOURS = 20
LEAST_RATINGS = 5
PROBLEM = "A all"
_RATINGS = """
    SELECT map.movie_id, user_id, avg(rating) AS rating
    FROM raw.movielens_ratings AS given
    JOIN core.id_map AS map ON map.source = 'movielens' AND map.source_id = given.movielens_id::VARCHAR
        AND map.state <> 'merged'
    GROUP BY ALL ORDER BY ALL
"""


def neighbours(given: csr_matrix, learnt: npt.NDArray[np.intp], y: Floats) -> Floats:
    """Return the genres of the most similar movies, `(n, n_genres) float32`, weighted by similarity.

    `given` is `(n, n_users)` of ratings less each user's mean; a movie's own row never counts.
    """
    unit = normalize(given)
    similar = np.maximum((unit @ unit[learnt].T).toarray(), 0)
    similar[learnt, np.arange(len(learnt))] = 0
    if similar.shape[1] > NEIGHBOURS:
        least = np.partition(similar, -NEIGHBOURS, axis=1)[:, -NEIGHBOURS][:, None]
        similar[similar < least] = 0
    prior = y[learnt].mean(axis=0)
    weight = similar.sum(axis=1, keepdims=True)
    return np.asarray((similar @ y[learnt] + 0.1 * prior) / (weight + 0.1), np.float32)


def _run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
    problem = data.problem(PROBLEM)
    ratings = data.warehouse.query(_RATINGS)
    row, matches = positions(ratings["movie_id"].to_numpy(), problem.movie_ids)
    users, column = np.unique(ratings["user_id"].to_numpy()[matches], return_inverse=True)
    values = ratings["rating"].to_numpy()[matches]
    mean = np.bincount(column, values) / np.maximum(np.bincount(column), 1) if len(users) else np.zeros(0)
    shape = (len(problem.y), max(len(users), 1))
    given = csr_matrix((values - mean[column] + 1e-6, (row[matches], column)), shape)
    rated = np.diff(given.indptr) >= LEAST_RATINGS
    parts = {part: problem.rows(part)[rated[problem.rows(part)]] for part in ("train", "validation", "test")}
    if min(map(len, parts.values())) < NEIGHBOURS:
        raise NotRunnable(f"too few movies with {LEAST_RATINGS} ratings: ingest a MovieLens set with ratings")
    p = neighbours(given, parts["train"], problem.y)
    cuts = choose(problem.y[parts["validation"]], p[parts["validation"]])

    def scored(part: str) -> Scored:
        rows = parts[part]
        return Scored(problem.y[rows], p[rows], (p[rows] >= cuts).astype(np.float32), problem.genres)

    note = f"{rated.sum():,} of {len(rated):,} movies have {LEAST_RATINGS} ratings; thresholds for F1"
    return Scores({AS_PUBLISHED: scored("validation"), HONEST: scored("test")}, note=note)


SYSTEMS = (
    System("L4", "item neighbours by ratings", "L", "ratings", PROBLEM, _run, cached=False),
)  # fmt: skip
