"""How models do on movies held out: a model's test scores, and a champion's on the same movies."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.dataset import Dataset
from models.decisions.decide import Decisions
from models.errors import DamagedModel
from models.labels import SUBSETS, Floats, Ids, LabelSet, positions
from models.metrics import accuracy, exact_match, jaccard, precision_recall_f1, table
from models.modalities.modality import MODALITIES
from models.predictors.apply import load_model, probabilities_of
from models.registry import Entry
from models.settings import ModelSettings
from models.split import TEST, training
from warehouse import Warehouse

_STORED = """
    SELECT movie_id, genre, probability FROM predictions.scores
    WHERE label_set = ? AND model = ? AND model_version = ?
    AND movie_id IN (SELECT movie_id FROM core.movies WHERE bucket = 0)
"""


@dataclass(frozen=True)
class TestScores:
    """A model's probabilities for the labelled test movies that it can score, with their labels."""

    __test__ = False  # pytest takes names that begin with Test for tests

    movie_ids: Ids
    y: Floats
    p: Floats


def described(data: Dataset, labels: LabelSet, scores: TestScores) -> TestScores:
    """Return the scores for every labelled test movie with a TMDb record.

    A movie that lacks the model's modality gets each genre's share among the training movies, because the
    model knows no more of it. All models are compared on these same rows.
    """
    own = data.labels[labels.name]
    wanted = np.flatnonzero(data.described & own.known & (data.buckets == TEST))
    learnt = training(data.buckets) & own.known
    share = own.y[learnt].mean(axis=0) if learnt.any() else np.full(own.y.shape[1], 0.5)
    p = np.tile(share.astype(np.float32), (len(wanted), 1))
    at, matches = positions(data.movie_ids[wanted], scores.movie_ids)
    p[matches] = scores.p[at[matches]]
    return TestScores(data.movie_ids[wanted], own.y[wanted], p)


def measured(data: Dataset, labels: LabelSet, scores: TestScores, decisions: Decisions) -> dict[str, Any]:
    """Return the metrics for ops.models.

    They are over the model's own test movies, and under ``described`` and the names of the label set's
    subsets over test movies with a TMDb record.
    """
    everything = list(range(len(labels.genres)))
    out = _block(scores, decisions, everything, labels.genres)
    common = described(data, labels, scores)
    out["described"] = _block(common, decisions, everything, labels.genres)
    for name, (of, genres) in SUBSETS.items():
        if of == labels.name:
            columns = [labels.genres.index(genre) for genre in genres]
            rows = common.y[:, columns].any(axis=1)
            part = TestScores(common.movie_ids[rows], common.y[rows], common.p[rows])
            out[name] = _block(part, decisions, columns, genres)
    return out


def _block(
    scores: TestScores, decisions: Decisions, columns: list[int], genres: tuple[str, ...]
) -> dict[str, Any]:
    """Return all metrics over some genres.

    ``accuracy_aim`` and ``sets`` are those of the other ways to decide.
    """
    y, p = scores.y[:, columns], scores.p[:, columns]
    out = table(y, p, decisions.genre_by_genre(scores.p)[:, columns], genres).as_json()
    if len(y):
        out["accuracy_aim"] = round(accuracy(y, decisions.accurate(scores.p)[:, columns]), 6)
        sets = decisions.as_sets(scores.p)[:, columns]
        micro_f1 = precision_recall_f1(y, sets, "micro").f1
        shares = {"exact_match": exact_match(y, sets), "jaccard": jaccard(y, sets), "micro_f1": micro_f1}
        out["sets"] = {name: round(value, 6) for name, value in shares.items()}
    return out


def champion_probabilities(
    warehouse: Warehouse,
    settings: ModelSettings,
    data: Dataset,
    champion: Entry,
    labels: LabelSet,
    scores: TestScores,
) -> npt.NDArray[np.float64]:
    """Return the champion's probabilities for the same test movies, `(n, n_genres)`.

    Rows without any are NaN. The champion is applied to the present features where they are of the view
    versions that it was trained on and its files are whole; else its stored scores are taken.
    """
    if all(data.views.get(view) == version for view, version in champion.views.items()):
        try:
            model = load_model(settings, champion)
        except DamagedModel:
            pass
        else:
            wanted = pa.array(scores.movie_ids)
            tables = {
                name: data.tables[name].filter(_within(data.tables[name]["movie_id"].to_numpy(), wanted))
                for name, modality in MODALITIES.items()
                if modality.view in champion.views
            }
            return probabilities_of(model, scores.movie_ids, tables)
    out = np.full(scores.p.shape, np.nan)
    stored = warehouse.query(_STORED, [champion.label_set, champion.model, champion.model_version])
    if stored.num_rows:
        genres = {genre: i for i, genre in enumerate(labels.genres)}
        at, matches = positions(stored["movie_id"].to_numpy(), scores.movie_ids)
        column = np.array([genres.get(genre, -1) for genre in stored["genre"].to_pylist()])
        kept = matches & (column >= 0)
        out[at[kept], column[kept]] = stored["probability"].to_numpy()[kept]
    return out


def _within(ids: Ids, wanted: pa.Array) -> pa.Array:
    return pa.array(np.isin(ids, wanted.to_numpy()))
