"""A column gets a wider type, and every row is found as before: now and at earlier snapshots."""

# ruff: noqa: S608 — the tests write SQL

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from warehouse import Column, Table, Warehouse, WriteResult
from warehouse.errors import Conflict
from warehouse.file_reader import opened
from warehouse.schema import Contract, Mode
from warehouse.widening import widen

T = Table(
    "core.things",
    "Things.",
    (
        Column("k", "BIGINT", "The key.", required=True),
        Column("n", "TINYINT", "A number."),
        Column("r", "SMALLINT", "A number that no row lacks.", required=True),
        Column("f", "FLOAT", "A fraction."),
        Column("g", "VARCHAR", "The partition."),
    ),
    unique=("k",),
    contract=Contract(types=Mode.EVOLVE),
)
ARROW = {
    "TINYINT": pa.int8(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "VARCHAR": pa.string(),
}


def rows_of(*rows: dict[str, Any], **types: str) -> pa.Table:
    """Rows with these types, and those that are declared for the other columns."""
    kinds = {column.name: column.type for column in T.columns} | types
    schema = pa.schema([(name, ARROW[kind]) for name, kind in kinds.items()])
    return pa.Table.from_pylist([{"r": 0, **row} for row in rows], schema=schema)


def put(wh: Warehouse, *rows: dict[str, Any], **types: str) -> WriteResult:
    data = rows_of(*rows, **types)
    return wh.commit(lambda tx: tx.append(T.name, data))


def keys(wh: Warehouse, condition: str, at: str = "") -> list[int]:
    found: list[int] = wh.query(f"SELECT k FROM core.things {at} WHERE {condition} ORDER BY k")[
        "k"
    ].to_pylist()
    return found


def types(wh: Warehouse, table: str = "things") -> dict[str, tuple[str, bool, str]]:
    rows = wh.query(
        "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() "
        "WHERE database_name = 'lake' AND table_name = ?",
        [table],
    )
    return {row["column_name"]: tuple(list(row.values())[1:]) for row in rows.to_pylist()}


@pytest.fixture
def reader(wh: Warehouse) -> Iterator[Warehouse]:
    """A connection that has been open, and has read the table, before anything is widened."""
    with Warehouse.open(wh.location, read_only=True) as opened_before:
        yield opened_before


def test_a_batch_that_widens_a_column_hides_no_row(wh: Warehouse, reader: Warehouse) -> None:
    """DuckLake's own ALTER, with rows in the same transaction, forgets the bounds: unless they are mended at
    once, `n = 0` finds nothing."""
    wh.declare(T)
    put(wh, {"k": 1, "n": 0})
    assert keys(reader, "n = 0") == [1]
    put(wh, {"k": 2, "n": 50}, {"k": 3, "n": -70_000}, n="INTEGER")
    put(wh, {"k": 4, "n": 9})
    for connection in (wh, reader):
        assert keys(connection, "n = 0") == [1]
        assert keys(connection, "n < 0") == [3]
        assert connection.query("SELECT n FROM core.things ORDER BY n")["n"].to_pylist() == [
            -70_000,
            0,
            9,
            50,
        ]
        assert connection.query("SELECT min(n), max(n) FROM core.things").to_pylist() == [
            {"min(n)": -70_000, "max(n)": 50}
        ]


def test_an_earlier_snapshot_answers_as_before_a_column_was_widened(wh: Warehouse, reader: Warehouse) -> None:
    """With DuckLake's own ALTER the bounds have the new type and the snapshot's column the old one."""
    wh.declare(T)
    put(wh, {"k": 1, "n": 127}, {"k": 2})
    before = f"AT (VERSION => {wh.snapshot_id})"
    put(wh, {"k": 3, "n": 70_000}, {"k": 4, "n": -5}, n="INTEGER")
    for connection in (wh, reader):
        assert keys(connection, "n = 127", before) == [1]
        counted = connection.query(f"SELECT n, count(*) AS c FROM core.things {before} GROUP BY n ORDER BY n")
        assert counted.to_pylist() == [{"n": 127, "c": 1}, {"n": None, "c": 1}]
        assert counted.schema.field("n").type == pa.int8()
        assert keys(connection, "n = 127") == [1]


def test_a_float_that_becomes_double_keeps_its_decimal(wh: Warehouse, reader: Warehouse) -> None:
    wh.declare(T)
    put(wh, {"k": 1, "f": 0.1}, {"k": 2, "f": 7e-5}, {"k": 3, "f": 1e20})
    assert keys(reader, "f > 0") == [1, 2, 3]
    put(wh, {"k": 4, "f": 1e-300}, f="DOUBLE")
    for connection in (wh, reader):
        assert connection.query("SELECT f FROM core.things ORDER BY k")["f"].to_pylist() == [
            0.1,
            7e-5,
            1e20,
            1e-300,
        ]
        assert keys(connection, "f = 0.1") == [1]
        assert keys(connection, "f > 0.1") == [3]
        assert keys(connection, "f = 0.00007") == [2]
        assert keys(connection, "f = 1e-300") == [4]


@pytest.mark.parametrize("rows", [(), ({"k": 1},)])
@pytest.mark.parametrize(
    ("added", "wider", "value"),
    [
        ("SMALLINT DEFAULT 5", "BIGINT", 5),
        ("FLOAT DEFAULT 0.1", "DOUBLE", 0.1),
        ("FLOAT DEFAULT 'inf'", "DOUBLE", np.inf),
    ],
)
def test_a_column_keeps_its_default(
    wh: Warehouse, reader: Warehouse, added: str, wider: str, value: float, rows: tuple[dict[str, Any], ...]
) -> None:
    """The oracle's seed 95002 on PostgreSQL: rows that came without the column had NULL in it."""
    wh.declare(T)
    put(wh, *rows)
    wh.commit(lambda tx: tx.execute(f"ALTER TABLE core.things ADD COLUMN d {added}"))
    wh.commit(lambda tx: tx.run(lambda connection: widen(connection, T.name, {"d": wider})))
    put(wh, {"k": 2})
    for connection in (wh, reader):
        rows_read = connection.query("SELECT k, d FROM core.things ORDER BY k").to_pylist()
        assert rows_read == [{"k": k, "d": value} for k in (*(row["k"] for row in rows), 2)]
    with opened(wh.location) as files:
        assert sorted(files.read_table(T.name)["d"].to_pylist()) == [value] * (len(rows) + 1)


def test_comments_required_values_and_the_other_columns_stay(wh: Warehouse) -> None:
    wh.declare(T)
    put(wh, {"k": 1, "r": 5, "g": "x"})
    before = types(wh)
    put(wh, {"k": 2, "r": 2**40, "g": "y"}, r="BIGINT")
    assert types(wh) == before | {"r": ("BIGINT", False, "A number that no row lacks.")}
    assert wh.query("SELECT k, r, g FROM core.things ORDER BY k").to_pylist() == [
        {"k": 1, "r": 5, "g": "x"},
        {"k": 2, "r": 2**40, "g": "y"},
    ]
    assert put(wh, {"k": 3, "r": None}, r="BIGINT") == WriteResult(1, 0, 1)
    described = wh.query(
        "SELECT data_type FROM ops.columns WHERE table_name = ? AND column_name = 'r'", [T.name]
    )
    assert described["data_type"].to_pylist() == ["BIGINT"]


def test_a_table_without_rows_is_widened_and_its_contract_holds(wh: Warehouse) -> None:
    wh.declare(T)
    for gone in (1, 2):
        put(wh, {"k": gone, "r": 1})
        wh.commit(lambda tx: tx.delete_keys(T.name, pa.table({"k": [gone]})))  # noqa: B023 - called at once
        kind = {1: "INTEGER", 2: "BIGINT"}[gone]
        assert put(wh, {"k": 3, "r": None}, {"k": 4, "r": 70_000}, r=kind) == WriteResult(2, 1, 1)
        wh.commit(lambda tx: tx.delete_keys(T.name, pa.table({"k": [4]})))
    assert types(wh)["r"][0] == "BIGINT"
    put(wh, {"k": 5, "r": 0}, {"k": 6, "r": 2**40}, r="BIGINT")
    assert keys(wh, "r = 0") == [5]


def test_several_columns_widen_at_once_and_one_again_and_again(wh: Warehouse) -> None:
    wh.declare(T)
    put(wh, {"k": 1, "n": 1, "f": 0.5})
    put(wh, {"k": 2, "n": 300, "r": 70_000, "f": 1e300}, n="SMALLINT", r="INTEGER", f="DOUBLE")
    put(wh, {"k": 3, "n": 2**40}, n="BIGINT")
    found = wh.query("SELECT k, n, r, f FROM core.things ORDER BY k").to_pylist()
    assert [tuple(row.values()) for row in found] == [
        (1, 1, 0, 0.5),
        (2, 300, 70_000, 1e300),
        (3, 2**40, 0, None),
    ]


def test_a_process_that_knows_the_declaration_only_widens_nothing_again(wh: Warehouse) -> None:
    wh.declare(T)
    put(wh, {"k": 1, "n": 300}, n="SMALLINT")
    with Warehouse.open(wh.location) as other:
        other.declare(T)
        put(other, {"k": 2, "n": 5})
        before = {file.path for file in files(other)}
        put(other, {"k": 3, "n": 301}, n="SMALLINT")
        assert before < {file.path for file in files(other)}
        assert keys(other, "n >= 300") == [1, 3]


def files(wh: Warehouse) -> list[Any]:
    with opened(wh.location) as lake:
        return [file for file in lake.data_files(T.name) if file.end_snapshot is None]


def test_rows_of_the_same_transaction_are_widened_with_the_others(wh: Warehouse) -> None:
    wh.declare(T)
    put(wh, {"k": 1, "n": 1}, {"k": 2, "n": 2})

    def work(tx: Any) -> None:
        tx.delete_keys(T.name, pa.table({"k": [1]}))
        tx.append(T.name, rows_of({"k": 3, "n": 3}))
        tx.append(T.name, rows_of({"k": 4, "n": 70_000}, n="INTEGER"))
        tx.replace_keys(T.name, rows_of({"k": 3, "n": 2**40}, n="BIGINT"), ["k"])

    wh.commit(work)
    found = wh.query("SELECT k, n FROM core.things ORDER BY n").to_pylist()
    assert [tuple(row.values()) for row in found] == [(2, 2), (4, 70_000), (3, 2**40)]


def test_a_transaction_that_fails_leaves_the_column_as_it_was(wh: Warehouse) -> None:
    wh.declare(T)
    put(wh, {"k": 1, "n": 1})
    before = types(wh)
    with pytest.raises(RuntimeError, match="half way"), wh.transaction() as tx:
        tx.append(T.name, rows_of({"k": 2, "n": 300}, n="SMALLINT"))
        raise RuntimeError("half way")
    assert types(wh) == before
    assert keys(wh, "n = 1") == [1]


def test_of_a_widening_and_a_write_at_the_same_time_one_is_tried_again(wh: Warehouse) -> None:
    """Else the row that was written would have no value in the new column."""
    wh.declare(T)
    put(wh, {"k": 1, "n": 1})
    with Warehouse.open(wh.location) as other:
        other.declare(T)
        with pytest.raises(Conflict), other.transaction() as theirs:
            theirs.append(T.name, rows_of({"k": 2, "n": 2}))
            put(wh, {"k": 3, "n": 300}, n="SMALLINT")
        with pytest.raises(Conflict), wh.transaction() as ours:
            ours.append(T.name, rows_of({"k": 4, "n": 70_000}, n="INTEGER"))
            put(other, {"k": 5, "n": 5})
        put(wh, {"k": 4, "n": 70_000}, n="INTEGER")
        put(other, {"k": 6, "n": 6})
    found = wh.query("SELECT k, n FROM core.things ORDER BY k").to_pylist()
    assert [tuple(row.values()) for row in found] == [(1, 1), (3, 300), (4, 70_000), (5, 5), (6, 6)]


def test_a_table_of_rows_in_the_order_of_arrival_is_not_widened(wh: Warehouse) -> None:
    wh.declare(replace(T, append_only=True))
    put(wh, {"k": 1, "n": 1})
    rowids = wh.query("SELECT k, rowid FROM core.things").to_pylist()
    assert put(wh, {"k": 2, "n": 300}, {"k": 3, "n": 3}, n="SMALLINT") == WriteResult(2, 1, 1)
    assert wh.scalar("SELECT reason FROM ops.quarantine") == "n is not a TINYINT"
    assert types(wh)["n"][0] == "TINYINT"
    assert rowids == wh.query("SELECT k, rowid FROM core.things WHERE k = 1").to_pylist()


@pytest.mark.parametrize("order", ["partitioned_by", "sorted_by"])
def test_a_column_that_orders_the_files_is_not_widened(wh: Warehouse, order: str) -> None:
    wh.declare(replace(T, **{order: ("n",)}))
    put(wh, {"k": 1, "n": 1})
    assert put(
        wh, {"k": 2, "n": 300, "r": 70_000}, {"k": 3, "n": 3}, n="SMALLINT", r="INTEGER"
    ) == WriteResult(2, 1, 1)
    assert types(wh)["n"][0] == "TINYINT"
    assert types(wh)["r"][0] == "INTEGER"
    assert keys(wh, "n = 3") == [3]


def test_columns_that_are_not_there_or_wide_enough_are_left_alone(wh: Warehouse) -> None:
    before = wh.snapshot_id
    wh.commit(lambda tx: tx.run(lambda c: widen(c, "core.movies", {"movie_id": "INTEGER", "no": "BIGINT"})))
    wh.commit(lambda tx: tx.run(lambda c: widen(c, "core.none", {"movie_id": "BIGINT"})))
    assert wh.snapshot_id == before


def test_a_widening_goes_through_its_files_in_groups(wh: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.widening.ROWS_AT_ONCE", 3)
    wh.declare(T)
    for start in range(0, 12, 2):
        put(wh, *({"k": k, "n": k, "g": "ab"[k % 2]} for k in range(start, start + 2)))
    put(wh, {"k": 99, "n": 300}, n="SMALLINT")
    assert keys(wh, "n < 300") == list(range(12))
    assert wh.query("SELECT k FROM core.things ORDER BY rowid")["k"].to_pylist() == [*range(12), 99]


@dataclass
class Model:
    """What the table holds, and held at each snapshot, as plain rows."""

    kinds: dict[str, str]
    rows: dict[int, dict[str, Any]] = field(default_factory=dict)
    history: dict[int, tuple[dict[str, str], list[dict[str, Any]]]] = field(default_factory=dict)

    def remember(self, snapshot: int) -> None:
        self.history[snapshot] = dict(self.kinds), [dict(row) for row in self.rows.values()]


WIDER = {"TINYINT": "SMALLINT", "SMALLINT": "INTEGER", "INTEGER": "BIGINT", "FLOAT": "DOUBLE"}
BITS = {"TINYINT": 7, "SMALLINT": 15, "INTEGER": 31, "BIGINT": 63}


def value(rng: random.Random, kind: str) -> Any:
    if kind in BITS:
        return rng.choice([0, 1, -1, 2 ** BITS[kind] - 1, -(2 ** BITS[kind]), rng.randrange(-99, 99)])
    fraction = rng.choice([0.1, 0.5, 7e-5, 1e-5, 1e20, -0.25, round(rng.random(), 6)])
    return fraction if kind == "FLOAT" else rng.choice([fraction, 1e-300, -1e300])


def step(rng: random.Random, wh: Warehouse, model: Model) -> None:
    """Do one thing to the lake, and to the model."""
    if model.rows and rng.random() < 0.3:
        gone = rng.sample(sorted(model.rows), rng.randrange(1, 1 + min(4, len(model.rows))))
        wh.commit(lambda tx: tx.delete_keys(T.name, pa.table({"k": gone})))
        for k in gone:
            del model.rows[k]
        return
    if rng.random() < 0.35:
        for column in rng.sample(["n", "r", "f"], rng.randrange(1, 3)):
            model.kinds[column] = WIDER.get(model.kinds[column], model.kinds[column])
    fresh = []
    for _ in range(rng.randrange(1, 6)):
        row = {"k": rng.randrange(40), "g": rng.choice(["a", "b", None])}
        for column in ("n", "r", "f"):
            missing = column != "r" and rng.random() < 0.3
            row[column] = None if missing else value(rng, model.kinds[column])
        if row["k"] not in (other["k"] for other in fresh):
            fresh.append(row)
    data = rows_of(*fresh, **{column: model.kinds[column] for column in ("n", "r", "f")})
    wh.commit(lambda tx: tx.replace_keys(T.name, data, ["k"]))
    model.rows |= {row["k"]: row for row in fresh}


def as_held(kinds: dict[str, str], row: dict[str, Any]) -> tuple[Any, ...]:
    """The row's values as a column of these types gives them."""
    single = kinds["f"] == "FLOAT" and row["f"] is not None
    return row["k"], row["n"], row["r"], float(np.float32(row["f"])) if single else row["f"], row["g"]


def same(rng: random.Random, asked: list[Warehouse], model: Model, snapshot: int, now: bool) -> None:
    kinds, rows = model.history[snapshot]
    held = sorted(as_held(kinds, row) for row in rows)
    at = "" if now else f"AT (VERSION => {snapshot})"
    table = f"(SELECT k, n, r, f, g FROM core.things {at})"
    column, place = rng.choice([("n", 1), ("r", 2), ("f", 3)])
    known = [row for row in held if row[place] is not None]
    one = rng.choice(known)[place] if known else 0
    if column == "f" and kinds["f"] == "FLOAT":
        one = 0.5  # a FLOAT below 0.0001 is not found: see predictions
    for wh in asked:
        assert [tuple(row.values()) for row in wh.query(f"FROM {table} ORDER BY k").to_pylist()] == held
        found = wh.query(f"SELECT k FROM {table} WHERE {column} = ? ORDER BY k", [one])["k"].to_pylist()
        assert found == [row[0] for row in known if row[place] == one], (column, one, snapshot)
        found = wh.query(f"SELECT k FROM {table} WHERE {column} > ? ORDER BY k", [one])["k"].to_pylist()
        assert found == [row[0] for row in known if row[place] > one], (column, one, snapshot)
        ordered = wh.query(f"SELECT {column} AS v, n FROM {table} ORDER BY {column}, n, k").to_pylist()
        assert [row["v"] for row in ordered if row["v"] is not None] == sorted(row[place] for row in known)
        least = wh.query(
            f"SELECT min({column}) AS low, max({column}) AS high, count({column}) AS n FROM {table}"
        )
        values = [row[place] for row in known]
        assert least.to_pylist() == [
            {"low": min(values, default=None), "high": max(values, default=None), "n": len(values)}
        ]
        if column != "f" or kinds["f"] == "DOUBLE":
            joined = wh.scalar(f"SELECT count(*) FROM {table} x JOIN {table} y USING ({column})")
            assert joined == sum(a == b for a in values for b in values)
            grouped = wh.query(f"SELECT {column} AS v, count(*) AS c FROM {table} GROUP BY ALL")
            assert {row["v"]: row["c"] for row in grouped.to_pylist() if row["v"] is not None} == {
                v: values.count(v) for v in values
            }


@pytest.mark.parametrize("seed", range(2))
def test_widening_at_random_agrees_with_plain_rows(wh: Warehouse, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - no secret
    wh.declare(replace(T, partitioned_by=("g",) if seed % 2 else ()))
    model = Model({column.name: column.type for column in T.columns})
    model.remember(wh.snapshot_id)
    with Warehouse.open(wh.location) as second, Warehouse.open(wh.location, read_only=True) as reader:
        second.declare(wh.table(T.name))
        for _ in range(14):
            step(rng, rng.choice([wh, second]), model)
            now = wh.snapshot_id
            model.remember(now)
            same(rng, [wh, second, reader], model, now, True)
            same(rng, [wh, reader], model, rng.choice(sorted(model.history)), False)
        with opened(wh.location) as lake:
            assert lake.wrong_statistics() == []
            for snapshot, (kinds, rows) in model.history.items():
                read = lake.read_table(T.name, snapshot, ["k", "n", "r", "f", "g"]).sort_by("k")
                assert [tuple(row.values()) for row in read.to_pylist()] == sorted(
                    as_held(kinds, row) for row in rows
                )
    assert model.kinds["n"] != "TINYINT", "something was widened"
