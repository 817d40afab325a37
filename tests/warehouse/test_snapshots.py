"""What changed between two nights."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest

from warehouse import Column, Table, Warehouse
from warehouse.errors import QueryFailed
from warehouse.snapshots import diff, parse_as_of, resolve
from warehouse.upkeep import upkeep

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def movie(number: int, **values: Any) -> dict[str, Any]:
    return {
        "movie_id": number,
        "title": f"Movie {number}",
        "overview": None,
        "budget_usd": 1000,
        "split_key": f"tt{number:07d}",
        "bucket": 5,
        "row_hash": str(sorted(values.items())),
        "deleted_at": None,
        "event_time": NOW,
        "known_time": NOW,
        **values,
    }


def put(wh: Warehouse, *movies: dict[str, Any], genres: dict[int, list[str]] | None = None) -> int:
    rows = [(number, "tmdb", genre) for number, names in (genres or {}).items() for genre in names]
    with wh.transaction() as tx:
        if movies:
            tx.replace_keys("core.movies", pa.Table.from_pylist(list(movies)), ["movie_id"])
        if rows:
            tx.replace_keys(
                "core.movie_genres",
                pa.Table.from_pylist(
                    [dict(zip(("movie_id", "source", "genre"), row, strict=True)) for row in rows]
                ),
                ["movie_id"],
            )
    return wh.snapshot_id


def test_rows_that_upkeep_writes_to_other_files_are_no_news(wh: Warehouse) -> None:
    put(wh, *(movie(n) for n in range(9)), genres={n: ["Drama"] for n in range(9)})
    first = put(wh, movie(1, overview="A story."), genres={1: ["Crime"]})
    with wh.transaction() as tx:
        tx.delete_keys("core.movies", pa.table({"movie_id": [3, 4, 5]}))
        tx.delete_keys("core.movie_genres", pa.table({"movie_id": [3, 4, 5]}))
    assert upkeep(wh).files_rewritten == 2
    found = diff(wh.location, first)
    assert found.movies["movie_id"].to_pylist() == [3, 4, 5]
    counts = {row.pop("table_name"): row for row in found.tables.to_pylist()}
    assert counts == {
        "core.movies": {"inserted": 0, "deleted": 3},
        "core.movie_genres": {"inserted": 0, "deleted": 3},
    }


def test_movies_that_came_went_and_changed_are_told_with_their_fields(wh: Warehouse) -> None:
    first = put(wh, movie(1), movie(2), movie(3), movie(4), genres={1: ["Drama"], 2: ["War"]})
    put(wh, movie(1, overview="A story.", budget_usd=2000), genres={1: ["Crime", "Drama"]})
    with wh.transaction() as tx:
        tx.delete_keys("core.movies", pa.table({"movie_id": [3]}))
    last = put(wh, movie(4, deleted_at=NOW), movie(5), movie(2))
    found = diff(wh.location, first, last)
    assert (found.earlier, found.later) == (first, last)
    assert found.movies.to_pylist() == [
        {"movie_id": 5, "title": "Movie 5", "change": "added"},
        {"movie_id": 1, "title": "Movie 1", "change": "changed"},
        {"movie_id": 3, "title": "Movie 3", "change": "deleted"},
        {"movie_id": 4, "title": "Movie 4", "change": "deleted"},
    ], "movie 2 was written again with the same values"
    changes = {
        (row["movie_id"], row["field"]): (row["before"], row["after"]) for row in found.fields.to_pylist()
    }
    assert changes == {
        (1, "overview"): (None, "A story."),
        (1, "budget_usd"): ("1000", "2000"),
        (1, "genres"): ("tmdb: Drama", "tmdb: Crime | tmdb: Drama"),
        (4, "deleted_at"): (None, "2026-11-21 00:00:00+00"),
    }
    tables = {row["table_name"]: (row["inserted"], row["deleted"]) for row in found.tables.to_pylist()}
    assert tables["core.movie_genres"] == (1, 0), "Drama was written again with the same values"
    assert set(tables) == {"core.movies", "core.movie_genres"}


def test_nights_are_compared_after_the_snapshots_between_them_were_forgotten(wh: Warehouse) -> None:
    def end_of_run() -> int:
        run = {"run_id": str(wh.snapshot_id), "flow": "nightly", "state": "completed"}
        with wh.transaction() as tx:
            row = {**run, "started_at": wh.clock(), "ended_at": wh.clock()}
            tx.append("ops.runs", pa.Table.from_pylist([row]))
        return wh.snapshot_id

    put(wh, movie(1), movie(2), movie(3), genres={1: ["Drama"]})
    first = end_of_run()
    put(wh, movie(1, overview="A story."), genres={1: ["Crime"]})
    passing = put(wh, movie(1, overview="Another story."), movie(4))
    with wh.transaction() as tx:
        tx.delete_keys("core.movies", pa.table({"movie_id": [3]}))
    last = end_of_run()
    put(wh, movie(5))
    before = diff(wh.location, first, last)
    upkeep(wh, whole=timedelta(0), grace=timedelta(0))
    with pytest.raises(
        QueryFailed, match=rf"{passing}: .* {first} is the last before it and {last} the next"
    ):
        resolve(wh.location, passing)
    after = diff(wh.location, first, last)
    assert after.movies.to_pylist() == before.movies.to_pylist()
    assert after.fields.to_pylist() == before.fields.to_pylist()
    net = [
        {row["table_name"]: row["inserted"] - row["deleted"] for row in found.tables.to_pylist()}
        for found in (before, after)
    ]
    assert net[0] == net[1]


def test_a_table_made_between_two_snapshots_counts_its_rows(wh: Warehouse) -> None:
    first = put(wh, movie(1))
    put(wh, movie(2))
    wh.declare(Table("features.newer", "New.", (Column("key", "BIGINT", "Key."),)))
    with wh.transaction() as tx:
        tx.append("features.newer", pa.table({"key": [1, 2, 3]}))
    found = {row["table_name"]: row for row in diff(wh.location, first).tables.to_pylist()}
    assert (found["features.newer"]["inserted"], found["features.newer"]["deleted"]) == (3, 0)


def test_nothing_changed_between_a_snapshot_and_itself(wh: Warehouse) -> None:
    now = put(wh, movie(1))
    found = diff(wh.location, now)
    assert found.later == now
    for table in (found.tables, found.movies, found.fields, found.predictions):
        assert table.num_rows == 0


def test_decisions_that_turned_are_told(wh: Warehouse) -> None:
    put(wh, movie(1))

    def scored(version: str, **decisions: float) -> pa.Table:
        return pa.Table.from_pylist(
            [
                {
                    "movie_id": 1,
                    "label_set": "tmdb",
                    "model": "text",
                    "model_version": version,
                    "genre": genre,
                    "probability": probability,
                    "threshold": 0.5,
                    "predicted": probability >= 0.5,
                    "scored_at": NOW,
                }
                for genre, probability in decisions.items()
            ]
        )

    stages = {"v1": "champion", "v2": "challenger"}
    model = {"label_set": "tmdb", "model": "text", "created_at": NOW}

    def models() -> pa.Table:
        return pa.Table.from_pylist([{**model, "model_version": v, "stage": s} for v, s in stages.items()])

    with wh.transaction() as tx:
        tx.append("predictions.scores", scored("v1", Drama=0.75, War=0.25, Crime=0.0))
        tx.append("ops.models", models())
    before = wh.snapshot_id
    stages.update(v1="retired", v2="champion")
    with wh.transaction() as tx:
        tx.append("predictions.scores", scored("v2", Drama=0.75, War=0.5, Crime=0.25))
        tx.replace("ops.models", models(), {})
    (row,) = diff(wh.location, before).predictions.to_pylist()
    assert row == {
        "movie_id": 1,
        "title": "Movie 1",
        "label_set": "tmdb",
        "model": "text",
        "genre": "War",
        "before": False,
        "after": True,
        "probability_before": 0.25,
        "probability_after": 0.5,
    }


def test_a_decision_that_turned_when_a_movie_was_scored_again_is_told(wh: Warehouse) -> None:
    put(wh, movie(1), movie(2))
    key = {"label_set": "tmdb", "model": "text", "model_version": "v1"}
    champion = {**key, "stage": "champion", "created_at": NOW}

    def score(number: int, probability: float) -> None:
        row = {**key, "movie_id": number, "genre": "War", "probability": probability, "threshold": 0.5}
        row |= {"predicted": probability >= 0.5, "scored_at": NOW}
        with wh.transaction() as tx:
            tx.replace_keys("predictions.scores", pa.Table.from_pylist([row]), ["movie_id"])

    with wh.transaction() as tx:
        tx.append("ops.models", pa.Table.from_pylist([champion]))
    score(1, 0.25)
    score(2, 0.25)
    before = wh.snapshot_id
    score(1, 0.75)
    (row,) = diff(wh.location, before).predictions.to_pylist()
    assert (row["movie_id"], row["before"], row["after"]) == (1, False, True)
    assert (row["probability_before"], row["probability_after"]) == (0.25, 0.75)


def test_a_time_means_the_newest_snapshot_until_then(wh: Warehouse) -> None:
    first = put(wh, movie(1))
    time = wh.scalar("SELECT snapshot_time FROM lake.snapshots() WHERE snapshot_id = ?", [first])
    put(wh, movie(2))
    assert resolve(wh.location, time) == first
    assert resolve(wh.location, time - timedelta(microseconds=1)) == first - 1
    assert resolve(wh.location, datetime.now(UTC)) == first + 1
    with pytest.raises(QueryFailed, match="is still to come"):
        resolve(wh.location, datetime.now(UTC) + timedelta(days=1))
    found = diff(wh.location, time)
    assert [row["movie_id"] for row in found.movies.to_pylist()] == [2]


def test_snapshots_in_the_wrong_order_are_refused(wh: Warehouse) -> None:
    first = put(wh, movie(1))
    last = put(wh, movie(2))
    with pytest.raises(QueryFailed, match="give the earlier one first"):
        diff(wh.location, last, first)


def test_a_snapshot_from_before_the_tables_cannot_be_compared(wh: Warehouse) -> None:
    with pytest.raises(QueryFailed, match="snapshot 0 is from before the tables were made"):
        diff(wh.location, 0)


def test_days_are_named_by_their_first_moment() -> None:
    now = datetime(2026, 11, 21, 15, 30, tzinfo=timezone(timedelta(hours=-10)))  # the 22nd in UTC
    assert parse_as_of("today", now) == datetime(2026, 11, 22, tzinfo=UTC)
    assert parse_as_of(" Yesterday ", now) == datetime(2026, 11, 21, tzinfo=UTC)
    assert parse_as_of("now", now) == now
    assert parse_as_of("2026-11-20") == datetime(2026, 11, 20, tzinfo=UTC)
    assert parse_as_of("2026-11-20T08:00+02:00") == datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "-1", "last night", "20261120" * 3, "2026-13-01", "٣", "1.5"])
def test_text_that_is_neither_a_snapshot_nor_a_time_says_what_to_write(text: str) -> None:
    with pytest.raises(QueryFailed, match=r"not a snapshot or a time: .* write a snapshot's number"):
        parse_as_of(text)
