"""How good a view's rows are tonight: coverage, unknown values, how each column spreads, and how far that has
moved from what a model learnt from.

Every column is looked at as one number or one word per movie: a list by its length, a vector by the mean of
its elements, which moves when vectors turn. Movies are a sample of at most `SAMPLED`, the same ones every
night, so memory is bounded; coverage is counted over all of them.
"""

# ruff: noqa: S608 — names are the views' own constants, identifiers are quoted, values are bound

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from features.current import current_rows
from features.view import FeatureView, declare_table
from warehouse.identifiers import quote
from warehouse.live import LIVE_MOVIES
from warehouse.warehouse import Warehouse

SAMPLED = 50_000
"""Movies whose values are looked at."""
FEWEST = 200
"""Fewer movies than this, then or now, say nothing about drift: shares of so few move by chance."""
BINS = 10
WHOLE = "present"
"""The column whose row speaks of the view as a whole: its mean is the coverage."""

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class DriftReference:
    """What drift is measured against: a view's rows as they were known when a model learnt from them."""

    name: str
    """Label set, model and version."""
    known_by: datetime


def population_stability(now: Counts, then: Counts) -> float:
    """Return the population stability index of two histograms over the same bins; 0 for equal shares.

    PSI = sum of (p - q) ln(p / q), with half a movie added to every bin; below 0.1 is read as stable, above
    0.25 as moved (Siddiqi 2006).

    >>> population_stability(np.array([50, 50]), np.array([500, 500]))
    0.0
    """
    p = (now + 0.5) / (now + 0.5).sum()
    q = (then + 0.5) / (then + 0.5).sum()
    return float(((p - q) * np.log(p / q)).sum())


def measure(warehouse: Warehouse, view: FeatureView, reference: DriftReference | None = None) -> pa.Table:
    """Return the rows of `ops.feature_quality` for the view's current rows (columns `MEASURED`).

    There is one row for each of the view's columns, after one for `present`, which is about the whole view.
    `psi` is null without a reference, and where there are fewer than `FEWEST` movies then or now.
    """
    declare_table(warehouse, view)
    movies = int(warehouse.scalar(_LIVE))
    counted = f"SELECT count(*) FILTER (present) FROM ({current_rows(_table(view))})"
    present = int(warehouse.scalar(counted, {"version": view.version}))
    then = reference.known_by if reference else None
    rows = warehouse.query(
        _values(view), {"version": view.version, "then": then, "every": max(1, movies // SAMPLED)}
    )
    is_now, is_then = (pc.fill_null(rows[name], fill_value=False) for name in ("__now", "__then"))
    now, before = rows.filter(is_now), rows.filter(is_then)
    statistics: dict[str, Mapping[str, float | None]] = {
        WHOLE: {"null_rate": 0.0, "mean": present / movies if movies else None},
        **{column.name: _described(now[column.name], before[column.name]) for column in view.columns},
    }
    shared = {
        "view": view.name, "view_version": view.version, "movies": movies, "present": present,
        "reference": reference.name if reference else None, "reference_time": then,
    }  # fmt: skip
    rows_of = [{**shared, "column_name": name, **row} for name, row in statistics.items()]
    return pa.Table.from_pylist(rows_of, MEASURED)


MEASURED = pa.schema(
    [
        ("view", pa.string()),
        ("view_version", pa.string()),
        ("column_name", pa.string()),
        ("movies", pa.int64()),
        ("present", pa.int64()),
        ("null_rate", pa.float64()),
        ("mean", pa.float64()),
        ("stddev", pa.float64()),
        ("minimum", pa.float64()),
        ("median", pa.float64()),
        ("maximum", pa.float64()),
        ("reference", pa.string()),
        ("reference_time", pa.timestamp("us", tz="UTC")),
        ("reference_null_rate", pa.float64()),
        ("reference_mean", pa.float64()),
        ("psi", pa.float64()),
    ]
)
"""Columns of a measurement."""

_LIVE = f"SELECT count(*) FROM {LIVE_MOVIES}"


def unchanged_since(warehouse: Warehouse, view: FeatureView, moment: datetime, movies: int) -> bool:
    """Return whether a measurement of that moment, with `movies` live movies then, still holds."""
    declare_table(warehouse, view)
    newest = warehouse.scalar(
        f"SELECT max(known_time) FROM {_table(view)} WHERE view_version = $version", {"version": view.version}
    )
    live = warehouse.scalar(_LIVE)
    return bool((newest is None or newest < moment) and live == movies)


def _table(view: FeatureView) -> str:
    return f"features.{quote(view.name)}"


def _values(view: FeatureView) -> str:
    """Return SQL for one number or word per column of the rows that hold now or held then.

    The columns `__now` and `__then` tell which.
    """
    shown = ", ".join(f"{_seen(column.name, column.type)} AS {quote(column.name)}" for column in view.columns)
    return f"""
        WITH held AS (
            SELECT movie_id, max(known_time) AS now, max(known_time) FILTER (known_time <= $then) AS before
            FROM {_table(view)} WHERE view_version = $version AND movie_id % $every = 0 GROUP BY movie_id
        )
        SELECT {shown}, known_time = now AS __now, known_time = before AS __then
        FROM {_table(view)} JOIN held USING (movie_id)
        WHERE view_version = $version AND present AND (known_time = now OR known_time = before)
    """


def _seen(name: str, kind: str) -> str:
    if kind == "VARCHAR":
        return quote(name)
    if kind == "VARCHAR[]":
        return f"len({quote(name)})::DOUBLE"
    return f"list_avg({quote(name)})::DOUBLE" if kind.endswith("[]") else f"{quote(name)}::DOUBLE"


def _described(now: pa.ChunkedArray, then: pa.ChunkedArray) -> Mapping[str, float | None]:
    """Return the statistics of a column's values now, and how far they have moved."""
    statistics: dict[str, float | None] = {"null_rate": _unknown(now), "reference_null_rate": _unknown(then)}
    if pa.types.is_string(now.type):
        counts = _words
    else:
        counts = _numbers
        known = now.drop_null().to_numpy()
        if len(known):
            statistics |= {
                "mean": float(known.mean()), "stddev": float(known.std()), "minimum": float(known.min()),
                "median": float(np.median(known)), "maximum": float(known.max()),
            }  # fmt: skip
        if len(then) > then.null_count:
            statistics["reference_mean"] = float(then.drop_null().to_numpy().mean())
    if min(len(now), len(then)) >= FEWEST:
        statistics["psi"] = population_stability(*counts(now, then))
    return statistics


def _unknown(values: pa.ChunkedArray) -> float | None:
    return values.null_count / len(values) if len(values) else None


def _numbers(now: pa.ChunkedArray, then: pa.ChunkedArray) -> tuple[Counts, Counts]:
    """Return movies per bin, now and then; the tenths of the values then are the edges, null the last bin."""
    known = then.drop_null().to_numpy()
    edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)

    def counted(values: pa.ChunkedArray) -> Counts:
        # a value on an edge is a bin of its own: where many movies share it, it is no border
        below = np.searchsorted(edges, values.drop_null().to_numpy(), "left")
        above = np.searchsorted(edges, values.drop_null().to_numpy(), "right")
        return np.append(np.bincount(below + above, minlength=2 * len(edges) + 1), values.null_count)

    return counted(now), counted(then)


def _words(now: pa.ChunkedArray, then: pa.ChunkedArray) -> tuple[Counts, Counts]:
    """Return movies per word, now and then: the most frequent words of then, all others, and null."""
    counted = then.drop_null().value_counts()
    table = pa.table({"word": counted.field("values"), "n": counted.field("counts")})
    common = table.sort_by([("n", "descending"), ("word", "ascending")])["word"][:BINS].combine_chunks()

    def shared(values: pa.ChunkedArray) -> Counts:
        codes = pc.fill_null(pc.index_in(values.drop_null(), common), len(common)).to_numpy()
        return np.append(np.bincount(codes, minlength=len(common) + 1), values.null_count)

    return shared(now), shared(then)
