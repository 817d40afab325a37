"""What a feature view is: a name, inputs, columns, and a pure function from the one to the other."""

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features.errors import OtherVersion
from warehouse.conform.fingerprint import changed_tables
from warehouse.errors import SchemaMismatch
from warehouse.schema import Column, feature_table
from warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class QualityLimits:
    """From when a view's rows are a breach of `reelhouse check`; no part of the view's version."""

    psi: float = 0.25
    """Population stability index of a column against what the champion learnt from."""
    null_rise: float = 0.2
    """By how much a column's share of unknown values may have grown since then."""
    lost: float = 0.05
    """Share of the movies with the modality that may lose it from one night to the next."""


class FeatureView:
    """A feature view: what it reads, what it computes, and the version that follows from both.

    The version also follows from the conforming SQL behind the tables of `core` that the view reads: once
    that changes, the next build computes the view anew.

    Subclasses set the class attributes, give `inputs` and `compute`, and list in `parameters` everything else
    that the output depends on (an encoder's weights, a word list).

    `inputs` is a SELECT over `core`, or over `raw` for what `core` does not keep. It gives one row per movie
    that has the modality, with `movie_id` and the columns that `compute` reads. It must read movies through
    the relation ``wanted(movie_id)``, which the store puts in front of it. That holds live movies when the
    store looks for stale ones, and one partition when it computes. Lists are ordered, so that equal inputs
    hash alike.

    Example:
        >>> from features import build_view
        >>> class TitleLength(FeatureView):
        ...     name, comment = "title_length", "Length of the title."
        ...     columns = (Column("characters", "BIGINT", "Characters of the title."),)
        ...     inputs = "SELECT movie_id, title FROM core.movies SEMI JOIN wanted USING (movie_id)"
        ...     def compute(self, inputs: pa.Table) -> pa.Table:
        ...         lengths = [len(title) for title in inputs["title"].to_pylist()]
        ...         return pa.table({"movie_id": inputs["movie_id"], "characters": lengths})
        >>> build_view(warehouse, TitleLength()).computed
        3
    """

    name: ClassVar[str]
    comment: ClassVar[str]
    """One sentence for the table's comment."""
    revision: ClassVar[int] = 1
    """Raised by the author when `compute` gives other output for the same inputs and parameters."""
    columns: ClassVar[tuple[Column, ...]]
    """The view's own columns, after those that every view has."""
    inputs: ClassVar[str]
    partition_rows: int = 100_000
    limits: ClassVar[QualityLimits] = QualityLimits()
    light: ClassVar[bool] = False
    """Whether computing a partition takes less than sending it, so that no executor is given it."""

    def parameters(self) -> Mapping[str, object]:
        """Everything besides the inputs that the output depends on, as JSON-ready values."""
        return {}

    def compute(self, inputs: pa.Table) -> pa.Table:
        """The view's columns for the rows of `inputs`, in any order, with `movie_id`.

        Two columns are optional: `present` (bool; false when nothing usable is left of a movie's input) and
        `failed` (string; why a movie could not be computed, null otherwise). Must not depend on which movies
        share a table.
        """
        raise NotImplementedError

    def definition(self) -> str:
        """Return canonical JSON of everything that decides this view's output.

        The SQL that makes the tables of `core` that it reads is part of it as a hash for each table, which is
        left out while the SQL is as recorded: see `warehouse.conform.fingerprint`.
        """
        parts = {
            "name": self.name,
            "entity": "movie_id",
            "revision": self.revision,
            "columns": {column.name: column.type for column in self.columns},
            "inputs": " ".join(self.inputs.split()),
            "parameters": dict(self.parameters()),
        }
        if conforming := changed_tables(self.inputs):
            parts["conforming"] = conforming
        return json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @cached_property
    def version(self) -> str:
        """The first 12 hexadecimal digits of the definition's SHA-256."""
        return hashlib.sha256(self.definition().encode()).hexdigest()[:12]

    def __getstate__(self) -> dict[str, object]:
        """What goes to another process: neither a loaded encoder nor its files' place, both found there."""
        return {
            name: None if name == "_loaded" else value
            for name, value in self.__dict__.items()
            if not isinstance(getattr(type(self), name, None), cached_property)
        }

    def require(self, version: str) -> None:
        """Raise OtherVersion where this process would not compute that version of the view."""
        if self.version != version:
            raise OtherVersion(
                f"{self.name} is to be computed in version {version}, but with the code and the encoder's "
                f"files on {platform.node()} it is {self.version}: install the same there"
            )

    def __repr__(self) -> str:
        return f"<feature view {self.name} r{self.revision}>"


def declare_table(warehouse: Warehouse, view: FeatureView) -> None:
    """Make the view's table known to the warehouse, and create it where it is missing."""
    table = feature_table(view.name, view.comment, view.columns)
    try:
        if warehouse.table(table.name) == table:
            return
    except SchemaMismatch:
        pass  # the first time that this process meets the view
    warehouse.declare(table)


def vector_column(vectors: npt.NDArray[np.float32]) -> pa.ListArray:
    """The rows of an `(n, width) float32` matrix as a list column."""
    n, width = vectors.shape
    offsets = pa.array(np.arange(n + 1, dtype=np.int32) * width)
    return pa.ListArray.from_arrays(offsets, pa.array(vectors.reshape(-1), pa.float32()))
