"""Trials: all models of a label set, and the plain baselines, on the test movies of one split.

Split 0 is the project's; the others deal the movies out anew, so that a figure comes with its spread. A trial
is kept as a file that is named after everything that decides it, so that a table of many can be stopped and
carried on.
"""

# ruff: noqa: S608 — statements are put together from constants, values are bound

import itertools
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import FeatureView, latest
from models.baselines.plain import plain_opinions
from models.dataset import Dataset
from models.errors import DamagedModel, Untrainable
from models.files import read_json, read_tensors, write_json, write_tensors
from models.labels import SUBSETS, Bools, Floats, Ids, LabelSet, label_set
from models.modalities.base import Progress
from models.modalities.modality import MODALITIES, model_names
from models.predictors.apply import probabilities_of
from models.predictors.combined import CombinedModel
from models.predictors.single import SingleModel
from models.settings import ModelSettings
from models.split import TEST, bucket_of
from models.training import fitting
from models.training.test_scores import TestScores, described
from models.training.train import version_of
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES
from warehouse.whole_file import make_directory, written

Model = SingleModel | CombinedModel


@dataclass(frozen=True)
class Trial:
    """What every model says about one split's labelled test movies with a TMDb record, `(n, n_genres)`.

    `p` by model; `decided` by model and way to decide; `has` by model, which movies have its modality (the
    others get each genre's share); `plain` by (model, what) for the genres of `problem_of`, on the project's
    split only; `degraded` by the modalities left, the combined model on the movies of `whole`, which have all
    modalities; `own_p` the combined model's probabilities for every labelled test movie that it can score,
    with `own_y`. `cost` is seconds of processor time.
    """

    label_set: LabelSet
    split: int
    movie_ids: Ids
    y: Floats
    p: Mapping[str, Floats]
    decided: Mapping[tuple[str, str], Bools]
    has: Mapping[str, Bools]
    plain: Mapping[tuple[str, str], tuple[Ids, Floats, Floats]]
    degraded: Mapping[tuple[str, ...], Floats]
    whole: Bools
    own_y: Floats
    own_p: Floats
    cost: float


def problem_of(labels: LabelSet) -> str:
    """Return the name of the genres that the plain baselines are compared on.

    It is the label set's subset where it has one, else the label set.
    """
    return next((name for name, (of, _) in SUBSETS.items() if of == labels.name), labels.name)


def trial(
    warehouse: Warehouse,
    settings: ModelSettings,
    views: Mapping[str, FeatureView],
    everything: Dataset,
    *,
    label_set_name: str,
    split: int,
    directory: Path,
    progress: Progress | None = None,
) -> Trial:
    """Return the trial of a split of `everything`, from its file in `directory` where it was done before.

    Untrainable where not all models can be fitted.
    """
    labels = label_set(label_set_name)
    data = resplit(warehouse, everything, split)
    path = directory / f"{labels.name}-{split}-{version_of(data, labels, settings, 'trial')}.safetensors"
    try:
        return _read(path, labels, split)
    except DamagedModel:
        pass  # never done, or cut short
    began = time.process_time()
    fitted, skipped = fitting.fit(data, labels, settings, model_names(), progress)
    if missing := [f"{model} ({skipped[model]})" for model in model_names() if model not in fitted]:
        raise Untrainable(f"split {split} of {labels.name} lacks {', '.join(missing)}")
    done = _tried(
        warehouse, views, data, labels, split, {name: result.model for name, result in fitted.items()}
    )
    done = replace(done, cost=time.process_time() - began)
    _write(path, done)
    return done


def resplit(warehouse: Warehouse, data: Dataset, split: int) -> Dataset:
    """Return the data with the buckets of another split; for split 0, the data as they are."""
    if split == 0:
        return data
    keys = warehouse.query(f"SELECT split_key FROM {LIVE_MOVIES} ORDER BY movie_id")
    dealt = [bucket_of(key, split) for key in keys["split_key"].to_pylist()]
    return replace(data, buckets=np.array(dealt, np.int8))


def _tried(
    warehouse: Warehouse,
    views: Mapping[str, FeatureView],
    data: Dataset,
    labels: LabelSet,
    split: int,
    models: Mapping[str, Model],
) -> Trial:
    own = data.labels[labels.name]
    wanted = np.flatnonzero(own.known & (data.buckets == TEST))
    ids = data.movie_ids[wanted]
    tables = {name: _only(data.tables[name], ids) for name in MODALITIES}
    probabilities = {name: probabilities_of(model, ids, tables) for name, model in models.items()}
    has = {name: np.asarray(np.isfinite(p).all(axis=1)) for name, p in probabilities.items()}
    shown = {
        name: described(
            data, labels, TestScores(ids[has[name]], own.y[wanted][has[name]], _floats(p[has[name]]))
        )
        for name, p in probabilities.items()
    }
    some = shown["combined"]
    at = np.searchsorted(ids, some.movie_ids)
    whole = np.asarray(np.all([has[name][at] for name in MODALITIES], axis=0))
    return Trial(
        labels,
        split,
        some.movie_ids,
        some.y,
        {name: scores.p for name, scores in shown.items()},
        {
            (name, how): decided
            for name, scores in shown.items()
            for how, decided in _decided(models[name], scores.p).items()
        },
        {name: mask[at] for name, mask in has.items()},
        {
            (opinion.model, opinion.what): (opinion.movie_ids, opinion.y, _floats(opinion.p))
            for opinion in (
                plain_opinions(warehouse, problem_of(labels), embeddings=latest(warehouse, views["text"]))
                if split == 0
                else ()
            )
        },
        _degraded(models["combined"], some.movie_ids[whole], tables),
        whole,
        own.y[wanted][has["combined"]],
        _floats(probabilities["combined"][has["combined"]]),
        0.0,
    )


def _floats(values: npt.NDArray[np.floating]) -> Floats:
    return np.asarray(values, np.float32)


def _only(table: pa.Table, ids: Ids) -> pa.Table:
    return table.filter(pa.array(np.isin(table["movie_id"].to_numpy(), ids)))


def _decided(model: Model, p: Floats) -> dict[str, Bools]:
    how = model.decisions
    return {"f1": how.genre_by_genre(p), "accuracy": how.accurate(p), "sets": how.as_sets(p)}


def _degraded(model: Model, ids: Ids, tables: Mapping[str, pa.Table]) -> dict[tuple[str, ...], Floats]:
    """Apply the combined model with every choice of modalities hidden.

    `ids` are movies that have all of them. Return the probabilities by the modalities left.
    """
    movie_tables = {name: _only(table, ids) for name, table in tables.items()}
    out = {}
    for n in range(1, len(MODALITIES) + 1):
        for left in itertools.combinations(MODALITIES, n):
            given = {
                name: table if name in left else table.slice(0, 0) for name, table in movie_tables.items()
            }
            out[left] = _floats(probabilities_of(model, ids, given))
    return out


def _write(path: Path, done: Trial) -> None:
    make_directory(path.parent)
    tensors: dict[str, npt.NDArray[Any]] = {
        "movie_ids": done.movie_ids, "y": done.y, "whole": done.whole,
        "own_y": done.own_y, "own_p": done.own_p, "cost": np.array([done.cost]),
    }  # fmt: skip
    names: dict[str, list[str]] = {}
    groups: dict[str, Mapping[Any, npt.NDArray[Any]]] = {
        "p": done.p,
        "decided": done.decided,
        "has": done.has,
        "degraded": done.degraded,
    }
    for group, group_values in groups.items():
        for key, value in group_values.items():
            name = f"{group}/{len(names)}"
            names[name] = [key] if isinstance(key, str) else list(key)
            tensors[name] = value
    for key, (ids, y, p) in done.plain.items():
        name = f"plain/{len(names)}"
        names[name] = list(key)
        tensors |= {f"{name}/0": ids, f"{name}/1": y, f"{name}/2": p}
    with written(path) as partial:  # which is there last: a trial without it is made again
        write_tensors(partial, tensors)
        with written(path.with_suffix(".json")) as names_file:
            write_json(names_file, names)


def _read(path: Path, labels: LabelSet, split: int) -> Trial:
    if not path.exists():
        raise DamagedModel(f"{path} is not there")
    tensors, names = read_tensors(path), read_json(path.with_suffix(".json"))

    def of(group: str) -> dict[tuple[str, ...], npt.NDArray[Any]]:
        return {tuple(key): tensors[name] for name, key in names.items() if name.startswith(f"{group}/")}

    return Trial(
        labels,
        split,
        tensors["movie_ids"],
        tensors["y"],
        {key[0]: value for key, value in of("p").items()},
        {(key[0], key[1]): value for key, value in of("decided").items()},
        {key[0]: value for key, value in of("has").items()},
        {
            (key[0], key[1]): (tensors[f"{name}/0"], tensors[f"{name}/1"], tensors[f"{name}/2"])
            for name, key in names.items()
            if name.startswith("plain/")
        },
        of("degraded"),
        tensors["whole"],
        tensors["own_y"],
        tensors["own_p"],
        float(tensors["cost"][0]),
    )
