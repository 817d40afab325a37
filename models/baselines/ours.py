"""Reelhouse's own models beside the documents' systems: the champions' scores of the same test movies."""

import numpy as np

from models.baselines.data import Data
from models.baselines.errors import NotRunnable
from models.baselines.registry import Run, System
from models.baselines.scores import HONEST, Progress, Scored, Scores
from models.labels import positions
from models.modalities.modality import model_names

PLACES = (("A", "movielens"), ("A all", "movielens"), ("B", "tmdb"), ("B posters", "tmdb"))
"""The problems that our label sets answer, and which label set does."""
_SCORES = """
    SELECT movie_id, genre, probability, predicted::FLOAT AS predicted, model_version
    FROM predictions.current WHERE label_set = ? AND model = ? ORDER BY movie_id, genre
"""


def _run(problem_name: str, label_set: str, model: str) -> Run:
    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(problem_name)
        scores = data.warehouse.query(_SCORES, [label_set, model])
        test = problem.rows("test")
        row, matches = positions(scores["movie_id"].to_numpy(), problem.movie_ids[test])
        genre_of = {genre: i for i, genre in enumerate(problem.genres)}
        column = np.array([genre_of.get(genre, -1) for genre in scores["genre"].to_pylist()], np.intp)
        kept = matches & (column >= 0) if len(column) else np.zeros(0, bool)
        if not kept.any():
            raise NotRunnable(
                f"no scores of {model} for {label_set}: run `reelhouse train` and `reelhouse score`"
            )
        p, d = (np.full((len(test), len(problem.genres)), np.nan, np.float32) for _ in range(2))
        p[row[kept], column[kept]] = scores["probability"].to_numpy()[kept]
        d[row[kept], column[kept]] = scores["predicted"].to_numpy()[kept]
        scored = np.isfinite(p).all(axis=1)
        if not scored.any():
            raise NotRunnable(f"{model} for {label_set} does not score every genre of problem {problem_name}")
        part = Scored(problem.y[test][scored], p[scored], d[scored], problem.genres)
        version = scores["model_version"][0].as_py()
        note = f"champion {version}; {scored.sum():,} of {len(test):,} test movies have its inputs"
        return Scores({HONEST: part}, note=note)

    return run


SYSTEMS = tuple(
    System(f"R {model}, {name}", f"Reelhouse, {model}", "R", "ours", name, _run(name, label_set, model),
           cached=False)
    for name, label_set in PLACES
    for model in model_names()
)  # fmt: skip
