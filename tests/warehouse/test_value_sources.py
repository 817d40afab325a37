"""Each value of a movie can name the source that gave it, and the batch that brought it."""

from datetime import timedelta
from typing import Any

from tests.warehouse.landing import NOON, answer, land_rows, land_tmdb
from warehouse import Warehouse
from warehouse.conform import conform
from warehouse.conform.precedence import PRECEDENCE


def said(wh: Warehouse) -> dict[str, dict[str, Any]]:
    rows = wh.query("FROM core.value_sources").to_pylist()
    assert len({row["field"] for row in rows}) == len(rows)
    return {row["field"]: row for row in rows}


def land_all(wh: Warehouse, **tmdb: Any) -> None:
    land_rows(wh, "movielens", "ml-25m", "movies", [(7, "Way We Were, The (1973)", "Drama")])
    land_rows(wh, "movielens", "ml-25m", "links", [(7, "0070903", 50)])
    basics = ("tt0070903", "movie", "The Way We Were", "The Way We Were", False, 1973, None, 118, "Drama")
    land_rows(wh, "imdb", "title.basics", "title.basics", [basics])
    later = NOON + timedelta(hours=1)
    land_rows(wh, "imdb", "title.ratings", "title.ratings", [("tt0070903", 7.1, 30_000)], later)
    if tmdb:
        land_tmdb(wh, [answer(50, imdb_id="tt0070903", **tmdb)], NOON + timedelta(hours=2))


def test_the_first_source_that_knows_a_value_is_named_with_its_batch(wh: Warehouse) -> None:
    land_all(wh, title="The Way We Were", overview="They meet.", runtime=0, budget=0, release_date="")
    conform(wh, None)
    found = said(wh)
    sources = {field: row["source"] for field, row in found.items()}
    assert sources == {
        "tmdb_id": "tmdb",
        "movielens_id": "movielens",
        "title": "tmdb",
        "original_title": "imdb",
        "year": "imdb",
        "overview": "tmdb",
        "runtime_minutes": "imdb",
        "imdb_rating": "imdb",
        "imdb_votes": "imdb",
        "adult": "imdb",
    }, "a runtime of 0 is unknown, and the next source has the word"
    batches = dict(
        (row["batch_id"], (row["source"], row["stream"])) for row in wh.query("FROM ops.batches").to_pylist()
    )
    assert batches[found["overview"]["batch_id"]] == ("tmdb", "movies")
    assert batches[found["imdb_rating"]["batch_id"]] == ("imdb", "title.ratings")
    assert batches[found["year"]["batch_id"]] == ("imdb", "title.basics")
    assert found["imdb_rating"]["fetched_at"] == NOON + timedelta(hours=1)
    assert (found["overview"]["source_id"], found["year"]["source_id"]) == ("50", "tt0070903")


def test_every_value_has_a_source_and_nothing_else_has(wh: Warehouse) -> None:
    land_all(wh)
    conform(wh, None)
    (movie,) = wh.query("FROM core.movies").to_pylist()
    known = {column for column in (*PRECEDENCE, "adult") if movie[column] is not None}
    found = said(wh)
    assert set(found) == known
    assert movie["title"] == "The Way We Were"
    assert found["title"]["source"] == "movielens"
    assert (found["tmdb_id"]["source"], found["tmdb_id"]["source_id"]) == ("movielens", "7")
    assert all(row["batch_id"] for row in found.values())


def test_another_source_of_the_same_value_is_a_change(wh: Warehouse) -> None:
    land_all(wh)
    conform(wh, None)
    land_tmdb(wh, [answer(50, imdb_id="tt0070903", title="The Way We Were")], NOON + timedelta(hours=2))
    assert conform(wh, None).changed == 1
    assert said(wh)["title"]["source"] == "tmdb"
