"""What models are trained on: the warehouse's movies, their labels and their current features."""

# ruff: noqa: S608 — statements are put together from constants, values are bound

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from features import FeatureView, latest
from models.errors import Untrainable
from models.labels import (
    LABEL_SETS,
    Bools,
    Ids,
    Labels,
    elsewhere,
    label_matrix,
    pooled,
    positions,
    targets,
)
from models.modalities import joint
from models.modalities.base import Examples
from models.modalities.modality import MODALITIES
from models.split import Buckets
from warehouse import Warehouse
from warehouse.live import LIVE_MOVIES

_MOVIES = f"""
    SELECT movie_id, bucket, original_language IS NOT NULL AS described,
           strftime(max(known_time) OVER () AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%S.%f+00:00') AS known_until
    FROM {LIVE_MOVIES} ORDER BY movie_id
"""
_GENRES = f"""
    SELECT movie_id, source, genre FROM core.movie_genres
    SEMI JOIN {LIVE_MOVIES} USING (movie_id)
"""


def views_of(modality: str, views: Iterable[str]) -> tuple[str, ...]:
    """Return the feature views that the model of a modality reads, among those in `views`."""
    view_names = set(views)
    return tuple(view for view in MODALITIES[modality].views if view in view_names)


def rows_of(
    warehouse: Warehouse, views: Mapping[str, FeatureView], names: Sequence[str], movie_ids: Ids | None = None
) -> pa.Table:
    """Return the current rows of the first named view, with the columns of the other views beside them."""
    first, *others = (latest(warehouse, views[name], movie_ids) for name in names)
    for other in others:
        own = [name for name in other.column_names if name not in first.column_names]
        at, matches = positions(first["movie_id"].to_numpy(), other["movie_id"].to_numpy())
        beside = other.select(own).take(pa.array(at, mask=~matches)) if other.num_rows else None
        for name in own:
            kind = other.schema.field(name).type
            first = first.append_column(
                name, pa.nulls(first.num_rows, kind) if beside is None else beside[name]
            )
    return first


@dataclass(frozen=True)
class Dataset:
    """All live movies in order of `movie_ids`, their labels in every label set, and the views' rows.

    `described` marks movies that have a TMDb record, on which models are compared.
    """

    movie_ids: Ids
    buckets: Buckets
    described: Bools
    labels: Mapping[str, Labels]
    tables: Mapping[str, pa.Table]
    inputs: Mapping[str, pa.Table]
    """For all modalities, also those without a table here: `movie_id` and `input_hash` of their rows."""
    views: Mapping[str, str]
    """View name to version, of all modalities."""
    snapshot_id: int
    known_until: str
    """When the warehouse learnt the newest of it: ISO 8601."""

    def rows_of(self, modality: str) -> tuple[Ids, pa.Table]:
        """Return the positions among the movies of a modality's rows, and the table of these rows."""
        if modality == joint.NAME:
            table = joint.joined(self.movie_ids, self.tables)
            return np.arange(len(self.movie_ids)), table
        table = self.tables[modality]
        at, matches = positions(table["movie_id"].to_numpy(), self.movie_ids)
        return at[matches], table if matches.all() else table.filter(pa.array(matches))

    def examples(self, modality: str, label_set: str) -> tuple[Ids, Examples]:
        """Return the positions of a modality's movies, and the examples that its model learns from.

        Movies without a label in any source are left out: nothing can be learnt from them.
        """
        at, table = self._labelled(modality)
        own = {name: Labels(labels.y[at], labels.known[at]) for name, labels in self.labels.items()}
        genres, union = pooled(own)
        others = elsewhere(own, label_set)
        return at, Examples(table, targets(own, label_set), union, genres, others, self.buckets[at])

    def _labelled(self, modality: str) -> tuple[Ids, pa.Table]:
        """Return what `rows_of` does, of the movies that have a label in any source."""
        at, table = self.rows_of(modality)
        kept = np.any([labels.known for labels in self.labels.values()], axis=0)[at]
        return at[kept], table.filter(pa.array(kept))

    def versions_of(self, modality: str) -> dict[str, str]:
        """Return the versions of the views that a modality's model, or the joint one, reads."""
        modalities = joint.SOURCES if modality == joint.NAME else (modality,)
        return {view: self.views[view] for name in modalities for view in views_of(name, self.views)}

    def fingerprint(self, model: str) -> str:
        """Return a hash of the labels and the features' inputs: equal data give equal models.

        It covers all modalities, so that it does not depend on the models that are trained together.
        """
        whole = hashlib.sha256()
        for name, labels in sorted(self.labels.items()):
            whole.update(f"{name}\n".encode())
            whole.update(np.packbits(labels.y.astype(bool)).tobytes())
        whole.update(self.movie_ids.tobytes())
        whole.update(self.buckets.tobytes())
        for name, table in sorted(self.inputs.items()):
            whole.update(f"{name} {sorted(self.versions_of(name).items())}\n".encode())
            whole.update("".join(table["input_hash"].to_pylist()).encode())
            whole.update(table["movie_id"].to_numpy().tobytes())
        whole.update(model.encode())
        return whole.hexdigest()

    def fingerprint_of_examples(self, modality: str) -> str:
        """Return a hash of what a modality's own model learns from and is measured on, and of nothing else.

        It covers the labelled movies that have the modality: their labels, buckets and inputs.
        """
        at, table = self._labelled(modality)
        whole = hashlib.sha256(f"{modality} {sorted(self.versions_of(modality).items())}\n".encode())
        whole.update(self.movie_ids[at].tobytes())
        whole.update(self.buckets[at].tobytes())
        for name, labels in sorted(self.labels.items()):
            whole.update(f"{name}\n".encode())
            whole.update(np.packbits(labels.y[at].astype(bool)).tobytes())
            whole.update(np.packbits(labels.known[at]).tobytes())
        whole.update("".join(table["input_hash"].to_pylist()).encode())
        return whole.hexdigest()


def load(
    warehouse: Warehouse, views: Mapping[str, FeatureView], modalities: Sequence[str] | None = None
) -> Dataset:
    """Return the warehouse's present data, with the features of some modalities, or of all.

    Untrainable where it holds no movies.
    """
    snapshot = warehouse.snapshot_id
    movies = warehouse.query(_MOVIES)
    if not movies.num_rows:
        raise Untrainable("the warehouse holds no movies: run `reelhouse ingest` first")
    ids = movies["movie_id"].to_numpy()
    genres = warehouse.query(_GENRES)
    view_names = {
        name: views_of(name, views) for name, modality in MODALITIES.items() if modality.view in views
    }
    tables = {
        name: rows_of(warehouse, views, names)
        for name, names in view_names.items()
        if modalities is None or name in modalities
    }
    inputs = {
        name: tables[name] if name in tables else latest(warehouse, views[names[0]], values=False)
        for name, names in view_names.items()
    }
    return Dataset(
        ids,
        movies["bucket"].to_numpy().astype(np.int8),
        movies["described"].to_numpy(zero_copy_only=False),
        {name: label_matrix(genres, ids, labels) for name, labels in LABEL_SETS.items()},
        tables,
        {name: table.select(["movie_id", "input_hash"]) for name, table in inputs.items()},
        {view: views[view].version for names in view_names.values() for view in names},
        snapshot,
        movies["known_until"][0].as_py(),
    )
