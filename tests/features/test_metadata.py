"""The metadata view over a real lake: what is read, what is null, and that genres are not."""

from datetime import date
from typing import Any

import pytest

from features import build_view, latest
from features.metadata import Metadata
from tests.features.conftest import Core
from warehouse import Warehouse


def built(wh: Warehouse) -> dict[int, dict[str, Any]]:
    build_view(wh, Metadata())
    return {row["movie_id"]: row for row in latest(wh, Metadata()).to_pylist()}


def test_a_well_known_movie(wh: Warehouse, core: Core) -> None:
    core.movies(
        {
            "movie_id": 1,
            "title": "Ocean 11",
            "original_title": "Océan 11",
            "year": 2001,
            "release_date": date(2001, 12, 7),
            "runtime_minutes": 116,
            "budget_usd": 100,
            "revenue_usd": 400,
            "popularity": 2.5,
            "tmdb_vote_average": 7.5,
            "tmdb_vote_count": 99,
            "imdb_rating": 7.7,
            "imdb_votes": 9,
            "original_language": "en",
            "certification": "PG-13",
            "collection_id": 304,
            "collection": "Ocean's Collection",
            "adult": False,
        }
    )
    core.rows(
        "movie_people",
        1,
        {"source": "tmdb", "person_id": "tmdb:2", "name": "B", "job": "director", "position": 0},
        {"source": "imdb", "person_id": "nm1", "name": None, "job": "writer", "position": 0},
        *(
            {"source": "tmdb", "person_id": f"tmdb:{n}", "name": "A", "job": "actor", "position": n - 10}
            for n in range(10, 25)
        ),
    )
    core.rows("movie_companies", 1, {"company_id": 2, "company": "Zed"}, {"company_id": 1, "company": "Ay"})
    core.rows("movie_countries", 1, {"country": "US"})
    core.rows("movie_languages", 1, {"language": "it"}, {"language": "en"})
    row = built(wh)[1]
    assert (row["year"], row["decade"], row["month"], row["weekday"], row["season"]) == (
        2001,
        2000,
        12,
        5,
        "winter",
    )
    assert row["log_budget"] == pytest.approx(4.60517)
    assert row["log_return"] == pytest.approx(1.386294)
    assert (row["tmdb_vote_count"], row["log_tmdb_votes"]) == (99, pytest.approx(4.60517))
    assert (row["title_length"], row["title_words"], row["title_has_digit"]) == (8, 2, True)
    assert (row["title_translated"], row["in_collection"], row["adult"]) == (True, True, False)
    assert row["people"] == sorted(
        ["director:tmdb:2", "writer:nm1", *(f"actor:tmdb:{n}" for n in range(10, 20))]
    )
    assert (row["n_directors"], row["n_writers"], row["n_actors"]) == (1, 1, 10)
    assert (row["companies"], row["countries"], row["languages"]) == (["Ay", "Zed"], ["US"], ["en", "it"])
    assert (row["n_companies"], row["certification"], row["language"]) == (2, "PG-13", "en")


def test_unknown_is_null_and_never_zero(wh: Warehouse, core: Core) -> None:
    core.movies({"movie_id": 1, "title": "X", "year": 1950, "tmdb_vote_count": 0, "tmdb_vote_average": 0.0})
    row = built(wh)[1]
    assert (row["tmdb_vote_count"], row["log_tmdb_votes"]) == (0, 0.0)
    unknown = (
        *("month", "weekday", "season", "runtime_minutes", "log_budget", "log_revenue", "log_return"),
        *("popularity", "tmdb_vote_average", "imdb_rating", "imdb_votes", "log_imdb_votes", "n_actors"),
        *("n_directors", "n_companies", "n_countries", "language", "certification", "collection"),
    )
    assert {name: row[name] for name in unknown} == dict.fromkeys(unknown)
    assert (row["people"], row["companies"], row["countries"]) == ([], [], [])


def test_a_movie_with_only_a_title_has_no_metadata(wh: Warehouse, core: Core) -> None:
    core.movies({"movie_id": 1, "title": "Only a title"}, {"movie_id": 2, "runtime_minutes": 90})
    assert list(built(wh)) == [2]


def test_a_changed_child_row_makes_the_movie_stale_and_another_genre_does_not(
    wh: Warehouse, core: Core
) -> None:
    core.movies({"movie_id": 1, "year": 1999}, {"movie_id": 2, "year": 1999})
    built(wh)
    core.rows("movie_genres", 1, {"source": "tmdb", "genre": "Drama"})
    assert build_view(wh, Metadata()).computed == 0
    core.rows("movie_countries", 2, {"country": "FR"})
    assert build_view(wh, Metadata()).computed == 1
    assert latest(wh, Metadata(), [2])["countries"].to_pylist() == [["FR"]]


def test_no_view_reads_genres() -> None:
    from features import FeatureSettings, views

    for view in views(FeatureSettings(poster_dir=".")).values():
        assert "genre" not in view.inputs.lower().replace("genres of any source are labels", "")
        assert not any("genre" in column.name for column in view.columns)
