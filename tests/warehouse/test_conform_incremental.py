"""A conform does only what is new, and ends where a conform of everything ends."""

# ruff: noqa: S608 — the names are this file's own

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.warehouse.landing import NOON, answer, gone, land_rows, land_tmdb
from warehouse import Location, Warehouse
from warehouse.conform import PRECEDENCE, conform, fingerprint
from warehouse.land import land_posters

SMALL, OLD = "ml-latest-small", "ml-20m-partial"
Landing = Callable[[Warehouse], Any]
AROUND = (
    "movie_genres", "movie_keywords", "movie_tags", "movie_people", "movie_companies", "movie_countries",
    "movie_languages", "ratings", "posters",
)  # fmt: skip


def tmdb(*rows: dict[str, Any]) -> Landing:
    return lambda wh: land_tmdb(wh, rows)


def file(source: str, dataset: str, table: str, *rows: tuple[Any, ...]) -> Landing:
    return lambda wh: land_rows(wh, source, dataset, table, rows)


def poster(tmdb_id: int, path: str) -> Landing:
    row = {"tmdb_id": tmdb_id, "poster_path": path, "state": "stored", "reason": None, "sha256": "ab" * 32}
    size = {"width": 185, "height": 278, "format": "JPEG", "bytes": 1, "fetched_at": NOON}
    return lambda wh: wh.commit(lambda tx: land_posters(tx, pa.Table.from_pylist([row | size])))


def title(tconst: str, name: str, kind: str = "movie") -> tuple[Any, ...]:
    return (tconst, kind, name, None, False, 1990, None, 90, "Drama")


STREAMS: tuple[tuple[Landing, ...], ...] = (
    # Each stream's own order is kept; the streams are shuffled among each other.
    (
        tmdb(
            answer(1, imdb_id="tt0000001", title="One", poster_path="/1.jpg", genres=[{"name": "Drama"}]),
            answer(2, title="Claimed by one"),
            answer(3, title="Claimed by two"),
            answer(4, imdb_id="tt0000004", title="Contradicted"),
        ),
        tmdb(answer(1, imdb_id="tt0000001", title="One, edited", poster_path="/1.jpg")),
    ),
    (
        tmdb(answer(5, title="Nobody's"), answer(6, imdb_id="tt0000006", title="To be deleted")),
        tmdb(gone(6), answer(5, title="Nobody's", keywords={"keywords": [{"id": 7, "name": "lonely"}]})),
    ),
    (
        tmdb(answer(7, imdb_id="tt0000007", title="Seven"), answer(9, imdb_id="tt0000009")),
        tmdb(
            answer(7, imdb_id="tt0000008", title="Seven moved"), answer(10, imdb_id="tt0000009", title="Twin")
        ),
    ),
    (
        file(
            "movielens", SMALL, "movies", (10, "Ten (1990)", "Drama"), (20, "Old, The", None), (60, "A", None)
        ),
        file(
            "movielens",
            SMALL,
            "movies",
            (10, "Ten (1990)", "Drama|War"),
            (20, "Twenty, The", None),
            (30, "X", None),
            (31, "Y", None),
            (40, "Z", None),
            (60, "A", None),
            (61, "A again", None),
        ),
    ),
    (
        file("movielens", SMALL, "links", (10, "0000001", 1), (20, "0000002", 77), (40, "0000004", 4)),
        file(
            "movielens",
            SMALL,
            "links",
            (10, "0000001", 1),
            (20, "0000002", 2),
            (30, "0000030", 3),
            (31, "0000031", 3),
            (40, "0000041", 4),
            (60, "0000060", None),
            (61, "0000060", None),
        ),
    ),
    (file("movielens", OLD, "movies", (10, "Older (1989)", "Comedy"), (50, "Only here", None)),),
    (file("movielens", OLD, "links", (10, "0000001", 1), (50, "0000050", 5555)),),
    (
        file("movielens", SMALL, "tags", (1, 10, "Fun", NOON)),
        file("movielens", SMALL, "tags", (2, 10, "dull", NOON)),
    ),
    (
        file("movielens", SMALL, "ratings", (1, 10, 4.0, NOON), (1, 20, 4.0, NOON)),
        file("movielens", SMALL, "ratings", (1, 10, 4.0, NOON), (2, 10, 2.5, NOON)),
    ),
    (
        file("imdb", "title.basics", "title.basics", title("tt0000001", "I"), title("tt0000099", "Dropped")),
        file(
            "imdb",
            "title.basics",
            "title.basics",
            title("tt0000001", "I"),
            title("tt0000007", "VII"),
            title("tt0000030", "E", "tvEpisode"),
            title("tt0000098", "E", "tvEpisode"),
        ),
    ),
    (file("imdb", "title.ratings", "title.ratings", ("tt0000001", 7.5, 10), ("tt0000098", 1.0, 1)),),
    (file("imdb", "title.crew", "title.crew", ("tt0000001", "nm0000001", None)),),
    (poster(1, "/1.jpg"),),
)


def dump(wh: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """Everything that core says, with each movie under its natural name rather than its number.

    A movie's number depends on what was known of it first, and its times and batch on when it was told.
    """
    name = "coalesce(m.imdb_id, 'tmdb:' || m.tmdb_id, 'movielens:' || m.movielens_id) AS movie"
    told = "movie_id, row_hash, event_time, known_time, batch_id, deleted_at"
    found = {"movies": f"SELECT {name}, m.deleted_at IS NULL, m.* EXCLUDE ({told}) FROM core.movies AS m"}
    for table in AROUND:
        found[table] = (
            f"SELECT {name}, t.* EXCLUDE (movie_id) FROM core.{table} AS t "
            "LEFT JOIN core.movies AS m USING (movie_id)"
        )
    found["id_map"] = (
        f"SELECT {name}, i.* EXCLUDE (movie_id, known_time) FROM core.id_map AS i "
        "JOIN core.movies AS m USING (movie_id) WHERE i.state = 'active'"
    )
    return {
        table: sorted((tuple(row.values()) for row in wh.query(sql).to_pylist()), key=repr)
        for table, sql in found.items()
    }


def check_invariants(wh: Warehouse) -> None:
    """What must hold after every conform."""
    for column in ("movie_id", "imdb_id"):
        assert wh.scalar(f"SELECT count({column}) - count(DISTINCT {column}) FROM core.movies") == 0
    for table in AROUND:
        assert wh.scalar(f"SELECT count(*) FROM core.{table} ANTI JOIN core.movies USING (movie_id)") == 0
    active = "FROM core.id_map WHERE state = 'active'"
    assert wh.scalar(f"SELECT count(*) - count(DISTINCT (source, source_id)) {active}") == 0
    nameless = f"core.movies WHERE deleted_at IS NULL AND movie_id NOT IN (SELECT movie_id {active})"
    assert wh.scalar(f"SELECT count(*) FROM {nameless}") == 0
    parts = "SELECT count(DISTINCT bucket) AS n FROM core.movies WHERE tmdb_id IS NOT NULL GROUP BY tmdb_id"
    assert wh.scalar(f"SELECT count(*) FROM ({parts}) WHERE n > 1") == 0
    assert wh.scalar("SELECT count(*) FROM ops.quarantine") == 0


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    """Core after everything was landed in order and conformed once."""
    with Warehouse.open(Location.under(tmp_path_factory.mktemp("at_once"))) as wh:
        for stream in STREAMS:
            for land in stream:
                land(wh)
        conform(wh, None)
        check_invariants(wh)
        return dump(wh)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_core_does_not_depend_on_the_order_of_arrival(
    tmp_path: Path, at_once: dict[str, list[tuple[Any, ...]]], seed: int
) -> None:
    draw = random.Random(seed)  # noqa: S311 - an order, not a secret
    order = [number for number, stream in enumerate(STREAMS) for _ in stream]
    draw.shuffle(order)
    left = [list(stream) for stream in STREAMS]
    with Warehouse.open(Location.under(tmp_path)) as wh:
        for number in order:
            left[number].pop(0)(wh)
            if draw.random() < 0.35:
                conform(wh, None)
                check_invariants(wh)
        conform(wh, None)
        check_invariants(wh)
        assert dump(wh) == at_once


def test_nothing_new_writes_nothing(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, title="Four Rooms")])
    first = conform(wh, None)
    assert (first.affected, first.added, first.batch_id is None) == (1, 1, False)
    before = wh.snapshot_id
    again = conform(wh, None)
    assert (again.affected, again.batch_id) == (0, None)
    assert wh.snapshot_id == before


def test_only_movies_whose_row_differs_are_written(location: Location) -> None:
    now = [datetime(2026, 3, 2, tzinfo=UTC)]
    with Warehouse.open(location, clock=lambda: now[0]) as wh:
        land_tmdb(wh, [answer(5, title="Four Rooms"), answer(6, title="Judgment Night")])
        conform(wh, None)
        now[0] += timedelta(days=1)
        # 5 says something that core does not keep; 6 gets a keyword.
        edited = answer(6, title="Judgment Night", keywords={"keywords": [{"id": 520, "name": "chicago"}]})
        land_tmdb(wh, [answer(5, title="Four Rooms", homepage="x"), edited], at=NOON + timedelta(hours=20))
        result = conform(wh, None)
        assert (result.affected, result.changed, result.unchanged) == (2, 1, 1)
        rows = wh.query(
            "SELECT tmdb_id, event_time, known_time, batch_id FROM core.movies ORDER BY 1"
        ).to_pylist()
        assert [row["event_time"] for row in rows] == [NOON, NOON + timedelta(hours=20)]
        assert [row["known_time"] for row in rows] == [now[0] - timedelta(days=1), now[0]]
        assert rows[1]["batch_id"] == result.batch_id != rows[0]["batch_id"]


@pytest.fixture
def other_sql(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """A function that has the next conform prefer the titles of MovieLens, as another release might."""

    def change() -> None:
        monkeypatch.setitem(PRECEDENCE, "title", ("movielens", "tmdb", "imdb"))  # type: ignore[arg-type]
        fingerprint._files.cache_clear()

    yield change
    monkeypatch.undo()
    fingerprint._files.cache_clear()


def test_other_sql_makes_all_movies_anew_once_and_says_so(
    location: Location, other_sql: Callable[[], None]
) -> None:
    now = [NOON]
    with Warehouse.open(location, clock=lambda: now[0]) as wh:
        land_tmdb(wh, [answer(5, imdb_id="tt0000005", title="Five"), answer(6, title="Six")])
        land_rows(wh, "movielens", SMALL, "movies", [(50, "Cinq (1995)", "Drama")])
        land_rows(wh, "movielens", SMALL, "links", [(50, "0000005", 5)])
        assert conform(wh, None).remade == ()
        titles = "SELECT title, known_time FROM core.movies ORDER BY tmdb_id"
        assert wh.query(titles)["title"].to_pylist() == ["Five", "Six"]
        movies = wh.query("SELECT movie_id FROM core.movies ORDER BY tmdb_id")

        now[0] += timedelta(days=1)
        assert conform(wh, None).affected == 0
        other_sql()
        result = conform(wh, None)
        assert (result.affected, result.changed, result.unchanged) == (2, 1, 1)
        assert "core.movies" in result.remade
        assert [tuple(row.values()) for row in wh.query(titles).to_pylist()] == [
            ("Cinq", now[0]),
            ("Six", NOON),
        ]
        assert wh.query("SELECT movie_id FROM core.movies ORDER BY tmdb_id") == movies
        assert conform(wh, None).affected == 0


def test_a_lake_of_an_earlier_release_is_not_made_anew_while_the_sql_is_as_recorded(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5)])
    conform(wh, None)
    cursor = wh.cursor("reelhouse", "core")
    assert cursor is not None
    assert cursor.pop("sql") == {}
    wh.commit(lambda tx: tx.set_cursor("reelhouse", "core", cursor))
    assert conform(wh, None).affected == 0


def test_an_event_is_never_later_than_its_being_known(location: Location) -> None:
    with Warehouse.open(location, clock=lambda: NOON) as wh:
        land_tmdb(wh, [answer(5)], at=NOON + timedelta(days=3))  # the source's clock runs ahead
        conform(wh, None)
        (row,) = wh.query("SELECT event_time, known_time FROM core.movies").to_pylist()
        assert row == {"event_time": NOON, "known_time": NOON}


def test_the_cursor_the_rows_and_the_ledger_commit_together(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5)])
    run_id = wh.start_run("nightly")

    def progress(done: int, total: int | None) -> None:
        if done == total:
            raise RuntimeError("the power went")

    with pytest.raises(RuntimeError, match="power"):
        conform(wh, run_id, progress)
    assert wh.cursor("reelhouse", "core") is None
    assert wh.scalar("SELECT count(*) FROM core.movies") == 0
    seen: list[tuple[int, int | None]] = []
    result = conform(wh, run_id, lambda done, total: seen.append((done, total)))
    assert seen == [(n, 8) for n in range(1, 9)]
    (batch,) = wh.query("SELECT * FROM ops.batches WHERE source = 'reelhouse'").to_pylist()
    assert (batch["batch_id"], batch["run_id"], batch["rows_landed"]) == (result.batch_id, run_id, 1)
