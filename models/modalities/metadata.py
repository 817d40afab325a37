"""The metadata model: one LightGBM booster per genre over numbers and genre profiles."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lightgbm
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from models.errors import DamagedModel, ViewMismatch
from models.files import read_json, read_tensors, write_json, write_tensors
from models.labels import Floats
from models.modalities import profiles
from models.modalities.base import Examples, Logits, Progress, Schedule, TrainedModel
from models.modalities.network import prior_logits
from models.modalities.profiles import Profiles
from models.split import training

ROUNDS = 250
PATIENCE = 25
FEWEST = 5
"""A genre with fewer positive or negative training movies gets a constant."""
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.06,
    "num_leaves": 15,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 5.0,
    "max_bin": 63,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
_BOOKKEEPING = ("movie_id", "view_version", "event_time", "known_time", "input_hash", "present")
_NAME = re.compile(r"[^A-Za-z0-9_]+")


@dataclass(frozen=True)
class MetadataModel:
    """Genres from numbers and categories. `boosters[g]` is None for a genre with the constant `prior[g]`."""

    numbers: tuple[str, ...]
    profiles: Profiles
    profile_names: tuple[str, ...]
    boosters: Sequence[lightgbm.Booster | None]
    prior: Floats
    threads: int = 1

    def features(self, table: pa.Table) -> Floats:
        """Return `(n, n_numbers + n_profiles) float32`; unknown numbers are NaN."""
        return np.concatenate([number_matrix(table, self.numbers), self.profiles.features(table)], axis=1)

    def logits(self, table: pa.Table) -> Logits:
        """Return `(n, n_genres) float64`."""
        x = self.features(table)
        out = np.empty((len(x), len(self.boosters)))
        for genre, booster in enumerate(self.boosters):
            if booster is None or not len(x):
                out[:, genre] = self.prior[genre]
            else:
                out[:, genre] = booster.predict(x, raw_score=True, num_threads=self.threads)
        return out

    def save(self, directory: Path) -> None:
        """Write `genre-NN.txt` (LightGBM's text), `profiles.safetensors` and `metadata.json`."""
        for genre, booster in enumerate(self.boosters):
            if booster is not None:
                (directory / f"genre-{genre:02}.txt").write_text(booster.model_to_string(), encoding="utf-8")
        write_tensors(directory / "profiles.safetensors", {**self.profiles.odds, "/prior": self.prior})
        write_json(
            directory / "metadata.json",
            {
                "numbers": self.numbers,
                "values": self.profiles.values,
                "profile_names": self.profile_names,
                "boosted": [booster is not None for booster in self.boosters],
            },
        )


def _booster(path: Path) -> lightgbm.Booster:
    try:
        return lightgbm.Booster(model_str=path.read_text(encoding="utf-8"))
    except (OSError, lightgbm.basic.LightGBMError) as error:
        raise DamagedModel(f"{path} cannot be read ({error}): train again, or roll back") from error


def number_columns(schema: pa.Schema) -> tuple[str, ...]:
    """Return the names of the numeric and boolean columns of a view."""
    return tuple(
        field.name
        for field in schema
        if field.name not in _BOOKKEEPING
        and (
            pa.types.is_integer(field.type)
            or pa.types.is_floating(field.type)
            or pa.types.is_boolean(field.type)
        )
    )


def number_matrix(table: pa.Table, names: Sequence[str]) -> Floats:
    """Return `(n, len(names)) float32`, NaN for unknown; ViewMismatch where a column is missing."""
    missing = [name for name in names if name not in table.column_names]
    if missing:
        raise ViewMismatch(f"the metadata view lacks {', '.join(missing)}: train again on the present view")
    out = np.empty((table.num_rows, len(names)), np.float32)
    for i, name in enumerate(names):
        out[:, i] = table[name].cast(pa.float32(), safe=False).to_numpy()
    return out


def load(directory: Path, *, threads: int = 1) -> MetadataModel:
    """Return the model that its `save` wrote."""
    about = read_json(directory / "metadata.json")
    odds = read_tensors(directory / "profiles.safetensors")
    prior = odds.pop("/prior")
    boosters = [
        _booster(directory / f"genre-{genre:02}.txt") if boosted else None
        for genre, boosted in enumerate(about["boosted"])
    ]
    names = tuple(about["profile_names"])
    learnt = Profiles(about["values"], odds, len(names))
    return MetadataModel(tuple(about["numbers"]), learnt, names, boosters, prior, threads)


def parameters() -> list[object]:
    """Return what decides a training besides code and data, as JSON-ready values."""
    return [PARAMETERS, ROUNDS]


def fit(
    examples: Examples,
    *,
    seed: int,
    without: npt.NDArray[np.bool_] | None = None,
    schedule: Schedule = None,
    threads: int = 1,
    rounds: int = ROUNDS,
    progress: Progress | None = None,
) -> TrainedModel:
    """Fit a metadata model on the training movies, without those marked in `without`; see `tags.fit`.

    The profiles learn from the labels of all sources, the boosters from the model's own label set. Several
    trainings run at once: one thread for each is enough.
    """
    table, targets = examples.table, examples.targets
    usable = training(examples.buckets) if without is None else training(examples.buckets) & ~without
    learnt, profile_features = profiles.fit(table, examples.pooled, examples.buckets, usable)
    numbers = number_columns(table.schema)
    x = np.concatenate([number_matrix(table, numbers), profile_features], axis=1)
    names = [*numbers, *(f"profile_{genre}" for genre in examples.pooled_genres)]
    train = np.flatnonzero(usable & targets.known)
    validation = examples.validation_rows()
    y = targets.y[:, : targets.n_genres]
    parameters = {**PARAMETERS, "seed": seed, "num_threads": threads}
    data = lightgbm.Dataset(
        x[train],
        y[train, 0],
        feature_name=[_NAME.sub("_", name) for name in names],
        free_raw_data=False,
        params=parameters,
    )
    data.construct()
    held_out = lightgbm.Dataset(x[validation], y[validation, 0], reference=data, free_raw_data=False)
    boosters: list[lightgbm.Booster | None] = []
    best_rounds: list[int] = []
    given = schedule if isinstance(schedule, list) else None
    for genre in range(targets.n_genres):
        positives = int(y[train, genre].sum())
        if min(positives, len(train) - positives) < FEWEST:
            boosters.append(None)
            best_rounds.append(0)
            continue
        data.set_label(y[train, genre])
        fixed = given[genre] if given is not None else 0
        early = not fixed and 0 < y[validation, genre].sum() < len(validation)
        callbacks: list[Any] = []
        if early:
            held_out.set_label(y[validation, genre])
            callbacks = [lightgbm.early_stopping(PATIENCE, verbose=False)]
        booster = lightgbm.train(
            parameters,
            data,
            num_boost_round=fixed or (rounds if early else rounds // 3),
            valid_sets=[held_out] if early else None,
            callbacks=callbacks,
        )
        best = booster.best_iteration if early else booster.current_iteration()
        best_rounds.append(max(best, 1))
        # Through its text, so that what is applied is what will be loaded, and ends at the best round.
        boosters.append(lightgbm.Booster(model_str=booster.model_to_string(num_iteration=max(best, 1))))
        if progress:
            progress(genre + 1, targets.n_genres)
    prior = prior_logits(targets.take(train))[: targets.n_genres]
    model = MetadataModel(numbers, learnt, tuple(examples.pooled_genres), boosters, prior, threads)
    return TrainedModel(model, best_rounds)
