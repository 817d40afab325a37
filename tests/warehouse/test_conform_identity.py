"""Which ids are one movie, and how its number stays the same."""

import hashlib
from datetime import date, timedelta
from typing import Any

import pyarrow as pa

from tests.warehouse.landing import NOON, answer, gone, land_rows, land_tmdb
from warehouse import Warehouse
from warehouse.conform import conform
from warehouse.land import land_tmdb_export

SMALL = "ml-latest-small"


def number(key: str) -> int:
    return int(hashlib.sha256(key.encode()).hexdigest()[:13], 16)


def movielens(wh: Warehouse, *rows: tuple[int, str | None, int | None], dataset: str = SMALL) -> None:
    """Land movies and links: (movielens_id, imdb digits, tmdb_id)."""
    land_rows(wh, "movielens", dataset, "movies", [(i, f"Movie {i} (1990)", "Drama") for i, _, _ in rows])
    land_rows(wh, "movielens", dataset, "links", rows)


def imdb(wh: Warehouse, *titles: str, kind: str = "movie") -> None:
    rows = [(t, kind, f"Title {t}", None, False, 1990, None, 90, "Drama") for t in titles]
    land_rows(wh, "imdb", "title.basics", "title.basics", rows)


def movies(wh: Warehouse) -> dict[int, tuple[Any, ...]]:
    rows = wh.query(
        "SELECT movie_id, imdb_id, tmdb_id, movielens_id FROM core.movies WHERE deleted_at IS NULL"
    )
    return {r["movie_id"]: (r["imdb_id"], r["tmdb_id"], r["movielens_id"]) for r in rows.to_pylist()}


def id_map(wh: Warehouse) -> set[tuple[Any, ...]]:
    rows = wh.query("SELECT movie_id, source, source_id, state FROM core.id_map").to_pylist()
    return {tuple(row.values()) for row in rows}


def test_three_sources_make_one_movie(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, imdb_id="tt0113101", title="Four Rooms")])
    movielens(wh, (18, "0113101", 5))
    imdb(wh, "tt0113101")
    conform(wh, None)
    movie_id = number("tt0113101")
    assert movies(wh) == {movie_id: ("tt0113101", 5, 18)}
    assert id_map(wh) == {
        (movie_id, "imdb", "tt0113101", "active"),
        (movie_id, "tmdb", "5", "active"),
        (movie_id, "movielens", "18", "active"),
    }


def test_a_movie_without_imdb_id_is_named_after_its_source(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5), answer(6, imdb_id=""), answer(7, imdb_id=None)])
    land_rows(wh, "movielens", SMALL, "movies", [(8, "Alone", None)])
    conform(wh, None)
    assert movies(wh) == {
        number("tmdb:5"): (None, 5, None),
        number("tmdb:6"): (None, 6, None),
        number("tmdb:7"): (None, 7, None),
        number("movielens:8"): (None, None, 8),
    }
    keys = wh.query("SELECT split_key FROM core.movies ORDER BY split_key")["split_key"].to_pylist()
    assert keys == ["movielens:8", "tmdb:5", "tmdb:6", "tmdb:7"]


def test_the_imdb_id_may_be_among_the_external_ids(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, external_ids={"imdb_id": "tt0113101"})])
    conform(wh, None)
    assert movies(wh) == {number("tt0113101"): ("tt0113101", 5, None)}


def test_an_imdb_id_that_is_none_is_set_aside_and_the_record_kept(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, imdb_id="113101", title="Four Rooms")])
    assert conform(wh, None).quarantined == 1
    assert movies(wh) == {number("tmdb:5"): (None, 5, None)}
    (aside,) = wh.query("SELECT original, reason FROM ops.quarantine").to_pylist()
    assert aside["original"] == '{"id":5,"imdb_id":"113101"}'
    assert "imdb_id" in aside["reason"]


def test_a_record_without_imdb_id_goes_to_the_only_movie_that_claims_it(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5), answer(6)])
    movielens(wh, (1, "0000001", 5), (2, "0000002", 6), (3, "0000003", 6))
    conform(wh, None)
    assert movies(wh) == {
        number("tt0000001"): ("tt0000001", 5, 1),
        number("tt0000002"): ("tt0000002", None, 2),
        number("tt0000003"): ("tt0000003", None, 3),
        number("tmdb:6"): (None, 6, None),
    }


def test_a_records_own_imdb_id_wins_over_the_link_and_the_conflict_is_noted(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(105045, imdb_id="tt0111613", title="The Promise", overview="Berlin")])
    movielens(wh, (690, "0111613", 105045), (1533, "0117398", 105045))
    conform(wh, None)
    assert movies(wh) == {
        number("tt0111613"): ("tt0111613", 105045, 690),
        number("tt0117398"): ("tt0117398", None, 1533),
    }
    rows = wh.query(
        "SELECT imdb_id, overview, split_key, bucket FROM core.movies ORDER BY imdb_id"
    ).to_pylist()
    assert [row["overview"] for row in rows] == ["Berlin", None]
    assert {row["split_key"] for row in rows} == {"tt0111613"}
    assert len({row["bucket"] for row in rows}) == 1
    notes = wh.query("SELECT source_id, note FROM core.id_map WHERE note IS NOT NULL").to_pylist()
    assert notes == [{"source_id": "1533", "note": "MovieLens links it to TMDb 105045, which is tt0111613"}]


def test_movies_that_share_a_tmdb_id_without_a_record_are_split_by_the_smallest_imdb_id(
    wh: Warehouse,
) -> None:
    movielens(wh, (1, "0000009", 5), (2, "0000003", 5), (3, "0000004", None))
    conform(wh, None)
    rows = wh.query("SELECT imdb_id, split_key FROM core.movies ORDER BY imdb_id").to_pylist()
    assert [tuple(row.values()) for row in rows] == [
        ("tt0000003", "tt0000003"),
        ("tt0000004", "tt0000004"),
        ("tt0000009", "tt0000003"),
    ]


def test_two_movielens_ids_of_one_title_are_one_movie(wh: Warehouse) -> None:
    land_rows(wh, "movielens", SMALL, "movies", [(7502, "Band", "Action|IMAX"), (170705, "Band", "Drama")])
    land_rows(wh, "movielens", SMALL, "links", [(7502, "0185906", None), (170705, "0185906", 331214)])
    conform(wh, None)
    movie_id = number("tt0185906")
    assert movies(wh) == {movie_id: ("tt0185906", 331214, 7502)}
    assert {row[2] for row in id_map(wh) if row[1] == "movielens"} == {"7502", "170705"}
    genres = wh.query("SELECT genre FROM core.movie_genres ORDER BY genre")["genre"].to_pylist()
    assert genres == ["Action", "Drama"]


def test_two_records_with_one_imdb_id_are_one_movie_of_the_lower_number(wh: Warehouse) -> None:
    land_tmdb(
        wh, [answer(9, imdb_id="tt0000001", title="later"), answer(5, imdb_id="tt0000001", title="first")]
    )
    conform(wh, None)
    assert movies(wh) == {number("tt0000001"): ("tt0000001", 5, None)}
    row = wh.query("SELECT state, replaced_by FROM core.id_map WHERE source_id = '9'").to_pylist()
    assert row == [{"state": "merged", "replaced_by": "5"}]
    land_tmdb(wh, [gone(5)])
    conform(wh, None)
    assert movies(wh) == {number("tt0000001"): ("tt0000001", 9, None)}
    assert wh.scalar("SELECT title FROM core.movies") == "later"


def test_a_later_imdb_id_leaves_the_movies_number_alone(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5)])
    conform(wh, None)
    land_tmdb(wh, [answer(5, imdb_id="tt0113101")])
    conform(wh, None)
    assert movies(wh) == {number("tmdb:5"): ("tt0113101", 5, None)}
    imdb(wh, "tt0113101")
    conform(wh, None)
    assert movies(wh) == {number("tmdb:5"): ("tt0113101", 5, None)}


def test_a_movie_that_turns_out_to_be_another_is_merged_into_it(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, title="Four Rooms")])
    imdb(wh, "tt0113101")
    conform(wh, None)
    assert set(movies(wh)) == {number("tmdb:5"), number("tt0113101")}
    movielens(wh, (18, "0113101", 5))
    assert conform(wh, None).merged == 1
    assert movies(wh) == {number("tt0113101"): ("tt0113101", 5, 18)}
    old = wh.query(
        "SELECT state, replaced_by, note FROM core.id_map WHERE movie_id = ?", [number("tmdb:5")]
    ).to_pylist()
    note = f"it is movie {number('tt0113101')} now"
    assert old == [{"state": "merged", "replaced_by": "5", "note": note}]


def test_an_imdb_id_that_moves_to_another_record_keeps_its_movie(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, imdb_id="tt0000001"), answer(6, imdb_id="tt0000002")])
    conform(wh, None)
    land_tmdb(wh, [answer(5, imdb_id="tt0000003"), answer(6, imdb_id="tt0000001")])
    conform(wh, None)
    assert movies(wh)[number("tt0000001")] == ("tt0000001", 6, None)
    fives = [movie_id for movie_id, row in movies(wh).items() if row[1] == 5]
    assert len(fives) == 1
    assert movies(wh)[fives[0]] == ("tt0000003", 5, None)


def test_a_movielens_movie_follows_its_corrected_link(wh: Warehouse) -> None:
    movielens(wh, (7, "0000001", None))
    conform(wh, None)
    movielens(wh, (7, "0000002", None))
    conform(wh, None)
    assert movies(wh) == {number("tt0000001"): ("tt0000002", None, 7)}
    # The first title appears after all: the number that its id would give is taken.
    imdb(wh, "tt0000001")
    conform(wh, None)
    assert movies(wh) == {
        number("tt0000001"): ("tt0000002", None, 7),
        number("tt0000001#1"): ("tt0000001", None, None),
    }


def test_a_deleted_record_of_a_movie_nobody_else_knows_becomes_a_tombstone(wh: Warehouse) -> None:
    land_tmdb(
        wh, [answer(5, title="Four Rooms", genres=[{"name": "Comedy"}]), answer(6, imdb_id="tt0000006")]
    )
    imdb(wh, "tt0000006")
    conform(wh, None)
    later = NOON + timedelta(days=1)
    land_tmdb(wh, [gone(5), gone(6)], at=later)
    assert conform(wh, None).deleted == 1
    rows = wh.query(
        "SELECT tmdb_id, title, deleted_at FROM core.movies ORDER BY imdb_id NULLS FIRST"
    ).to_pylist()
    assert rows == [
        {"tmdb_id": 5, "title": "Four Rooms", "deleted_at": later},
        {"tmdb_id": None, "title": "Title tt0000006", "deleted_at": None},
    ]
    states = {(row[2], row[3]) for row in id_map(wh)}
    assert states == {("5", "deleted"), ("6", "deleted"), ("tt0000006", "active")}
    assert wh.scalar("SELECT count(*) FROM core.movie_genres WHERE source = 'tmdb'") == 1
    land_tmdb(wh, [answer(5, title="Four Rooms")])
    conform(wh, None)
    assert movies(wh)[number("tmdb:5")] == (None, 5, None)


def test_a_record_that_the_export_no_longer_lists_is_gone_until_it_is_seen_again(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, title="Four Rooms"), answer(6), answer(7, adult=True)])
    conform(wh, None)
    export = pa.table({"tmdb_id": [6], "adult": [False], "popularity": [1.0], "video": [False]})
    wh.commit(lambda tx: land_tmdb_export(tx, export, date(2026, 3, 1)))
    assert conform(wh, None).affected == 0  # fetched on the export's own day
    wh.commit(lambda tx: land_tmdb_export(tx, export, date(2026, 3, 2)))
    assert conform(wh, None).deleted == 1
    assert set(movies(wh)) == {number("tmdb:6"), number("tmdb:7")}  # the export lists no adult films
    assert conform(wh, None).affected == 0
    land_tmdb(wh, [{**answer(5, title="Four Rooms"), "source_time": NOON + timedelta(days=2)}])
    conform(wh, None)
    assert number("tmdb:5") in movies(wh)


def test_a_title_that_imdb_drops_leaves_what_the_others_know(wh: Warehouse) -> None:
    imdb(wh, "tt0000001", "tt0000002", "tt0000003")
    movielens(wh, (1, "0000001", None))
    conform(wh, None)
    imdb(wh, "tt0000003")
    assert conform(wh, None).deleted == 1
    assert {row[0] for row in movies(wh).values()} == {"tt0000001", "tt0000003"}
    assert wh.scalar("SELECT title FROM core.movies WHERE imdb_id = 'tt0000001'") == "Movie 1"


def test_a_movie_that_one_movielens_set_drops_stays_while_another_has_it(wh: Warehouse) -> None:
    movielens(wh, (1, "0000001", None), (2, "0000002", None))
    movielens(wh, (1, "0000001", None), dataset="ml-25m")
    conform(wh, None)
    movielens(wh, (3, "0000003", None))
    conform(wh, None)
    assert {row[2] for row in movies(wh).values()} == {1, 3}


def test_only_films_of_imdb_are_movies_unless_another_source_names_them(wh: Warehouse) -> None:
    rows = [
        (t, kind, f"Title {t}", None, False, 1990, None, 45, "Drama")
        for t, kind in (("tt0000001", "tvEpisode"), ("tt0000002", "tvMiniSeries"), ("tt0000003", "tvMovie"))
    ]
    land_rows(wh, "imdb", "title.basics", "title.basics", rows)
    conform(wh, None)
    assert {row[0] for row in movies(wh).values()} == {"tt0000003"}
    movielens(wh, (2, "0000002", None))
    conform(wh, None)
    assert {row[0] for row in movies(wh).values()} == {"tt0000002", "tt0000003"}
    assert wh.scalar("SELECT runtime_minutes FROM core.movies WHERE movielens_id = 2") == 45
