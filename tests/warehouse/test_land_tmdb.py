"""TMDb's answers become rows only when they say something new."""

from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.warehouse.landing import NOON, answer, answers, gone, land_tmdb
from warehouse import Transaction, Warehouse
from warehouse.land import land_tmdb_export, tmdb_state


def raw(wh: Warehouse) -> list[tuple[Any, ...]]:
    rows = wh.query("SELECT tmdb_id, status, payload IS NULL AS empty FROM raw.tmdb_movies ORDER BY rowid")
    return [tuple(row.values()) for row in rows.to_pylist()]


def state(wh: Warehouse) -> dict[int, tuple[int, datetime]]:
    return {r["tmdb_id"]: (r["status"], r["source_checked_at"]) for r in tmdb_state(wh).to_pylist()}


def test_an_answer_lands_once_and_again_when_it_changes(wh: Warehouse) -> None:
    first = land_tmdb(wh, [answer(5, title="Four Rooms"), answer(11, title="Star Wars")])
    assert (first.rows_in, first.rows_landed, first.rows_quarantined) == (2, 2, 0)
    later = [{**answer(5, title="Four Rooms"), "source_time": NOON + timedelta(days=1)}]
    assert land_tmdb(wh, later).rows_landed == 0
    assert state(wh) == {5: (200, NOON + timedelta(days=1)), 11: (200, NOON)}
    assert land_tmdb(wh, [answer(5, title="4 Rooms")]).rows_landed == 1
    assert [row[0] for row in raw(wh)] == [5, 11, 5]


def test_a_batch_counts_in_its_ledger_entry_only_what_reached_raw(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5), answer(6), {**answer(7), "reason": "the body was cut"}])
    ledger = wh.query("SELECT source, rows_landed, rows_quarantined FROM ops.batches").to_pylist()
    assert ledger == [{"source": "tmdb", "rows_landed": 2, "rows_quarantined": 1}]


def test_a_404_is_written_once_and_a_return_is_written_again(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5)])
    for _ in range(3):
        land_tmdb(wh, [gone(5), gone(999)])
    land_tmdb(wh, [answer(5)])
    assert raw(wh) == [(5, 200, False), (5, 404, True), (999, 404, True), (5, 200, False)]
    assert state(wh)[5][0] == 200


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ({"reason": "status 200 with a cut body"}, "status 200 with a cut body"),
        ({"payload": '{"id": 5'}, "the answer is not JSON"),
        ({"payload": "[]"}, "the answer is not a JSON object"),
        ({"payload": '{"id": 6}'}, "the answer is about another id"),
        ({"payload": '{"id": "five"}'}, "the answer is about another id"),
        ({"payload": None}, "the answer is empty"),
        ({"status": 500}, "status is neither 200 nor 404"),
    ],
)
def test_a_malformed_answer_is_set_aside_and_asked_for_again(
    wh: Warehouse, broken: dict[str, Any], reason: str
) -> None:
    land_tmdb(wh, [answer(5)])
    result = land_tmdb(wh, [{**answer(5, title="new"), **broken}, answer(6)])
    assert (result.rows_in, result.rows_landed, result.rows_quarantined) == (2, 1, 1)
    (aside,) = wh.query("SELECT * FROM ops.quarantine").to_pylist()
    assert (aside["source"], aside["table_name"], aside["reason"]) == ("tmdb", "raw.tmdb_movies", reason)
    assert aside["original"] == ({**answer(5, title="new"), **broken}["payload"] or '{"id":5,"status":200}')
    assert aside["batch_id"]
    assert set(state(wh)) == {6}  # an id without state is new to the next plan
    # The good answer is what raw already holds: it brings the state back and no row.
    assert land_tmdb(wh, [answer(5)]).rows_landed == 0
    assert set(state(wh)) == {5, 6}


def test_the_last_of_two_answers_about_one_movie_counts(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, title="first"), answer(5, title="second")])
    (payload,) = wh.query("SELECT payload FROM raw.tmdb_movies")["payload"].to_pylist()
    assert "second" in payload


def test_nothing_of_a_batch_stays_when_its_transaction_fails(wh: Warehouse) -> None:
    def land(tx: Transaction) -> None:
        from warehouse.land import land_tmdb_movies

        batch_id = tx.batch(None, "tmdb", "movies")
        land_tmdb_movies(tx, answers([answer(5)]), batch_id=batch_id, request="GET", fetched_at=NOON)
        raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="power"):
        wh.commit(land)
    assert raw(wh) == []
    assert state(wh) == {}
    assert wh.scalar("SELECT count(*) FROM ops.batches") == 0


def test_the_newest_export_replaces_the_one_before(wh: Warehouse) -> None:
    for day, ids in ((1, [5, 6, 7]), (2, [5, 7, 8])):
        export = pa.table(
            {"tmdb_id": ids, "adult": [False] * 3, "popularity": [1.0] * 3, "video": [False] * 3}
        )
        wh.commit(lambda tx, e=export, d=day: land_tmdb_export(tx, e, date(2026, 3, d)))
    rows = wh.query(
        "SELECT DISTINCT export_date, list(tmdb_id ORDER BY tmdb_id) AS ids FROM raw.tmdb_ids GROUP BY 1"
    )
    assert rows.to_pylist() == [{"export_date": date(2026, 3, 2), "ids": [5, 7, 8]}]


def test_no_state_is_an_empty_table_with_its_columns(wh: Warehouse) -> None:
    table = tmdb_state(wh)
    assert table.num_rows == 0
    assert table.column_names == ["tmdb_id", "status", "source_checked_at"]
