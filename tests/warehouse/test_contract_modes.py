"""What each mode of a contract does with columns and values that were not foreseen."""

from dataclasses import replace

import pyarrow as pa
import pytest

from warehouse import Column, Contract, Mode, Table, Warehouse, WriteResult
from warehouse.errors import ContractBreach, SchemaMismatch

T = Table(
    "features.modes",
    "For the tests of this module.",
    (
        Column("key", "BIGINT", "Key.", required=True),
        Column("count", "INTEGER", "Count.", minimum=0),
        Column("share", "FLOAT", "Share.", maximum=1),
    ),
    unique=("key",),
)


def declare(wh: Warehouse, **modes: Mode) -> None:
    wh.declare(replace(T, contract=Contract(**modes)))


def append(wh: Warehouse, data: pa.Table) -> WriteResult:
    with wh.transaction() as tx:
        return tx.append(T.name, data)


def rows(wh: Warehouse) -> list[dict[str, object]]:
    return wh.query("FROM features.modes ORDER BY key").to_pylist()


STRAY = pa.table({"key": [1, 2], "count": [10, 20], "stray": [None, "x"]})
BAD = pa.table({"key": [1, 2], "count": [-1, 20], "share": pa.array([0.5, 2.0], pa.float32())})


def test_frozen_columns_refuse_the_batch(wh: Warehouse) -> None:
    declare(wh, columns=Mode.FREEZE)
    with pytest.raises(SchemaMismatch, match="has no column stray"):
        append(wh, STRAY)
    assert rows(wh) == []


def test_evolving_columns_are_added_and_known_to_the_next_batch(wh: Warehouse) -> None:
    declare(wh, columns=Mode.EVOLVE)
    assert append(wh, STRAY) == WriteResult(2, 2, 0)
    assert [row["stray"] for row in rows(wh)] == [None, "x"]
    assert append(wh, pa.table({"key": [3], "stray": ["y"]})) == WriteResult(1, 1, 0)
    said = "SELECT comment FROM ops.columns WHERE table_name = 'features.modes' AND column_name = 'stray'"
    assert wh.scalar(said) == "Came with the data; nobody has declared it yet."
    declare(wh, columns=Mode.EVOLVE)  # another process, which knows the declaration only
    assert append(wh, pa.table({"key": [4], "stray": ["z"]})) == WriteResult(1, 1, 0)
    assert [row["stray"] for row in rows(wh)] == [None, "x", "y", "z"]


def test_an_added_column_is_forgotten_with_its_transaction(wh: Warehouse) -> None:
    declare(wh, columns=Mode.EVOLVE)
    with pytest.raises(RuntimeError, match="half way"), wh.transaction() as tx:
        tx.append(T.name, STRAY)
        raise RuntimeError("half way")
    assert append(wh, STRAY) == WriteResult(2, 2, 0)


def test_discarding_rows_sets_those_aside_that_have_the_column(wh: Warehouse) -> None:
    declare(wh, columns=Mode.DISCARD_ROW)
    assert append(wh, STRAY) == WriteResult(2, 1, 1)
    assert [row["key"] for row in rows(wh)] == [1]
    assert wh.scalar("SELECT reason FROM ops.quarantine") == "features.modes has no column stray"
    assert wh.scalar("SELECT original FROM ops.quarantine") == '{"key":2,"count":20,"stray":"x"}'


def test_discarding_values_lands_the_rows_and_counts_what_was_lost(wh: Warehouse) -> None:
    declare(wh, columns=Mode.DISCARD_VALUE)
    assert append(wh, STRAY) == WriteResult(2, 2, 0)
    assert [row["key"] for row in rows(wh)] == [1, 2]
    assert wh.table_counts()["ops.quarantine"] == 0
    (result,) = wh.query("FROM ops.contract_results").to_pylist()
    assert (result["rule"], result["breaches"]) == ("features.modes has no column stray", 1)
    assert result["passed"] is False
    assert '"stray":"x"' in result["detail"]


def test_bad_values_are_frozen_out(wh: Warehouse) -> None:
    declare(wh, types=Mode.FREEZE)
    with pytest.raises(ContractBreach, match="count is below 0") as caught:
        append(wh, BAD)
    assert '"count":-1' in str(caught.value)
    assert rows(wh) == []


def test_bad_values_become_null_and_are_counted(wh: Warehouse) -> None:
    declare(wh, types=Mode.DISCARD_VALUE)
    assert append(wh, BAD) == WriteResult(2, 2, 0)
    assert rows(wh) == [{"key": 1, "count": None, "share": 0.5}, {"key": 2, "count": 20, "share": None}]
    found = wh.query("SELECT rule, breaches FROM ops.contract_results ORDER BY rule").to_pylist()
    assert found == [{"rule": "count is below 0", "breaches": 1}, {"rule": "share is above 1", "breaches": 1}]


def test_a_required_value_cannot_be_discarded_alone(wh: Warehouse) -> None:
    declare(wh, types=Mode.DISCARD_VALUE)
    assert append(wh, pa.table({"key": ["x", "2"], "count": [1, -2]})) == WriteResult(2, 1, 1)
    assert [(row["key"], row["count"]) for row in rows(wh)] == [(2, None)]


def test_evolving_types_widen_numbers_and_keep_what_was_there(wh: Warehouse) -> None:
    declare(wh, types=Mode.EVOLVE)
    append(wh, pa.table({"key": [1], "count": pa.array([7], pa.int32())}))
    wide = pa.table({"key": [2], "count": pa.array([2**40], pa.int64()), "share": pa.array([1e-300])})
    assert append(wh, wide) == WriteResult(1, 1, 0)
    assert [row["count"] for row in rows(wh)] == [7, 2**40]
    assert rows(wh)[1]["share"] == 1e-300


def test_rows_that_were_set_aside_are_counted_by_rule_and_batch(wh: Warehouse) -> None:
    declare(wh)
    with wh.transaction() as tx:
        batch_id = tx.batch("run", "tmdb", "x")
        tx.append(T.name, BAD)
    found = wh.query(
        "SELECT rule, breaches, batch_id, run_id FROM ops.contract_results ORDER BY rule"
    ).to_pylist()
    assert found == [
        {"rule": "count is below 0", "breaches": 1, "batch_id": batch_id, "run_id": "run"},
        {"rule": "share is above 1", "breaches": 1, "batch_id": batch_id, "run_id": "run"},
    ]


def test_undeclared_tables_are_refused_made_or_set_aside(wh: Warehouse) -> None:
    data = pa.table({"id": [1, 2], "word": ["a", "b"]})
    with pytest.raises(SchemaMismatch, match=r"no table raw\.novel"), wh.transaction() as tx:
        tx.append("raw.novel", data)
    wh.undeclared = Mode.DISCARD_ROW
    with wh.transaction() as tx:
        assert tx.append("raw.novel", data) == WriteResult(2, 0, 2)
    assert wh.query("SELECT DISTINCT reason FROM ops.quarantine")["reason"].to_pylist() == [
        "no table raw.novel is declared"
    ]
    wh.undeclared = Mode.EVOLVE
    with wh.transaction() as tx:
        assert tx.append("raw.novel", data) == WriteResult(2, 2, 0)
    assert wh.query("FROM raw.novel ORDER BY id").to_pylist() == data.to_pylist()
