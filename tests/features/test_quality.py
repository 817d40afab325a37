"""What is measured of a view's rows, and drift against what was known earlier."""

from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from features import FeatureView, build_view
from features.quality import WHOLE, DriftReference, measure, population_stability, unchanged_since
from tests.features.conftest import Clock, Core
from warehouse import Warehouse
from warehouse.schema import Column

N = 300


class Kinds(FeatureView):
    """A column of every kind, made of a movie's running time."""

    name: ClassVar[str] = "kinds"
    comment: ClassVar[str] = "Every kind of column."
    columns: ClassVar[tuple[Column, ...]] = (
        Column("minutes", "INTEGER", "A number."),
        Column("long", "BOOLEAN", "A truth."),
        Column("word", "VARCHAR", "A word."),
        Column("words", "VARCHAR[]", "Words."),
        Column("vector", "FLOAT[]", "A vector."),
    )
    inputs: ClassVar[str] = """
        SELECT movie_id, runtime_minutes AS minutes, runtime_minutes > 100 AS long,
               'about ' || (runtime_minutes // 50)::VARCHAR AS word,
               list_resize(['a'], runtime_minutes % 4 + 1) AS words,
               [runtime_minutes / 100, -runtime_minutes / 200]::FLOAT[] AS vector
        FROM core.movies SEMI JOIN wanted USING (movie_id) WHERE title IS NOT NULL
    """

    def compute(self, inputs: pa.Table) -> pa.Table:
        return inputs


def put(core: Core, n: int = N, *, shift: int = 0, without: int = 0, untitled: int = 0) -> None:
    core.movies(
        *(
            {
                "movie_id": i,
                "title": None if i < untitled else "x",
                "runtime_minutes": None if i < without else 60 + i % 90 + shift,
            }
            for i in range(n)
        )
    )


def measured(wh: Warehouse, reference: DriftReference | None = None) -> dict[str, dict[str, Any]]:
    return {row["column_name"]: row for row in measure(wh, Kinds(), reference).to_pylist()}


def test_coverage_unknown_values_and_spread_are_measured(wh: Warehouse, core: Core) -> None:
    put(core, without=30, untitled=15)
    build_view(wh, Kinds())
    found = measured(wh)
    assert list(found) == [WHOLE, *(column.name for column in Kinds.columns)]
    assert {(row["movies"], row["present"]) for row in found.values()} == {(N, N - 15)}
    assert found[WHOLE]["mean"] == pytest.approx(0.95)
    minutes = np.array([60 + i % 90 for i in range(30, N)])
    assert found["minutes"]["null_rate"] == pytest.approx(15 / 285)
    for name, value in (("mean", minutes.mean()), ("stddev", minutes.std()), ("median", np.median(minutes))):
        assert found["minutes"][name] == pytest.approx(value)
    assert (found["minutes"]["minimum"], found["minutes"]["maximum"]) == (60, 149)
    assert found["long"]["mean"] == pytest.approx((minutes > 100).mean())
    assert found["word"]["mean"] is None
    assert found["vector"]["mean"] == pytest.approx(minutes.mean() / 400, rel=1e-5)
    assert {row["psi"] for row in found.values()} == {None}


def test_drift_is_against_what_was_known_then_and_zero_where_nothing_moved(
    wh: Warehouse, core: Core, clock: Clock
) -> None:
    put(core)
    build_view(wh, Kinds())
    then = DriftReference("movielens tags 1", clock.now)
    clock.turn(days=1)
    found = measured(wh, then)
    assert {row["psi"] for name, row in found.items() if name != WHOLE} == {0.0}
    put(core, shift=60, without=60)
    build_view(wh, Kinds())
    moved = measured(wh, then)
    assert min(moved[name]["psi"] for name in ("minutes", "word", "vector")) > 0.25
    assert (moved["minutes"]["null_rate"], moved["minutes"]["reference_null_rate"]) == (0.2, 0.0)
    assert moved["minutes"]["reference_mean"] == found["minutes"]["mean"] < moved["minutes"]["mean"]
    assert {
        row["psi"] for name, row in measured(wh, DriftReference("new", clock.now)).items() if name != WHOLE
    } == {0.0}


def test_few_movies_say_nothing_about_drift(wh: Warehouse, core: Core, clock: Clock) -> None:
    put(core, 50)
    build_view(wh, Kinds())
    assert {row["psi"] for row in measured(wh, DriftReference("one", clock.now)).values()} == {None}


def test_large_views_are_looked_at_by_a_sample_and_counted_whole(
    wh: Warehouse, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(core, untitled=1)
    build_view(wh, Kinds())
    monkeypatch.setattr("features.quality.SAMPLED", 100)
    found = measured(wh)
    assert found[WHOLE]["present"] == N - 1
    assert found["minutes"]["mean"] == np.mean([60 + i % 90 for i in range(3, N, 3)])


def test_a_measurement_holds_until_a_row_or_a_movie_comes(wh: Warehouse, core: Core, clock: Clock) -> None:
    put(core, 5)
    build_view(wh, Kinds())
    clock.turn(hours=1)
    assert unchanged_since(wh, Kinds(), clock.now, 5)
    assert not unchanged_since(wh, Kinds(), clock.now, 6)
    noted = clock.now
    clock.turn(hours=1)
    put(core, 5, shift=1)
    build_view(wh, Kinds())
    assert not unchanged_since(wh, Kinds(), noted, 5)


def test_an_empty_view_can_be_measured(wh: Warehouse) -> None:
    found = measured(wh)
    assert found[WHOLE]["mean"] is None
    assert found["minutes"]["null_rate"] is None


def test_psi_of_a_known_case() -> None:
    now, then = np.array([200, 800]), np.array([500, 500])
    assert population_stability(now, then) == pytest.approx(0.3 * np.log(800 / 200), rel=0.01)
