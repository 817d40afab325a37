"""Out-of-fold logits: what a model says about movies that it has not learnt from.

Calibration, thresholds and the fusion are learnt from these. For each fold a stand-in is trained without the
fold's movies, as long as the model that it stands in for.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from models.labels import Bools, Ids
from models.modalities.base import Examples, Logits, ModalityModel, Progress, TrainedModel
from models.predictors.single import implementation
from models.split import folds
from models.training import parallel

FEWEST_ROWS = 2


@dataclass(frozen=True)
class OutOfFold:
    """A modality's trained model and honest logits for its labelled movies.

    `at` says where its examples stand among all movies; `logits` `(n_examples, n_genres)` holds for the
    examples marked in `known`: training movies by the model of another fold, the others by the model itself.
    """

    at: Ids
    examples: Examples
    trained: TrainedModel
    logits: Logits
    known: Bools


def fit(
    inputs: Mapping[str, tuple[Ids, Examples]],
    *,
    seed: int,
    n_folds: int,
    threads: int,
    progress: Progress | None = None,
) -> dict[str, OutOfFold]:
    """Train every modality on all training movies and once without each fold, several at once."""
    total, done = len(inputs) * (1 + n_folds), 0

    def counted(job: Callable[[], TrainedModel]) -> Callable[[], TrainedModel]:
        def work() -> TrainedModel:
            nonlocal done
            result = job()
            done += 1
            if progress:
                progress(done, total)
            return result

        return work

    if progress:
        progress(0, total)
    names = list(inputs)
    whole = parallel.run(
        [counted(functools.partial(implementation(name).fit, inputs[name][1], seed=seed)) for name in names],
        threads,
    )
    trained = dict(zip(names, whole, strict=True))
    standing_in = [
        (name, fold) for name in names for fold in range(n_folds) if _worth_it(inputs[name][1], fold, n_folds)
    ]

    def without(name: str, fold: int) -> TrainedModel:
        examples = inputs[name][1]
        return implementation(name).fit(
            examples,
            seed=seed,
            without=folds(examples.buckets, n_folds) == fold,
            schedule=trained[name].schedule,
        )

    stand_ins = parallel.run(
        [counted(functools.partial(without, name, fold)) for name, fold in standing_in], threads
    )
    by_fold = {key: result.model for key, result in zip(standing_in, stand_ins, strict=True)}
    return {
        name: _assembled(
            *inputs[name],
            trained[name],
            {fold: model for (of, fold), model in by_fold.items() if of == name},
            n_folds,
        )
        for name in names
    }


def _worth_it(examples: Examples, fold: int, n_folds: int) -> bool:
    """Return whether a fold has labelled movies, and enough are left without it."""
    own = folds(examples.buckets, n_folds)
    known = examples.targets.known
    return bool((known & (own == fold)).any() and (known & (own >= 0) & (own != fold)).sum() >= FEWEST_ROWS)


def _assembled(
    at: Ids, examples: Examples, trained: TrainedModel, models: Mapping[int, ModalityModel], n_folds: int
) -> OutOfFold:
    own = folds(examples.buckets, n_folds)
    labelled = examples.targets.known
    logits = np.zeros((len(at), examples.targets.n_genres))
    known = np.zeros(len(at), bool)
    for fold, model in {**models, -1: trained.model}.items():
        rows = np.flatnonzero(labelled & (own == fold))
        if len(rows):
            fold_logits = model.logits(examples.table.take(pa.array(rows)))
            known[rows] = np.isfinite(fold_logits).all(axis=1)
            logits[rows] = np.where(known[rows, None], fold_logits, 0)
    return OutOfFold(at, examples, trained, logits, known)
