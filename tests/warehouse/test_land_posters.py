"""Which posters are asked for, and what core shows of them."""

from datetime import timedelta
from typing import Any

import pyarrow as pa

from tests.warehouse.landing import NOON, answer, gone, land_tmdb
from warehouse import Warehouse
from warehouse.conform import conform
from warehouse.land import land_posters, posters_wanted
from warehouse.land.posters import RETRY_AFTER


def land(
    wh: Warehouse, tmdb_id: int, path: str, state: str = "stored", sha256: str | None = "ab" * 32
) -> None:
    row: dict[str, Any] = {
        "tmdb_id": tmdb_id,
        "poster_path": path,
        "state": state,
        "reason": None if state == "stored" else "404",
        "sha256": sha256 if state == "stored" else None,
        "width": 185,
        "height": 278,
        "format": "JPEG",
        "bytes": 10_000,
        "fetched_at": NOON,
    }
    wh.commit(lambda tx: land_posters(tx, pa.Table.from_pylist([row])))


def wanted(wh: Warehouse, later: timedelta = timedelta(0)) -> list[tuple[Any, ...]]:
    return [tuple(row.values()) for row in posters_wanted(wh, NOON + later).to_pylist()]


def posters(wh: Warehouse) -> list[tuple[Any, ...]]:
    rows = wh.query("SELECT tmdb_id, poster_path, sha256 FROM core.posters ORDER BY tmdb_id").to_pylist()
    return [tuple(row.values()) for row in rows]


def test_a_poster_is_wanted_until_it_is_stored(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, poster_path="/a.jpg"), answer(6, poster_path=None), answer(7, poster_path="")])
    conform(wh, None)
    assert wanted(wh) == [(5, "/a.jpg")]
    land(wh, 5, "/a.jpg")
    assert wanted(wh) == []


def test_a_missing_poster_is_left_alone_for_a_while(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, poster_path="/a.jpg")])
    conform(wh, None)
    land(wh, 5, "/a.jpg", "missing")
    assert wanted(wh, RETRY_AFTER - timedelta(seconds=1)) == []
    assert wanted(wh, RETRY_AFTER) == [(5, "/a.jpg")]
    land(wh, 5, "/a.jpg")
    assert wh.scalar("SELECT count(*) FROM ops.poster_files") == 1


def test_a_new_path_is_wanted_at_once_and_replaces_the_old_poster(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, poster_path="/a.jpg")])
    conform(wh, None)
    land(wh, 5, "/a.jpg")
    assert conform(wh, None).changed == 1
    assert posters(wh) == [(5, "/a.jpg", "ab" * 32)]
    land_tmdb(wh, [answer(5, poster_path="/b.jpg")])
    conform(wh, None)
    assert posters(wh) == []
    assert wanted(wh) == [(5, "/b.jpg")]
    land(wh, 5, "/b.jpg", sha256="cd" * 32)
    conform(wh, None)
    assert posters(wh) == [(5, "/b.jpg", "cd" * 32)]


def test_a_stored_poster_changes_its_movie_once(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, poster_path="/a.jpg"), answer(6)])
    conform(wh, None)
    before = wh.query("SELECT tmdb_id, row_hash FROM core.movies ORDER BY tmdb_id").to_pylist()
    land(wh, 5, "/a.jpg")
    assert conform(wh, None).changed == 1
    after = wh.query("SELECT tmdb_id, row_hash FROM core.movies ORDER BY tmdb_id").to_pylist()
    assert before[0] != after[0]
    assert before[1] == after[1]
    assert conform(wh, None).affected == 0


def test_a_poster_that_could_not_be_decoded_is_not_in_core(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, poster_path="/a.jpg")])
    conform(wh, None)
    land(wh, 5, "/a.jpg", "bad")
    conform(wh, None)
    assert posters(wh) == []


def test_no_poster_is_asked_for_a_movie_that_is_gone(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, poster_path="/a.jpg")])
    conform(wh, None)
    land_tmdb(wh, [gone(5)])
    conform(wh, None)
    assert wanted(wh) == []
