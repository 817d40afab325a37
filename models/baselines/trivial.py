"""Systems that look at no movie: constants, the commonest set, dice (A21, B07 to B09, E09)."""

from collections.abc import Callable

import numpy as np

from models.baselines.data import Data
from models.baselines.problem import Problem
from models.baselines.registry import Run, System
from models.baselines.scores import Progress, Scores, judge
from models.baselines.thresholding import accuracy_optimal, fixed
from models.labels import Floats

Guess = Callable[[Problem, np.random.Generator], Floats]


def prevalence(problem: Problem, rng: np.random.Generator) -> Floats:
    """Give every movie the share of training movies that have the genre.

    The AUC is 0.5 by construction.
    """
    return _everywhere(problem, problem.y[problem.rows("train")].mean(axis=0))


def most_common_set(problem: Problem, rng: np.random.Generator) -> Floats:
    """Give every movie the commonest set of genres of the training movies."""
    sets, counts = np.unique(problem.y[problem.rows("train")], axis=0, return_counts=True)
    return _everywhere(problem, sets[int(counts.argmax())])


def dice_by_prevalence(problem: Problem, rng: np.random.Generator) -> Floats:
    """Draw each genre with its training prevalence."""
    share = problem.y[problem.rows("train")].mean(axis=0)
    return _drawn(rng, problem, share)


def dice_uniform(problem: Problem, rng: np.random.Generator) -> Floats:
    """Draw each genre with the mean prevalence of all genres (B07 as its text says)."""
    return _drawn(rng, problem, problem.y[problem.rows("train")].mean())


def coin(problem: Problem, rng: np.random.Generator) -> Floats:
    """Draw each genre with probability one half (E09)."""
    return _drawn(rng, problem, np.float32(0.5))


def zeros(problem: Problem, rng: np.random.Generator) -> Floats:
    """Give no movie any genre."""
    return np.zeros_like(problem.y)


def ones(problem: Problem, rng: np.random.Generator) -> Floats:
    """Give every movie every genre."""
    return np.ones_like(problem.y)


def _drawn(rng: np.random.Generator, problem: Problem, share: Floats | np.float32) -> Floats:
    return np.asarray(rng.random(problem.y.shape) < share, np.float32)


def _everywhere(problem: Problem, row: Floats) -> Floats:
    return np.repeat(np.asarray(row, np.float32)[None], len(problem.y), axis=0)


def _run(name: str, guess: Guess, scored_on_chosen: str = "validation") -> Run:
    def run(data: Data, rng: np.random.Generator, progress: Progress) -> Scores:
        problem = data.problem(name)
        rule = accuracy_optimal if guess is prevalence else fixed(0.5)
        return judge(problem, guess(problem, rng), rule, scored_on_chosen=scored_on_chosen)

    return run


SYSTEMS = (
    System("A21", "trivial constant", "A", "trivial", "A", _run("A", prevalence)),
    System("A21 all", "trivial constant, posters or not", "A", "trivial", "A all", _run("A all", prevalence)),
    System("B07", "random genres, by prevalence", "B", "trivial", "B", _run("B", dice_by_prevalence)),
    System("B07 text", "random genres, one rate for all", "B", "trivial", "B", _run("B", dice_uniform)),
    System("B08", "most common label set", "B", "trivial", "B", _run("B", most_common_set)),
    System("B09 zeros", "no genre ever", "B", "trivial", "B", _run("B", zeros)),
    System("B09 ones", "every genre always", "B", "trivial", "B", _run("B", ones)),
    System("E09", "random predictor, p = .5", "E", "trivial", "E", _run("E", coin, "test")),
)
