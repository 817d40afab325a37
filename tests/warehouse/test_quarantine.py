"""Rows that were set aside are listed, shown, and replayed after a fix."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from warehouse import Column, Table, Transaction, Warehouse, WriteResult
from warehouse.quarantine import Which, drop, replay, rows, summary

NOW = datetime(2026, 11, 21, tzinfo=UTC)
T = Table(
    "features.replayed",
    "For the tests of this module.",
    (
        Column("key", "BIGINT", "Key.", required=True, minimum=1),
        Column("year", "INTEGER", "Year.", maximum=2100),
        Column("when", "TIMESTAMPTZ", "Time."),
        Column("vector", "FLOAT[]", "Vector."),
        Column("source", "VARCHAR", "Source."),
        Column("request", "VARCHAR", "Request."),
        Column("batch_id", "VARCHAR", "Batch."),
    ),
    unique=("key",),
)


@pytest.fixture
def dirty(wh: Warehouse) -> Warehouse:
    wh.declare(T)
    data = pa.table(
        {
            "key": [1, 2, -3],
            "year": [1999, 2115, 2000],
            "when": [NOW] * 3,
            "vector": [[0.5], [0.25, 1.0], None],
        }
    )
    with wh.transaction() as tx:
        batch_id = tx.batch("run", "imdb", "title.basics", "GET title.basics.tsv.gz")
        where = {"source": "imdb", "request": "GET title.basics.tsv.gz", "batch_id": batch_id}
        assert tx.append(T.name, data, constants=where) == WriteResult(3, 1, 2)
        lines = pa.table({"original": ["1\tnot\ta row"], "reason": ["3 columns instead of 9"]})
        tx.quarantine("imdb", T.name, lines, batch_id)
    return wh


def test_the_summary_counts_by_reason(dirty: Warehouse) -> None:
    found = {(row["table_name"], row["reason"]): row["rows"] for row in summary(dirty).to_pylist()}
    assert found == {
        (T.name, "year is above 2100"): 1,
        (T.name, "key is below 1"): 1,
        (T.name, "3 columns instead of 9"): 1,
    }


def test_rows_are_chosen_by_source_table_reason_batch_and_number(dirty: Warehouse) -> None:
    every = rows(dirty).to_pylist()
    assert len(every) == 3
    assert rows(dirty, limit=2).num_rows == 2
    assert rows(dirty, Which(source="tmdb")).num_rows == 0
    assert rows(dirty, Which(table=T.name, source="imdb")).num_rows == 3
    (late,) = rows(dirty, Which(reason="above 2100")).to_pylist()
    assert '"year":2115' in late["original"]
    assert rows(dirty, Which(ids=(late["id"],))).to_pylist() == [late]
    assert rows(dirty, Which(batch_id="another")).num_rows == 0


def test_a_replay_lands_what_a_fix_allows_and_keeps_the_rest(dirty: Warehouse) -> None:
    year = replace(T.column("year"), maximum=2200)
    columns = tuple(year if column.name == "year" else column for column in T.columns)
    dirty.declare(replace(T, columns=columns))
    done = replay(dirty, run_id="later")
    assert (done.landed, done.set_aside_again, done.not_replayable) == (1, 1, 1)
    row = dirty.query("FROM features.replayed WHERE key = 2").to_pylist()[0]
    assert (row["year"], row["when"], row["vector"]) == (2115, NOW, [0.25, 1.0])
    assert (row["source"], row["request"]) == ("imdb", "GET title.basics.tsv.gz")
    (batch,) = dirty.query("FROM ops.batches WHERE run_id = 'later'").to_pylist()
    assert row["batch_id"] == batch["batch_id"]
    assert batch["stream"].startswith("replay of ")
    assert (batch["rows_landed"], batch["rows_quarantined"]) == (1, 1)
    left = {row["reason"] for row in rows(dirty).to_pylist()}
    assert left == {"key is below 1", "3 columns instead of 9"}


def test_a_replay_without_a_fix_changes_nothing_but_the_batch(dirty: Warehouse) -> None:
    before = [(row["reason"], row["source"]) for row in rows(dirty).to_pylist()]
    done = replay(dirty, Which(table=T.name))
    assert (done.landed, done.set_aside_again) == (0, 2)
    assert sorted((row["reason"], row["source"]) for row in rows(dirty).to_pylist()) == sorted(before)


def test_a_room_can_land_replayed_rows_in_its_own_way(dirty: Warehouse) -> None:
    seen: list[Any] = []

    def land(tx: Transaction, data: pa.Table, batch_id: str) -> WriteResult:
        seen.extend(data.select(["key", "year"]).to_pylist())
        return WriteResult(data.num_rows, data.num_rows, 0)

    done = replay(dirty, Which(reason="year"), landers={T.name: land})
    assert seen == [{"key": "2", "year": "2115"}]
    assert done.landed == 1
    assert rows(dirty).num_rows == 2


def test_rows_of_a_table_that_is_gone_stay(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.quarantine("imdb", "raw.gone", pa.table({"original": ['{"a":1}'], "reason": ["x"]}))
    assert replay(wh).not_replayable == 1
    assert rows(wh).num_rows == 1


def test_a_bad_line_that_comes_every_night_is_there_once_with_its_last_batch(wh: Warehouse) -> None:
    lines = pa.table({"original": ["a,b", "a,b", "c,d"], "reason": ["2 fields instead of 3"] * 3})
    batches = []
    for night in (lines, lines.slice(0, 2)):
        with wh.transaction() as tx:
            batches.append(tx.batch(None, "movielens", "ml-25m"))
            tx.quarantine("movielens", "raw.movielens_movies", night, batches[-1])
    found = sorted((row["original"], row["batch_id"]) for row in rows(wh).to_pylist())
    assert found == sorted([("a,b", batches[1]), ("a,b", batches[1]), ("c,d", batches[0])])
    assert wh.query("SELECT rows_quarantined FROM ops.batches ORDER BY 1 DESC")[0].to_pylist() == [3, 2]


def test_lines_are_named_with_the_file_that_is_to_be_read_again(wh: Warehouse) -> None:
    lines = pa.table({"original": ["a,b"], "reason": ["2 fields instead of 3"]})
    with wh.transaction() as tx:
        batch = tx.batch(None, "movielens", "ml-25m")
        tx.quarantine("movielens", "raw.movielens_movies", lines, batch)
    (number,) = rows(wh)["id"].to_pylist()
    done = replay(wh)
    assert done.lines == {("movielens", "ml-25m"): [number]}
    assert rows(wh).num_rows == 1
    assert drop(wh, [number]) == 1
    assert rows(wh).num_rows == 0
