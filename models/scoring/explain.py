"""Why a movie got its genres: what each model would say without one piece of what it saw.

The weight of a piece is the model's calibrated logit with it, minus the logit without it: positive where it
speaks for the genre. Pieces are tags, words, people, companies, countries and numbers; an embedding is one
piece, since nobody can read its parts. For the combined model the pieces are whole modalities.
"""

from collections.abc import Mapping

import numpy as np
import pyarrow as pa

from features import FeatureView
from models import registry
from models.dataset import rows_of, views_of
from models.errors import NoModel
from models.labels import label_set as label_set_named
from models.modalities.base import Logits, NeutralVectors
from models.modalities.modality import MODALITIES, model_names
from models.predictors.apply import load_model
from models.predictors.combined import CombinedModel
from models.predictors.single import SingleModel
from models.settings import ModelSettings
from warehouse import Warehouse

_BOOKKEEPING = ("movie_id", "event_time", "known_time", "input_hash")
SCHEMA = pa.schema(
    [
        ("model", pa.string()),
        ("genre", pa.string()),
        ("piece", pa.string()),
        ("value", pa.string()),
        ("weight", pa.float64()),
    ]
)


def explain(
    warehouse: Warehouse,
    settings: ModelSettings,
    views: Mapping[str, FeatureView],
    movie_id: int,
    *,
    label_set: str,
    top: int = 5,
) -> pa.Table:
    """Return the pieces with the largest weights, positive or negative, per champion and genre.

    Args:
        warehouse: The warehouse.
        settings: Where the models' files are.
        views: The feature views by name, built.
        movie_id: The movie.
        label_set: `movielens`, `tmdb` or `imdb`.
        top: How many pieces for each champion and genre at most.

    Returns:
        A table of model, genre, piece (the view's column, or the modality), value and weight.

    Raises:
        NoModel: There is no such label set, or no champion has anything to say about the movie.
        DamagedModel: A champion's files are gone, or were changed.
        ViewMismatch: A champion was trained on columns that the views do not give.

    Example:
        >>> pieces = explain(warehouse, settings, views, 3, label_set="movielens", top=1)
        >>> [(row["genre"], row["value"]) for row in pieces.to_pylist() if row["weight"] > 1]
        [('Action', 'explosion'), ('Comedy', 'slapstick')]
    """
    labels = label_set_named(label_set)
    tables = {
        name: rows_of(warehouse, views, views_of(name, views), np.array([movie_id], np.int64))
        for name, modality in MODALITIES.items()
        if modality.view in views
    }
    present = {MODALITIES[name].view for name, table in tables.items() if table.num_rows}
    out: list[pa.Table] = []
    for model in model_names():
        entry = registry.champion(warehouse, labels.name, model)
        if entry is None or not present & set(entry.views) or registry.unread_views(entry):
            continue
        loaded = load_model(settings, entry)
        pieces, logits = (
            _without_modalities(loaded, movie_id, tables)
            if isinstance(loaded, CombinedModel)
            else _without_pieces(loaded, tables[model])
        )
        out.append(_largest(model, labels.genres, pieces, logits, top))
    if not out:
        raise NoModel(
            f"no {label_set} model has anything to say about movie {movie_id}: it has no features, "
            "or nothing was trained yet"
        )
    return pa.concat_tables(out)


def record(warehouse: Warehouse, movie_id: int, label_set: str, explanation: pa.Table) -> None:
    """Put an explanation into `predictions.explained`, in the place of the movie's earlier one."""
    versions = {
        entry.model: entry.model_version
        for model in model_names()
        if (entry := registry.champion(warehouse, label_set, model)) is not None
    }
    rows = explanation.append_column(
        "model_version", [[versions[model] for model in explanation["model"].to_pylist()]]
    )
    whose = {"movie_id": movie_id, "label_set": label_set}
    constants = {**whose, "explained_at": warehouse.clock()}
    warehouse.commit(lambda tx: tx.replace("predictions.explained", rows, whose, constants=constants))


def _without_pieces(model: SingleModel, row: pa.Table) -> tuple[list[tuple[str, str]], Logits]:
    """Return the pieces of one row, and calibrated logits of the row as it is and without each of them."""
    names = [name for name in row.column_names if name not in _BOOKKEEPING]
    values = row.select(names).to_pylist()[0]
    variants, pieces = [values], []
    weights = MODALITIES[model.modality].weights
    for name in names:
        if name in weights.values() or values[name] is None:
            continue
        if not isinstance(values[name], list):
            pieces.append((name, str(values[name])))
            variants.append({**values, name: None})
        elif values[name] and isinstance(values[name][0], str):
            for i, entry in enumerate(values[name]):
                changed = {**values, name: _dropped(values[name], i)}
                if name in weights:
                    changed[weights[name]] = _dropped(values[weights[name]], i)
                pieces.append((name, entry))
                variants.append(changed)
        elif values[name]:
            pieces.append((name, f"{len(values[name])} numbers"))
            variants.append({**values, name: _neutral(model, name, values[name])})
    table = pa.Table.from_pylist(variants, schema=row.select(names).schema)
    return pieces, model.logits(table)


def _dropped(values: list[object], i: int) -> list[object]:
    return values[:i] + values[i + 1 :]


def _neutral(model: SingleModel, column: str, vector: list[float]) -> list[float]:
    """Return the vector that speaks for no genre: the model's own, or zeros where it has none."""
    if isinstance(model.model, NeutralVectors):
        return [float(value) for value in model.model.neutral(column)]
    return [0.0] * len(vector)


def _without_modalities(
    model: CombinedModel, movie_id: int, tables: Mapping[str, pa.Table]
) -> tuple[list[tuple[str, str]], Logits]:
    ids = np.array([movie_id], np.int64)
    have = {name: tables[name] for name in MODALITIES if name in tables and name in model.parts}

    def say(given: Mapping[str, pa.Table]) -> Logits:
        p = model.probabilities(ids, given).astype(np.float64)
        p = np.clip(p, 1e-6, 1 - 1e-6)
        return np.asarray(np.log(p) - np.log1p(-p))

    present = [name for name, table in have.items() if table.num_rows]
    pieces = [(name, "the whole modality") for name in present]
    variants = [have, *({**have, name: have[name].schema.empty_table()} for name in present)]
    return pieces, np.concatenate([say(given) for given in variants])


def _largest(
    model: str, genres: tuple[str, ...], pieces: list[tuple[str, str]], logits: Logits, top: int
) -> pa.Table:
    weight = logits[0] - logits[1:]
    rows = []
    for column, genre in enumerate(genres):
        for i in np.argsort(-np.abs(weight[:, column]), kind="stable")[:top]:
            if weight[i, column]:
                name, value = pieces[i]
                rows.append(
                    {
                        "model": model,
                        "genre": genre,
                        "piece": name,
                        "value": value,
                        "weight": float(weight[i, column]),
                    }
                )
    return pa.Table.from_pylist(rows, schema=SCHEMA)
