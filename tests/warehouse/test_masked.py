"""Homes of earlier releases, in which "..." may stand for the key: those movies are asked for again, once."""

from collections.abc import Mapping
from typing import Any

import pytest

from tests.warehouse.landing import NOON, answer, answers, gone
from warehouse import Transaction, Warehouse
from warehouse.land import land_tmdb_movies, tmdb_forgotten, tmdb_state

OURS = "GET http://127.0.0.1:8765/3/movie/{id}?append_to_response=keywords"
THEIRS = "GET https://api.themoviedb.org/3/movie/{id}?append_to_response=keywords"


def land(wh: Warehouse, request: str | None, *rows: Mapping[str, Any]) -> int:
    """Land answers to a request; return how many rows that made."""

    def work(tx: Transaction) -> int:
        batch_id = tx.batch(None, "tmdb", "movies")
        result = land_tmdb_movies(tx, answers(rows), batch_id=batch_id, request=str(request), fetched_at=NOON)
        if request is None:
            tx.execute("UPDATE raw.tmdb_movies SET request = NULL WHERE batch_id = ?", [batch_id])
        return result.rows_landed

    return wh.commit(work)


def forgotten(wh: Warehouse) -> list[int]:
    return sorted(tmdb_forgotten(wh)["tmdb_id"].to_pylist())


def reopened_as_an_earlier_release_left_it(wh: Warehouse) -> Warehouse:
    wh.commit(lambda tx: tx.execute("DELETE FROM ops.migrations WHERE version >= 2"))
    return Warehouse.open(wh.location)


@pytest.fixture
def masked(wh: Warehouse) -> Warehouse:
    """Movies whose texts were masked (1), have three dots of their own (2) or none (3), a deleted one (4),
    and one each of an unknown request (5) and of TMDb itself (6)."""
    land(
        wh,
        OURS,
        answer(1, overview="the talking ..., a poisoned apple"),
        answer(2, overview="the job...and the guests"),
        answer(3, overview="a mirror"),
        gone(4),
    )
    land(wh, None, answer(5, overview="..."))
    land(wh, THEIRS, answer(6, overview="..."))
    return wh


def test_answers_that_may_hold_the_mask_are_forgotten_and_no_others(masked: Warehouse) -> None:
    assert forgotten(masked) == []
    with reopened_as_an_earlier_release_left_it(masked) as wh:
        assert forgotten(wh) == [1, 2, 5]
        assert sorted(tmdb_state(wh)["tmdb_id"].to_pylist()) == [3, 4, 6]


def test_what_comes_back_is_written_where_it_differs_and_nobody_is_asked_a_third_time(
    masked: Warehouse,
) -> None:
    with reopened_as_an_earlier_release_left_it(masked) as wh:
        whole = answer(1, overview="the talking mirror, a poisoned apple")
        assert land(wh, OURS, whole, answer(2, overview="the job...and the guests")) == 1
        assert forgotten(wh) == [5]
        last = "SELECT arg_max({p: payload, h: content_hash}, rowid) FROM raw.tmdb_movies WHERE tmdb_id = 1"
        assert wh.scalar(last) == {"p": whole["payload"], "h": whole["content_hash"]}
        with Warehouse.open(wh.location) as again:
            assert forgotten(again) == [5]
