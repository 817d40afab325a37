"""Scoring: the champions' opinions on every movie that needs one, written back with where they came from."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import FeatureView
from features.current import current_rows
from features.executors import in_order
from features.store import declare
from models import registry
from models.dataset import rows_of, views_of
from models.decimals import shortest
from models.decisions.thresholds import decide
from models.errors import DamagedModel, NoModel
from models.files import directory_sha256
from models.labels import Floats, Ids, LabelSet, positions
from models.labels import label_set as label_set_named
from models.modalities.base import Progress
from models.modalities.modality import MODALITIES, model_names
from models.predictors.apply import load_model
from models.registry import Entry
from models.scoring.partition import Models, Opinions, Partition, opinions, opinions_there
from models.settings import ModelSettings
from warehouse import Transaction, Warehouse
from warehouse.identifiers import qualified
from warehouse.live import LIVE_MOVIES

Strings = npt.NDArray[np.object_]
Rows = dict[str, npt.NDArray[np.intp]]
"""By model: where the movies of a partition stand in its `stale`."""

_LIVE = f"SELECT movie_id FROM {LIVE_MOVIES} WHERE {{only}} ORDER BY movie_id"
_SCORED = """
    SELECT movie_id, input_hash FROM predictions.scores
    WHERE label_set = ? AND model = ? AND model_version = ? AND genre = ? AND {only} ORDER BY movie_id
"""
_ONLY = "movie_id IN (SELECT movie_id FROM asked)"
_DECIDED = """
    SELECT DISTINCT genre, threshold FROM predictions.scores
    WHERE label_set = ? AND model = ? AND model_version = ?
"""
_OLD = """
    SELECT * FROM predictions.scores SEMI JOIN replaced USING (movie_id)
    WHERE label_set = ? AND model = ? AND model_version = ?
"""


@dataclass(frozen=True)
class ScoreReport:
    """How many (movie, model) pairs were scored, were up to date, lost their modality or were deleted.

    `refused` says why a model was not applied.
    """

    scored: int = 0
    unchanged: int = 0
    removed: int = 0
    per_model: Mapping[str, int] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Work:
    """What one champion has to do.

    `stale`: movies to score, with the `hashes` of their inputs; `again`: those of them that have a score now;
    `gone`: movies whose scores are to be withdrawn; all sorted.
    """

    entry: Entry
    stale: Ids
    hashes: Strings
    again: Ids
    gone: Ids
    unchanged: int


def score(
    warehouse: Warehouse,
    settings: ModelSettings,
    views: Mapping[str, FeatureView],
    *,
    label_set: str,
    models: Sequence[str] | None = None,
    run_id: str | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
    movies: Ids | None = None,
) -> ScoreReport:
    """Score, with a label set's champions, the movies that lack an up-to-date score.

    A score is up to date when its inputs' hash, its model version and its thresholds are the present ones.
    Scores of deleted movies and of movies that lost their modality go to `predictions.superseded`. A champion
    whose files are damaged, or that was trained on another version of a view, is refused with the reason, and
    the others go on.

    Args:
        warehouse: The warehouse, open for writing.
        settings: Where the models' files are, and how many movies are scored at once.
        views: The feature views by name, built.
        label_set: `movielens`, `tmdb` or `imdb`.
        models: Names from `model_names()`; all that have a champion where None.
        run_id: The run to which `ops.batches` counts the scores.
        progress: Called with (pairs done, pairs in all).
        executor: A process pool, or `dask_executor`. It computes partitions, a few ahead, while this process
            reads and commits them in order. The scores are the same. Its processes find the models' files
            under the same `model_dir`.
        movies: Ids (int64). Only these movies are looked at.

    Returns:
        How many (movie, model) pairs were scored, were up to date, or were withdrawn.

    Raises:
        NoModel: There is no such label set, or a model named in `models` has no champion.

    Example:
        >>> score(warehouse, settings, views, label_set="movielens").per_model
        {'tags': 450}
        >>> again = score(warehouse, settings, views, label_set="movielens")
        >>> again.scored, again.unchanged
        (0, 450)
    """
    labels = label_set_named(label_set)
    work, refused = _plan(warehouse, views, labels, models, movies)
    loaded: dict[str, Any] = {}
    for task in list(work):
        if len(task.stale):
            try:
                loaded[task.entry.model] = (
                    load_model(settings, task.entry) if executor is None
                    else registry.verified(settings.model_dir, task.entry)
                )  # fmt: skip
            except DamagedModel as error:
                refused[task.entry.model] = str(error)
                work.remove(task)
    total = sum(len(task.stale) + len(task.gone) for task in work)
    done = 0

    def tick(n: int) -> None:
        nonlocal done
        done += n
        if progress and total:
            progress(done, total)

    tick(0)
    snapshot = warehouse.snapshot_id
    for task in work:
        for start in range(0, len(task.gone), settings.batch_rows):
            part = task.gone[start : start + settings.batch_rows]
            _commit(warehouse, task.entry, part, None, run_id)
            tick(len(part))
    by_model = {task.entry.model: task for task in work if task.entry.model in loaded}
    shared = _shared_parts(settings, {name: task.entry for name, task in by_model.items()})
    partitions = _partitions(warehouse, views, by_model, shared, settings.batch_rows)
    for rows, answers in _computed(settings, by_model, loaded, partitions, executor):
        for name, (at, p) in answers.items():
            task, scored = by_model[name], rows[name][at]
            table = _table(labels, task, scored, p, snapshot, warehouse)
            _commit(warehouse, task.entry, np.intersect1d(task.again, task.stale[scored]), table, run_id)
            tick(len(scored))
    return ScoreReport(
        scored=sum(len(task.stale) for task in work),
        unchanged=sum(task.unchanged for task in work),
        removed=sum(len(task.gone) for task in work),
        per_model={task.entry.model: len(task.stale) for task in work},
        refused=refused,
    )


def _plan(
    warehouse: Warehouse,
    views: Mapping[str, FeatureView],
    labels: LabelSet,
    models: Sequence[str] | None,
    movies: Ids | None,
) -> tuple[list[_Work], dict[str, str]]:
    """Return what every champion has to do, and why some may not."""
    live = _select(warehouse, _LIVE, [], movies)["movie_id"].to_numpy()
    hashes: dict[str, tuple[Ids, Strings]] = {}
    work: list[_Work] = []
    refused: dict[str, str] = {}
    for model in models or model_names():
        entry = registry.champion(warehouse, labels.name, model)
        if entry is None:
            if models:
                raise NoModel(f"{labels.name} {model} has no champion: run `reelhouse train {model}` first")
            continue
        if why := registry.stale_views(entry, {name: view.version for name, view in views.items()}):
            refused[model] = why
            continue
        for view in entry.views:
            if view not in hashes:
                hashes[view] = _hashes(warehouse, views[view], movies)
        wanted = _wanted({view: hashes[view] for view in entry.views}, live)
        work.append(_compare(warehouse, labels, entry, *wanted, movies))
    return work, refused


def _select(warehouse: Warehouse, sql: str, params: object, movies: Ids | None) -> pa.Table:
    """Return the rows of a query, of the given movies alone where any are given."""
    if movies is None:
        return warehouse.query(sql.format(only="true"), params)
    return warehouse.query(sql.format(only=_ONLY), params, {"asked": pa.table({"movie_id": movies})})


def _hashes(warehouse: Warehouse, view: FeatureView, movies: Ids | None) -> tuple[Ids, Strings]:
    """Return the movies that have a modality, and the hashes of their inputs."""
    declare(warehouse, view)
    latest = current_rows(qualified(f"features.{view.name}"), "{only}")
    sql = f"SELECT movie_id, input_hash FROM ({latest}) WHERE present ORDER BY movie_id"
    rows = _select(warehouse, sql, {"version": view.version}, movies)
    return rows["movie_id"].to_numpy(), rows["input_hash"].to_numpy(zero_copy_only=False)


def _wanted(hashes: Mapping[str, tuple[Ids, Strings]], live: Ids) -> tuple[Ids, Strings]:
    """Return the live movies with any of a model's modalities, and one hash over their inputs."""
    who = [hashes[modality.view][0] for modality in MODALITIES.values() if modality.view in hashes]
    ids = np.intersect1d(live, np.unique(np.concatenate(who)))
    if len(hashes) == 1:
        own_ids, own = next(iter(hashes.values()))
        at, _ = positions(ids, own_ids)
        return ids, own[at] if len(ids) else own[:0]
    parts = np.full(len(ids), "", dtype=object)
    for view, (own_ids, own) in sorted(hashes.items()):
        at, matches = positions(own_ids, ids)
        parts[at[matches]] += np.array([f"{view}={value};" for value in own[matches]], dtype=object)
    return ids, np.array([hashlib.sha256(part.encode()).hexdigest()[:32] for part in parts], dtype=object)


def _compare(
    warehouse: Warehouse, labels: LabelSet, entry: Entry, ids: Ids, wanted: Strings, movies: Ids | None
) -> _Work:
    """Compare what should be scored with what is."""
    version = [entry.label_set, entry.model, entry.model_version]
    have = _select(warehouse, _SCORED, [*version, labels.genres[0]], movies)
    have_ids = have["movie_id"].to_numpy()
    at, matches = positions(ids, have_ids)
    fresh = np.zeros(len(ids), bool)
    used = warehouse.query(_DECIDED, version)
    thresholds = {(row["genre"], row["threshold"]) for row in used.to_pylist()}
    if matches.any() and thresholds == set(entry.thresholds.items()):
        had = have["input_hash"].to_numpy(zero_copy_only=False)
        fresh[matches] = had[at[matches]] == wanted[matches]
    _, kept = positions(have_ids, ids)
    return _Work(entry, ids[~fresh], wanted[~fresh], ids[~fresh & matches], have_ids[~kept], int(fresh.sum()))


def _shared_parts(settings: ModelSettings, entries: Mapping[str, Entry]) -> frozenset[str]:
    """Return the modalities whose champion is the very model inside the combined one.

    Such a model is applied once for both.
    """
    combined = entries.get("combined")
    if combined is None:
        return frozenset()
    directory = settings.model_dir / combined.artefact_path
    return frozenset(
        name
        for name in MODALITIES
        if name in entries and directory_sha256(directory / name) == entries[name].artefact_sha256
    )


def _partitions(
    warehouse: Warehouse,
    views: Mapping[str, FeatureView],
    work: Mapping[str, _Work],
    shared: frozenset[str],
    size: int,
) -> Iterator[tuple[Rows, Partition]]:
    """Yield the stale movies in parts, with their positions in each model's `stale`, and their features."""
    everything = np.unique(np.concatenate([np.empty(0, np.int64), *(task.stale for task in work.values())]))
    for start in range(0, len(everything), size):
        ids = everything[start : start + size]
        rows = {name: np.flatnonzero(np.isin(task.stale, ids)) for name, task in work.items()}
        rows = {name: at for name, at in rows.items() if len(at)}
        needed = {view for name in rows for view in work[name].entry.views}
        yield (
            rows,
            Partition(
                {name: work[name].stale[at] for name, at in rows.items()},
                {
                    name: rows_of(warehouse, views, views_of(name, needed), ids)
                    for name, modality in MODALITIES.items()
                    if modality.view in needed
                },
                shared,
            ),
        )


def _computed(
    settings: ModelSettings,
    work: Mapping[str, _Work],
    loaded: Models,
    partitions: Iterator[tuple[Rows, Partition]],
    executor: Executor | None,
) -> Iterator[tuple[Rows, Opinions]]:
    """Yield each partition's opinions, in order; with an executor, several partitions are under way."""
    if executor is None:
        yield from ((rows, opinions(loaded, partition)) for rows, partition in partitions)
        return
    entries = {name: task.entry for name, task in work.items()}
    yield from in_order(
        (rows, executor.submit(opinions_there, settings, entries, partition))
        for rows, partition in partitions
    )


def _table(
    labels: LabelSet, task: _Work, rows: npt.NDArray[np.intp], p: Floats, snapshot: int, warehouse: Warehouse
) -> pa.Table:
    """Return the rows for predictions.scores: movies times genres, a movie's genres together.

    Probabilities are the shortest decimals, and the decision compares the very numbers that are stored.
    """
    n, n_genres = p.shape
    probabilities = shortest(p)
    thresholds = np.array([task.entry.thresholds[genre] for genre in labels.genres], np.float64)
    every = np.arange(n, dtype=np.int32)
    genre = pa.array(np.tile(np.arange(n_genres, dtype=np.int32), n))
    return pa.table(
        {
            "movie_id": np.repeat(task.stale[rows], n_genres),
            "genre": pa.DictionaryArray.from_arrays(genre, pa.array(labels.genres)),
            "probability": probabilities.ravel(),
            "threshold": np.tile(thresholds, n),
            "predicted": decide(probabilities, thresholds).ravel(),
            "input_hash": pa.DictionaryArray.from_arrays(
                pa.array(np.repeat(every, n_genres)), pa.array(task.hashes[rows], pa.string())
            ).cast(pa.string()),
            "snapshot_id": np.full(n * n_genres, snapshot),
            "scored_at": pa.repeat(pa.scalar(warehouse.clock(), pa.timestamp("us", tz="UTC")), n * n_genres),
        }
    )


def _commit(
    warehouse: Warehouse, entry: Entry, replaced: Ids, new: pa.Table | None, run_id: str | None
) -> None:
    """Write new scores in one transaction.

    The replaced movies' rows go to predictions.superseded, and the new ones come in.
    """
    version = {"label_set": entry.label_set, "model": entry.model, "model_version": entry.model_version}

    def write(tx: Transaction) -> None:
        tx.batch(run_id, "reelhouse", f"predictions.{entry.label_set}.{entry.model}", entry.model_version)
        if len(replaced):
            keys = pa.table({"movie_id": replaced})
            tx.register("replaced", keys)
            old = tx.query(_OLD, list(version.values()))
            tx.append("predictions.superseded", old, constants={"superseded_at": warehouse.clock()})
            for name, value in version.items():
                keys = keys.append_column(name, pa.repeat(value, len(replaced)))
            tx.delete_keys("predictions.scores", keys)
        if new is not None:
            tx.append("predictions.scores", new, constants={**version, "run_id": run_id})

    warehouse.commit(write)
