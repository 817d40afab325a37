"""What a movie's row says, and whose word it is."""

from datetime import date, timedelta
from typing import Any

from tests.warehouse.landing import NOON, answer, land_rows, land_tmdb
from warehouse import Warehouse
from warehouse.conform import PRECEDENCE, conform
from warehouse.conform.precedence import printed

SMALL, LARGE, OLD = "ml-latest-small", "ml-25m", "ml-20m-partial"


def one(wh: Warehouse, columns: str, where: str = "true") -> tuple[Any, ...]:
    (row,) = wh.query(f"SELECT {columns} FROM core.movies WHERE {where}").to_pylist()  # noqa: S608
    return tuple(row.values())


def column(wh: Warehouse, sql: str) -> list[Any]:
    return [tuple(row.values()) for row in wh.query(sql).to_pylist()]


def test_every_column_comes_from_the_source_that_has_the_word(wh: Warehouse) -> None:
    title = ("tt0000001", "movie", "IMDb's", "IMDb's own", True, 1991, None, 91, "Drama,Short")
    land_rows(wh, "imdb", "title.basics", "title.basics", [title, ("tt0000002", *title[1:])])
    land_rows(wh, "imdb", "title.ratings", "title.ratings", [("tt0000001", 7.5, 1000)])
    land_rows(
        wh,
        "movielens",
        SMALL,
        "movies",
        [(1, "MovieLens', The (1992)", "Drama"), (3, "Last, The (1993)", None)],
    )
    land_rows(wh, "movielens", SMALL, "links", [(1, "0000001", 5), (3, "0000003", None)])
    full = {
        "imdb_id": "tt0000001",
        "title": "TMDb&#39;s",
        "original_title": "Original",
        "original_language": "de",
        "overview": "cat &amp; mouse",
        "tagline": " ",
        "status": "Released",
        "release_date": "1990-05-01",
        "runtime": 90,
        "budget": 100,
        "revenue": 0,
        "popularity": 1.5,
        "vote_average": 6.5,
        "vote_count": 10,
        "adult": False,
        "belongs_to_collection": {"id": 10, "name": "Collection"},
        "poster_path": "/a.jpg",
    }
    land_tmdb(wh, [answer(5, **full)])
    conform(wh, None)
    columns = "title, original_title, year, release_date, runtime_minutes, adult, imdb_rating, imdb_votes"
    rich = "imdb_id = 'tt0000001'"
    assert one(wh, columns, rich) == ("TMDb's", "Original", 1990, date(1990, 5, 1), 90, True, 7.5, 1000)
    assert one(wh, "overview, tagline, budget_usd, revenue_usd", rich) == ("cat & mouse", None, 100, None)
    assert one(wh, "tmdb_vote_average, tmdb_vote_count", rich) == (6.5, 10)
    assert one(wh, "original_language, status, collection_id, collection, poster_path, popularity", rich) == (
        "de", "Released", 10, "Collection", "/a.jpg", 1.5,
    )  # fmt: skip
    assert one(wh, columns, "imdb_id = 'tt0000002'") == (
        "IMDb's",
        "IMDb's own",
        1991,
        None,
        91,
        True,
        None,
        None,
    )
    assert one(wh, columns, "imdb_id = 'tt0000003'")[:3] == ("The Last", None, 1993)
    # What TMDb does not know, the others say.
    land_tmdb(
        wh,
        [answer(5, imdb_id="tt0000001", title="", release_date="", runtime=0, vote_count=0, vote_average=0)],
    )
    conform(wh, None)
    assert one(wh, "title, original_title, year, runtime_minutes, tmdb_vote_average", rich) == (
        "The MovieLens'", "IMDb's own", 1991, 91, None,
    )  # fmt: skip


def test_impossible_values_are_unknown(wh: Warehouse) -> None:
    odd = {
        "title": "Odd",
        "release_date": "1990-13-45",
        "runtime": -5,
        "budget": -1,
        "vote_average": 11,
        "vote_count": 3,
        "popularity": 0,
        "genres": None,
        "credits": "none",
        "keywords": {"keywords": {}},
    }
    land_tmdb(wh, [answer(5, **odd), answer(6, release_date="0001-01-01", runtime="ninety")])
    land_rows(
        wh, "imdb", "title.basics", "title.basics",
        [("tt0000001", "movie", "100 Years", None, None, 2115, None, 51_420, None)],
    )  # fmt: skip
    assert conform(wh, None).quarantined == 9, "what was sent is kept; see test_odd_values.py"
    columns = "release_date, year, runtime_minutes, budget_usd, tmdb_vote_average, popularity"
    assert one(wh, columns, "tmdb_id = 5") == (None,) * 6
    assert one(wh, "year, runtime_minutes", "tmdb_id = 6") == (None, None)
    assert one(wh, "title, year, runtime_minutes", "imdb_id IS NOT NULL") == ("100 Years", None, 51_420)


def test_genres_stay_apart_by_source(wh: Warehouse) -> None:
    land_tmdb(
        wh, [answer(5, imdb_id="tt0000001", genres=[{"id": 1, "name": "Science Fiction"}, {"name": "Drama"}])]
    )
    land_rows(
        wh, "movielens", SMALL, "movies", [(1, "A", "Sci-Fi|Children's|IMAX"), (2, "B", "(no genres listed)")]
    )
    land_rows(wh, "movielens", SMALL, "links", [(1, "0000001", None), (2, "0000002", None)])
    basics = ("tt0000001", "movie", "A", None, False, 1990, None, 90, "Drama,Family")
    land_rows(wh, "imdb", "title.basics", "title.basics", [basics])
    conform(wh, None)
    assert column(wh, "SELECT source, genre FROM core.movie_genres ORDER BY ALL") == [
        ("imdb", "Drama"),
        ("imdb", "Family"),
        ("movielens", "Children"),
        ("movielens", "Sci-Fi"),
        ("tmdb", "Drama"),
        ("tmdb", "Science Fiction"),
    ]


def test_people_companies_countries_languages_keywords_and_certification(wh: Warehouse) -> None:
    cast = [{"id": n, "name": f"Actor {n}", "order": 20 - n} for n in range(1, 13)]
    crew = [
        {"id": 101, "name": "Ann", "job": "Director", "department": "Directing"},
        {"name": "Ben", "job": "Screenplay", "department": "Writing"},
        {"name": "Ben", "job": "Story", "department": "Writing"},
        {"id": 103, "name": "Cid", "job": "Editor", "department": "Editing"},
    ]
    dates = [
        {"iso_3166_1": "DE", "release_dates": [{"certification": "16", "type": 3}]},
        {
            "iso_3166_1": "US",
            "release_dates": [
                {"certification": "NR", "type": 1},
                {"certification": "", "type": 3},
                {"certification": "PG-13", "type": 3},
            ],
        },
    ]
    fields = {
        "imdb_id": "tt0000001",
        "credits": {"cast": cast, "crew": crew},
        "release_dates": {"results": dates},
        "keywords": {
            "keywords": [{"id": 1, "name": "hotel "}, {"id": 1, "name": "hotel"}, {"id": 2, "name": ""}]
        },
        "production_companies": [{"id": 14, "name": "Miramax"}, {"id": 14, "name": "Miramax"}],
        "production_countries": [{"iso_3166_1": "US", "name": "United States"}],
        "spoken_languages": [{"iso_639_1": "en"}, {"iso_639_1": ""}],
    }
    land_tmdb(wh, [answer(5, **fields)])
    land_rows(wh, "imdb", "title.crew", "title.crew", [("tt0000001", "nm0000001,nm0000002", None)])
    conform(wh, None)
    people = column(wh, "SELECT source, job, position, person_id, name FROM core.movie_people ORDER BY ALL")
    assert [p for p in people if p[1] != "actor"] == [
        ("imdb", "director", 0, "nm0000001", "nm0000001"),
        ("imdb", "director", 1, "nm0000002", "nm0000002"),
        ("tmdb", "director", 0, "tmdb:101", "Ann"),
        ("tmdb", "writer", 0, "Ben", "Ben"),
    ]
    assert [p[4] for p in people if p[1] == "actor"] == [f"Actor {n}" for n in range(12, 2, -1)]
    assert one(wh, "certification") == ("PG-13",)
    assert column(wh, "SELECT keyword_id, keyword FROM core.movie_keywords") == [(1, "hotel")]
    assert column(wh, "SELECT company_id, company FROM core.movie_companies") == [(14, "Miramax")]
    assert column(wh, "SELECT country FROM core.movie_countries") == [("US",)]
    assert column(wh, "SELECT language FROM core.movie_languages") == [("en",)]


def test_overlapping_movielens_sets(wh: Warehouse) -> None:
    """The later set names the movie; a tag counts where most users gave it; the larger set rates it."""
    for dataset, title in ((LARGE, "New (2000)"), (OLD, "Old (1999)")):
        land_rows(wh, "movielens", dataset, "movies", [(1, title, "Drama" if dataset == LARGE else "War")])
        land_rows(wh, "movielens", dataset, "links", [(1, "0000001", None)])
    tags = [
        (1, 1, "Funny", NOON),
        (1, 1, " funny ", NOON),
        (2, 1, "FUNNY", NOON),
        (2, 1, "old", NOON),
        (3, 1, " ", NOON),
    ]
    land_rows(wh, "movielens", OLD, "tags", tags)
    land_rows(
        wh, "movielens", LARGE, "tags", [(1, 1, "funny", NOON + timedelta(days=1)), (7, 1, "new", NOON)]
    )
    land_rows(wh, "movielens", OLD, "ratings", [(u, 1, r, NOON) for u, r in ((1, 3.0), (2, 4.0), (3, 5.0))])
    land_rows(wh, "movielens", LARGE, "ratings", [(1, 1, 0.5, NOON), (2, 1, 0.5, NOON)])
    conform(wh, None)
    assert one(wh, "title, year") == ("New", 2000)
    assert column(wh, "SELECT genre FROM core.movie_genres") == [("Drama",)]
    assert column(wh, "SELECT tag, n_users, last_tagged_at FROM core.movie_tags ORDER BY tag") == [
        ("funny", 2, NOON + timedelta(days=1)),
        ("new", 1, NOON),
        ("old", 1, NOON),
    ]
    ratings = column(wh, "SELECT n_ratings, mean_rating, stddev_rating, last_rated_at FROM core.ratings")
    assert ratings == [(3, 4.0, 1.0, NOON)]
    # The larger set loses its ratings of the movie, and then the other one too.
    land_rows(wh, "movielens", OLD, "ratings", [(1, 99, 3.0, NOON)])
    conform(wh, None)
    assert column(wh, "SELECT n_ratings, mean_rating, stddev_rating FROM core.ratings") == [(2, 0.5, 0.0)]
    land_rows(wh, "movielens", LARGE, "ratings", [(1, 99, 3.0, NOON)])
    conform(wh, None)
    assert column(wh, "SELECT * FROM core.ratings") == []


def test_the_precedence_is_declared_for_columns_that_exist_and_can_be_printed(wh: Warehouse) -> None:
    assert set(PRECEDENCE) <= set(wh.table("core.movies").column_names)
    assert printed().count("\n") == len(PRECEDENCE) - 1
    assert "year               tmdb > imdb > movielens" in printed()
