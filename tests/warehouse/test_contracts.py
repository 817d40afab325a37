"""Rows that break a contract are set aside with the reason and the original; the others land."""

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse import Column, Table, Warehouse, WriteResult

T = Table(
    "features.contract",
    "For the tests of this module.",
    (
        Column("key", "BIGINT", "Key.", required=True, minimum=1),
        Column("share", "DOUBLE", "Share.", minimum=0, maximum=1),
        Column("count", "INTEGER", "Count.", minimum=0),
        Column("weight", "DOUBLE", "Weight.", minimum=0),
        Column("word", "VARCHAR", "Word.", allowed=("yes", "no")),
        Column("code", "VARCHAR", "Code.", pattern=r"tt\d+"),
        Column("at", "TIMESTAMPTZ", "Time."),
        Column("day", "DATE", "Day."),
        Column("body", "JSON", "JSON."),
        Column("vector", "FLOAT[]", "Vector."),
    ),
    unique=("key",),
)


@pytest.fixture
def declared(wh: Warehouse) -> Warehouse:
    wh.declare(T)
    return wh


def write(wh: Warehouse, data: pa.Table) -> tuple[WriteResult, list[dict[str, Any]]]:
    """Replace the table and the quarantine, and return what the write reports and what it set aside."""
    with wh.transaction() as tx:
        tx.execute("DELETE FROM ops.quarantine")
        result = tx.replace(T.name, data, {})
    return result, wh.query("SELECT reason, original FROM ops.quarantine ORDER BY reason").to_pylist()


@pytest.mark.parametrize(
    ("column", "bad", "reason"),
    [
        ("key", [None], "key is missing"),
        ("key", [0], "key is below 1"),
        ("key", ["x"], "key is not a BIGINT"),
        ("key", ["1.5"], "key is not a BIGINT"),
        ("key", [1.5], "key is not a BIGINT"),
        ("key", [1e300], "key is not a BIGINT"),
        ("share", [-0.1], "share is below 0"),
        ("share", [1.1], "share is above 1"),
        ("share", [float("nan")], "share is above 1"),
        ("weight", [float("nan")], "weight is not a number"),
        ("share", ["much"], "share is not a DOUBLE"),
        ("count", [2**40], "count is not a INTEGER"),
        ("word", ["maybe"], "word is none of yes, no"),
        ("code", ["tt1x"], r"code does not look like tt\d+"),
        ("code", ["tt1\n"], r"code does not look like tt\d+"),
        ("at", ["yesterday"], "at is not a TIMESTAMPTZ"),
        ("day", ["2026-02-30"], "day is not a DATE"),
        ("body", ["{broken"], "body is not a JSON"),
    ],
)
def test_each_rule_sets_its_row_aside(declared: Warehouse, column: str, bad: list[Any], reason: str) -> None:
    good = {"key": 7} if column != "key" else {"key": type(bad[0])(7) if bad[0] is not None else 7}
    rows = [
        {**good, **({column: None} if column != "key" else {})},
        {"key": type(good["key"])(8), column: bad[0]},
    ]
    names = list({name: None for row in rows for name in row})
    data = pa.table({name: [row.get(name) for row in rows] for name in names})
    result, aside = write(declared, data)
    assert result == WriteResult(2, 1, 1)
    assert [row["reason"] for row in aside] == [reason]
    original = json.loads(aside[0]["original"].replace("NaN", "null"))
    assert original.keys() == set(names)
    assert declared.scalar("SELECT key FROM features.contract") == 7


def test_every_reason_of_a_row_is_given(declared: Warehouse) -> None:
    _, aside = write(declared, pa.table({"key": [0], "word": ["maybe"]}))
    assert [row["reason"] for row in aside] == ["key is below 1; word is none of yes, no"]


def test_the_first_of_repeated_keys_lands(declared: Warehouse) -> None:
    data = pa.table({"key": [5, 5, 6, 5], "word": ["yes", "no", "no", "bad"]})
    result, aside = write(declared, data)
    assert result == WriteResult(4, 2, 2)
    assert declared.query("SELECT key, word FROM features.contract ORDER BY key").to_pylist() == [
        {"key": 5, "word": "yes"},
        {"key": 6, "word": "no"},
    ]
    assert [row["reason"] for row in aside] == ["repeats an earlier row's key", "word is none of yes, no"]


def test_a_bad_row_does_not_make_a_good_one_a_repetition(declared: Warehouse) -> None:
    result, _ = write(declared, pa.table({"key": [5, 5], "word": ["bad", "yes"]}))
    assert result == WriteResult(2, 1, 1)
    assert declared.scalar("SELECT word FROM features.contract") == "yes"


def test_values_are_cast_where_nothing_is_lost(declared: Warehouse) -> None:
    data = pa.table(
        {
            "key": ["1", " 2 "],
            "share": ["0.5", "1"],
            "at": ["2026-11-21 01:30:00+00", "2026-11-21T02:30:00+01"],
            "body": ['{"a": 1}', "[]"],
            "vector": [[0.5, 1.0], None],
        }
    )
    result, aside = write(declared, data)
    assert (result, aside) == (WriteResult(2, 2, 0), [])
    rows = declared.query('SELECT key, share, "at", vector FROM features.contract ORDER BY key').to_pylist()
    assert [row["key"] for row in rows] == [1, 2]
    assert {row["at"] for row in rows} == {datetime(2026, 11, 21, 1, 30, tzinfo=UTC)}
    assert rows[0]["vector"] == [0.5, 1.0]


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-2, 4) | st.none(), st.sampled_from(["yes", "no", "bad", None])), max_size=30
    )
)
def test_every_row_lands_or_is_set_aside(
    declared_for_all: Warehouse, rows: list[tuple[int | None, str | None]]
) -> None:
    data = pa.table(
        {
            "key": pa.array([row[0] for row in rows], pa.int64()),
            "word": pa.array([row[1] for row in rows], pa.string()),
        }
    )
    result, aside = write(declared_for_all, data)
    seen: set[int] = set()
    good = []
    for key, word in rows:
        if key is not None and key >= 1 and word != "bad" and key not in seen:
            seen.add(key)
            good.append((key, word))
    assert result == WriteResult(len(rows), len(good), len(rows) - len(good))
    stored = declared_for_all.query("SELECT key, word FROM features.contract").to_pylist()
    assert sorted((row["key"], row["word"] or "") for row in stored) == sorted((k, w or "") for k, w in good)
    assert len(aside) == len(rows) - len(good)


@pytest.fixture(scope="module")
def declared_for_all(empty_home: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One lake for all examples of a property."""
    import shutil

    from warehouse import Location

    home = tmp_path_factory.mktemp("contracts") / "home"
    shutil.copytree(empty_home, home)
    with Warehouse.open(Location.under(home)) as wh:
        wh.declare(T)
        yield wh
