"""The as-of join, against an oracle that looks at every row for every question."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import FeatureView, SpineError, training, training_set
from features.training import as_of_sql, explain
from tests.features.conftest import TIME
from warehouse import Location, Warehouse
from warehouse.schema import Column, feature_table

DAY_0 = datetime(2024, 1, 1, tzinfo=UTC)


class Numbers(FeatureView):
    name: ClassVar[str] = "numbers"
    comment: ClassVar[str] = "A number."
    columns: ClassVar[tuple[Column, ...]] = (
        Column("value", "BIGINT", "The number."),
        Column("values", "BIGINT[]", "Numbers."),
    )
    inputs: ClassVar[str] = "SELECT movie_id FROM core.movies SEMI JOIN wanted USING (movie_id)"


class Others(Numbers):
    name: ClassVar[str] = "others"


class Unbuilt(Numbers):
    name: ClassVar[str] = "unbuilt"


Row = tuple[int, int, int, bool]
"""movie_id, event day, known day, present"""

rows = st.lists(
    st.tuples(st.integers(1, 3), st.integers(0, 6), st.integers(0, 6), st.booleans()),
    max_size=12,
    unique_by=lambda row: row[
        :3
    ],  # what the store writes is unique by movie and known_time, so also by these
)
spines = st.lists(st.tuples(st.integers(1, 4), st.integers(-1, 7)), max_size=8)


def day(n: int) -> datetime:
    return DAY_0 + timedelta(days=n)


def oracle(history: list[Row], movie: int, t: int) -> int | None:
    """The position of the row that holds for a movie on day t."""
    seen = [
        ((event, known), i)
        for i, (row_movie, event, known, _) in enumerate(history)
        if row_movie == movie and event <= t and known <= t
    ]
    return max(seen)[1] if seen else None


@pytest.fixture(scope="module", params=[10**9, -1], ids=["in memory", "by DuckDB"])
def lake(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    location = Location.under(Path(tmp_path_factory.mktemp("lake")))
    with pytest.MonkeyPatch.context() as patch, Warehouse.open(location) as warehouse:
        patch.setattr(training, "ROWS_A_QUESTION", request.param)
        for view in (Numbers(), Others()):
            warehouse.declare(feature_table(view.name, view.comment, view.columns))
        yield warehouse


def put(wh: Warehouse, view: FeatureView, history: list[Row], version: str | None = None) -> None:
    """Make the history all there is of a view."""
    with wh.transaction() as tx:
        tx.replace(f"features.{view.name}", table_of(view, history, version), {})


def table_of(view: FeatureView, history: list[Row], version: str | None = None) -> pa.Table:
    return pa.table(
        {
            "movie_id": pa.array([row[0] for row in history], pa.int64()),
            "view_version": pa.array([version or view.version] * len(history), pa.string()),
            "event_time": pa.array([day(row[1]) for row in history], TIME),
            "known_time": pa.array([day(row[2]) for row in history], TIME),
            "input_hash": pa.array(["-"] * len(history), pa.string()),
            "present": pa.array([row[3] for row in history], pa.bool_()),
            "value": pa.array(range(len(history)), pa.int64()),
            "values": pa.array([[i, i] for i in range(len(history))], pa.list_(pa.int64())),
        }
    )


def spine(asked: list[tuple[int, int]], *, times: bool = True) -> pa.Table:
    columns: dict[str, Any] = {"movie_id": pa.array([movie for movie, _ in asked], pa.int64())}
    if times:
        columns["as_of"] = pa.array([day(t) for _, t in asked], TIME)
    return pa.table(columns)


def expected(history: list[Row], movie: int, t: int) -> tuple[bool, int | None]:
    found = oracle(history, movie, t)
    present = found is not None and history[found][3]
    return present, found if present else None


@settings(deadline=None)
@given(history=rows, asked=spines)
def test_each_row_gets_the_latest_that_was_true_and_known(
    history: list[Row], asked: list[tuple[int, int]]
) -> None:
    view = Numbers()
    with duckdb.connect(config={"threads": 1}) as plain:
        plain.register("history", table_of(view, history))
        plain.register("asked", spine(asked))
        plain.execute("CREATE SCHEMA features; CREATE TABLE features.numbers AS FROM history")
        plain.execute(
            "CREATE TABLE spine AS SELECT row_number() OVER () - 1 AS __row, movie_id, as_of FROM asked"
        )
        found = plain.execute(as_of_sql(view), {"version": view.version, "known_by": day(99)}).fetchall()
    assert [(present or False, value) for _, present, value, _ in sorted(found)] == [
        expected(history, movie, t) for movie, t in asked
    ]


def test_several_views_are_joined_each_on_its_own(lake: Warehouse) -> None:
    one: list[Row] = [(1, 0, 0, True), (1, 2, 2, True), (2, 0, 3, True)]
    other: list[Row] = [(1, 1, 4, True), (1, 5, 1, False), (2, 0, 0, True)]
    put(lake, Numbers(), one)
    put(lake, Others(), other)
    asked = [(movie, t) for movie in (1, 2, 3) for t in range(7)]
    table = training_set(lake, spine(asked), [Numbers(), Unbuilt(), Others()]).table
    for name, history in (("numbers", one), ("unbuilt", []), ("others", other)):
        want = [expected(history, movie, t) for movie, t in asked]
        found = zip(table[f"{name}__present"].to_pylist(), table[f"{name}__value"].to_pylist(), strict=True)
        assert list(found) == want
        assert table[f"{name}__values"].to_pylist() == [None if i is None else [i, i] for _, i in want]


def value(wh: Warehouse, movie: int, t: int | None) -> int | None:
    at = None if t is None else day(t)
    found = training_set(wh, spine([(movie, 0)], times=False), [Numbers()], as_of=at)
    result: int | None = found.table["numbers__value"].to_pylist()[0]
    return result


@settings(deadline=None, max_examples=6)
@given(one=rows, other=rows, asked=spines)
def test_training_sets_of_two_views_are_what_the_oracle_says(
    lake: Warehouse, one: list[Row], other: list[Row], asked: list[tuple[int, int]]
) -> None:
    put(lake, Numbers(), one)
    put(lake, Others(), other)
    table = training_set(lake, spine(asked), [Numbers(), Others()]).table
    for name, history in (("numbers", one), ("others", other)):
        found = zip(table[f"{name}__present"].to_pylist(), table[f"{name}__value"].to_pylist(), strict=True)
        assert list(found) == [expected(history, movie, t) for movie, t in asked]


def test_what_became_known_later_is_not_used_though_it_was_true_before(lake: Warehouse) -> None:
    put(lake, Numbers(), [(1, 0, 5, True)])
    assert [value(lake, 1, t) for t in (0, 4, 5)] == [None, None, 0]


def test_what_becomes_true_later_is_not_used_though_it_was_known_before(lake: Warehouse) -> None:
    put(lake, Numbers(), [(1, 0, 0, True), (1, 5, 1, True)])
    assert [value(lake, 1, t) for t in (0, 4, 5)] == [0, 0, 1]


def test_a_late_correction_of_the_past_does_not_replace_what_is_newer(lake: Warehouse) -> None:
    put(lake, Numbers(), [(1, 3, 3, True), (1, 1, 4, True)])
    assert [value(lake, 1, t) for t in (2, 3, 4, None)] == [None, 0, 0, 0]


def test_a_correction_at_the_same_event_time_wins_once_it_is_known(lake: Warehouse) -> None:
    put(lake, Numbers(), [(1, 1, 1, True), (1, 1, 4, True)])
    assert [value(lake, 1, t) for t in (1, 3, 4)] == [0, 0, 1]


def test_a_modality_that_was_lost_is_absent_from_then_on(lake: Warehouse) -> None:
    put(lake, Numbers(), [(1, 0, 0, True), (1, 2, 2, False)])
    assert [value(lake, 1, t) for t in (1, 2, None)] == [0, None, None]


def test_rows_of_other_versions_are_not_seen(lake: Warehouse) -> None:
    put(lake, Numbers(), [(1, 0, 0, True)], version="another")
    assert value(lake, 1, None) is None


def test_the_spine_keeps_its_columns_its_order_and_its_repeats(lake: Warehouse) -> None:
    put(lake, Numbers(), [(1, 0, 0, True), (2, 0, 0, True)])
    asked = pa.table({"movie_id": [2, 9, 1, 2], "fold": ["a", "b", "c", "d"]})
    found = training_set(lake, asked, {"numbers": Numbers()})
    assert found.table["fold"].to_pylist() == ["a", "b", "c", "d"]
    assert found.table["numbers__value"].to_pylist() == [1, None, 0, 1]
    assert found.view("numbers").column_names == ["present", "value", "values"]
    assert found.versions == {"numbers": Numbers().version}
    assert found.snapshot_id == lake.snapshot_id


def test_an_empty_spine_gives_no_rows_with_all_columns(lake: Warehouse) -> None:
    found = training_set(lake, spine([]), [Numbers()]).table
    assert found.num_rows == 0
    assert found.column_names == [
        "movie_id",
        "as_of",
        "numbers__present",
        "numbers__value",
        "numbers__values",
    ]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (pa.table({"id": [1]}), "needs the column movie_id"),
        (pa.table({"movie_id": ["tt1"]}), "movie_id is string"),
        (pa.table({"movie_id": [1], "as_of": ["2024-01-01"]}), "as_of is string"),
        (pa.table({"movie_id": [1], "as_of": pa.array([DAY_0.replace(tzinfo=None)])}), "time zone"),
    ],
)
def test_what_is_no_spine_is_refused(lake: Warehouse, wrong: pa.Table, message: str) -> None:
    with pytest.raises(SpineError, match=message):
        training_set(lake, wrong, [Numbers()])


def test_a_time_without_its_zone_is_refused(lake: Warehouse) -> None:
    with pytest.raises(SpineError, match="time zone"):
        training_set(lake, spine([]), [Numbers()], as_of=datetime(2024, 1, 1))  # noqa: DTZ001 — the point


def test_what_was_learnt_after_a_set_was_made_can_be_left_out(lake: Warehouse) -> None:
    put(lake, Numbers(), [(1, 0, 0, True), (1, 1, 3, True)])
    asked = spine([(1, 0)], times=False)
    assert training_set(lake, asked, [Numbers()]).table["numbers__value"].to_pylist() == [1]
    then = training_set(lake, asked, [Numbers()], known_by=day(2))
    assert then.table["numbers__value"].to_pylist() == [0]


def test_rows_that_are_read_in_another_order_the_second_time_are_found_again() -> None:
    ids, read = np.array([7, 3, 9, 40]), np.array([40, 9, 3, 7])
    places = np.array([0, 3, 3, 1])
    assert read[training._moved(places, ids, read)].tolist() == ids[places].tolist()


def test_the_sql_can_be_read(lake: Warehouse) -> None:
    text = explain({"numbers": Numbers()})
    assert f"-- numbers, $version = '{Numbers().version}'" in text
    assert "known_time <= as_of" in text
