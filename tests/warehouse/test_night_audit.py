"""A night's audit passes what is sound, and tells what was planted where the night wrote."""

import json
from typing import Any

import pyarrow as pa
import pytest

from tests.warehouse.landing import genres
from tests.warehouse.planted import forget_bounds, lose_file, swap_files, write_catalogue
from tests.warehouse.test_snapshots import movie, put
from warehouse import Warehouse
from warehouse.night_audit import AuditReport, NightAudit
from warehouse.upkeep import upkeep

LONG = 60.0


def night(wh: Warehouse, since: int) -> AuditReport:
    audit = NightAudit(wh, "a run", since=since, seconds=LONG)
    audit.before()
    upkeep(wh)
    return audit.after()


def write(wh: Warehouse, first: int = 0) -> int:
    """Write ten movies with genres; return the snapshot before that."""
    since = wh.snapshot_id
    put(
        wh,
        *(movie(n) for n in range(first, first + 10)),
        genres={n: ["Drama"] for n in range(first, first + 10)},
    )
    put(wh, movie(first, overview="Another."), movie(first + 1, overview="One more."))
    return since


def test_a_sound_night_passes_and_says_what_was_looked_at(wh: Warehouse) -> None:
    report = night(wh, write(wh))
    assert report.faults == []
    assert report.movies in range(3, 7)
    assert report.readings >= 20
    assert report.rules >= 6
    assert night(wh, wh.snapshot_id).faults == [], "a night without news"


def test_an_empty_lake_passes(wh: Warehouse) -> None:
    assert night(wh, 0).faults == []


def test_wrong_statistics_are_told(wh: Warehouse) -> None:
    since = wh.snapshot_id
    forget_bounds(wh)
    (fault,) = night(wh, since).faults
    assert fault.startswith("ops.steps: ")
    assert "rows_in" in fault


@pytest.mark.local_files
def test_a_swapped_file_is_told(wh: Warehouse) -> None:
    since = write(wh)
    name = swap_files(wh.location, "core.movie_genres") if put(wh, genres={99: ["War"]}) else ""
    audit = NightAudit(wh, "a run", since=since, seconds=LONG)
    audit.before()
    assert any(name in fault for fault in audit.after().faults)


@pytest.mark.local_files
def test_a_missing_file_is_told(wh: Warehouse) -> None:
    since = write(wh)
    wh.commit(lambda tx: tx.append("core.movie_keywords", keywords()))
    name = lose_file(wh.location, "core.movie_keywords")
    audit = NightAudit(wh, "a run", since=since, seconds=LONG)
    audit.before()
    assert any(name in fault for fault in audit.after().faults)


def keywords() -> pa.Table:
    return pa.table({"movie_id": [1], "keyword_id": [1], "keyword": ["train"]})


def test_a_duplicate_row_is_told(wh: Warehouse) -> None:
    since = write(wh)
    wh.commit(lambda tx: tx.execute("INSERT INTO core.movies SELECT * FROM core.movies WHERE movie_id = 3"))
    assert any("one row per movie_id" in fault for fault in night(wh, since).faults)


def test_bounds_that_hide_a_movie_are_told_by_reading_it(wh: Warehouse) -> None:
    since = write(wh)
    write_catalogue(
        wh.location,
        "UPDATE c.ducklake_file_column_stats SET min_value = '500', max_value = '501' "
        "WHERE column_id = 1 AND table_id = (SELECT table_id FROM c.ducklake_table "
        "WHERE table_name = 'movies' AND end_snapshot IS NULL)",
    )
    faults = night(wh, since).faults
    assert any("rows of the movies" in fault for fault in faults)


def test_a_value_that_is_not_tmdbs_is_told(wh: Warehouse) -> None:
    since = wh.snapshot_id
    answer = {
        "tmdb_id": 5,
        "payload": json.dumps({"id": 5, "popularity": 7.5}),
        "content_hash": "h",
        "status": 200,
    }
    answer |= {"source": "tmdb", "fetched_at": wh.clock(), "request": "GET", "batch_id": "b"}
    wh.commit(lambda tx: tx.append("raw.tmdb_movies", pa.Table.from_pylist([answer])))
    wh.commit(lambda tx: tx.set_cursor("reelhouse", "core", {"snapshot": wh.snapshot_id}))
    values: dict[str, Any] = {"tmdb_id": 5, "popularity": 7.5, "sources": '{"popularity": "tmdb"}'}
    put(wh, movie(1, **values))
    assert night(wh, since).faults == []
    put(wh, movie(1, **{**values, "popularity": 8.5}))
    (fault, *_) = night(wh, since).faults
    assert fault == ("core.movies: popularity of movie 1 is 8.5, TMDb's answer in raw.tmdb_movies says 7.5")


def test_commits_of_others_meanwhile_are_no_difference(wh: Warehouse) -> None:
    since = write(wh)
    audit = NightAudit(wh, "a run", since=since, seconds=LONG)
    audit.before()
    run = wh.start_run("backfill")
    put(wh, *(movie(n, overview="News.") for n in range(10)))
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(500)))
    wh.finish_run(run, "completed")
    upkeep(wh)
    assert audit.after().faults == []
