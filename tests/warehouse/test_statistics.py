"""The catalogue keeps no bounds of whole tables, so that none can hide rows."""

from typing import Any

import pyarrow as pa
import pytest

from tests.warehouse.planted import append_steps
from warehouse import Column, Table, Warehouse
from warehouse.file_reader import opened
from warehouse.schema import Contract, Mode

T = Table(
    "core.things",
    "Things.",
    (
        Column("g", "VARCHAR", "The partition."),
        Column("d", "BIGINT", "A number."),
        Column("f", "DOUBLE", "A fraction."),
        Column("b", "BOOLEAN", "A truth."),
        Column("t", "TIMESTAMPTZ", "A time."),
        Column("j", "JSON", "A document."),
        Column("v", "FLOAT[]", "A vector."),
    ),
    contract=Contract(columns=Mode.EVOLVE),
    partitioned_by=("g",),
)


def bounds(wh: Warehouse) -> list[str]:
    """Return the columns whose bounds the catalogue keeps for a whole table."""
    with opened(wh.location) as reader:
        return [f"{t.table}.{column.column}" for t in reader.table_statistics() for column in t.columns]


def put(wh: Warehouse, *rows: dict[str, Any]) -> None:
    wh.commit(lambda tx: tx.append("core.things", pa.Table.from_pylist(list(rows), schema=SHAPE)))


SHAPE = pa.schema({"g": pa.string(), "d": pa.int64(), "f": pa.float64()})


def test_a_new_lake_keeps_no_bounds_of_whole_tables(wh: Warehouse) -> None:
    assert bounds(wh) == []
    assert set(wh.table_counts().values()) - {0}, "what the layout itself writes"


def test_a_commit_of_several_files_of_which_the_first_has_no_value_hides_nothing(wh: Warehouse) -> None:
    """DuckLake forgets the bounds in such a commit where it knew none before."""
    wh.declare(T)
    put(wh, {"g": "r", "d": None}, {"g": "q", "d": 1, "f": 0.5})
    put(wh, {"g": "r", "d": 50, "f": 1.5})
    assert wh.scalar("SELECT count(*) FROM core.things WHERE d = 1") == 1
    assert wh.query("SELECT d FROM core.things ORDER BY d")["d"].to_pylist() == [1, 50, None]
    assert wh.scalar("SELECT count(*) FROM core.things WHERE f < 1") == 1
    assert bounds(wh) == []


@pytest.mark.parametrize("text", ["é" * 300, "e" * 300, "\U0001f3ac" * 90])
def test_long_texts_hide_no_others(wh: Warehouse, text: str) -> None:
    """DuckLake knows no bounds of a file with such a text, and then takes the next file's for the table's."""
    for texts in (["m", "n"], [text], ["x"]):
        wh.commit(lambda tx: [append(tx, name, None) for name in texts])  # noqa: B023 - called at once
    ask = "SELECT list(step ORDER BY step) FROM ops.steps WHERE "
    assert wh.scalar(ask + "step = 'm'") == ["m"]
    assert wh.scalar(ask + "step < 'o'") == sorted(["m", "n", *([text] if text < "o" else [])])
    assert wh.scalar("SELECT count(*) FROM ops.steps a JOIN ops.steps b USING (step)") == 4
    assert wh.query("SELECT step FROM ops.steps ORDER BY step")["step"].to_pylist() == sorted(
        ["m", "n", "x", text]
    )
    assert bounds(wh) == []


def test_a_transaction_of_several_inserts_hides_nothing(wh: Warehouse) -> None:
    wh.commit(lambda tx: [append(tx, f"s{value}", value) for value in (None, 5, 50)])
    append_steps(wh, z=7)
    assert wh.scalar("SELECT count(*) FROM ops.steps WHERE rows_in = 50") == 1


def append(tx: Any, step: str, rows_in: int | None) -> None:
    tx.execute(
        "INSERT INTO ops.steps (run_id, step, attempt, state, started_at, rows_in) "
        "VALUES ('r', ?, 1, 'completed', now(), ?)",
        [step, rows_in],
    )


def test_a_column_that_came_with_the_data_hides_nothing(wh: Warehouse) -> None:
    wh.declare(T)
    wider = SHAPE.append(pa.field("e", pa.int64()))
    for rows in ([{"g": "r", "e": None}, {"g": "q", "e": 1}], [{"g": "q", "e": 50}]):
        table = pa.Table.from_pylist(rows, schema=wider)
        wh.commit(lambda tx: tx.append("core.things", table))  # noqa: B023 - called at once
    assert wh.scalar("SELECT count(*) FROM core.things WHERE e = 1") == 1
    assert bounds(wh) == []


def test_min_and_max_are_those_of_the_rows_all_the_same(wh: Warehouse) -> None:
    wh.declare(T)
    ask = "SELECT min(d), max(d), min(f), max(f), min(t), bool_and(b), count(d) FROM core.things"
    assert list(wh.query(ask).to_pylist()[0].values()) == [None] * 6 + [0]
    put(wh, {"g": "r", "d": 5, "f": 2.5}, {"g": "r", "d": 9, "f": 3.5})
    assert list(wh.query(ask).to_pylist()[0].values()) == [5, 9, 2.5, 3.5, None, None, 2]
    put(wh, {"g": "r", "d": -5, "f": None})
    assert wh.query("SELECT min(d) AS least, max(f) AS most FROM core.things").to_pylist() == [
        {"least": -5, "most": 3.5}
    ]
    assert wh.query("SELECT d FROM core.things ORDER BY d DESC LIMIT 1")["d"].to_pylist() == [9]
    assert wh.query("SELECT d, count(*) AS n FROM core.things GROUP BY d ORDER BY d").num_rows == 3


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_no_number_is_set_aside(wh: Warehouse, value: float) -> None:
    """DuckLake keeps no bounds of a file with one."""
    wh.declare(T)
    put(wh, {"g": "r", "f": 1.0}, {"g": "q", "f": value})
    kept = wh.query("SELECT f FROM core.things ORDER BY f")["f"].to_pylist()
    assert kept == ([1.0] if value != value else [1.0, value])
