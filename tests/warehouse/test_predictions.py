"""predictions.current shows the champions' scores, predictions.history the earlier ones."""

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from warehouse import Warehouse

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def scores(version: str, model: str = "text", probability: float = 0.5) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "movie_id": 1,
                "label_set": "tmdb",
                "model": model,
                "model_version": version,
                "genre": genre,
                "probability": probability,
                "threshold": 0.4,
                "predicted": probability >= 0.4,
                "input_hash": "h",
                "run_id": "r",
                "snapshot_id": 3,
                "scored_at": NOW,
            }
            for genre in ("Drama", "War")
        ]
    )


def models(**stages: str) -> pa.Table:
    return pa.Table.from_pylist(
        [
            {
                "label_set": "tmdb",
                "model": "text",
                "model_version": version,
                "stage": stage,
                "created_at": NOW,
            }
            for version, stage in stages.items()
        ]
    )


@pytest.fixture
def scored(wh: Warehouse) -> Warehouse:
    movie = {
        "movie_id": 1,
        "imdb_id": "tt0000001",
        "tmdb_id": 5,
        "title": "Five",
        "split_key": "tt0000001",
        "bucket": 3,
        "event_time": NOW,
        "known_time": NOW,
    }
    with wh.transaction() as tx:
        tx.append("core.movies", pa.Table.from_pylist([movie]))
        tx.append("predictions.scores", scores("v1"))
        tx.append("predictions.scores", scores("v2", probability=0.25))
        tx.append("ops.models", models(v1="champion", v2="challenger"))
    return wh


def versions(wh: Warehouse, view: str) -> list[tuple[Any, ...]]:
    sql = f"SELECT model_version, genre, superseded_at FROM predictions.{view} ORDER BY ALL"  # noqa: S608
    if view == "current":
        sql = "SELECT model_version, genre, NULL AS superseded_at FROM predictions.current ORDER BY ALL"
    return [tuple(row.values()) for row in wh.query(sql).to_pylist()]


def test_current_has_the_champions_scores_with_the_movie(scored: Warehouse) -> None:
    rows = scored.query("FROM predictions.current WHERE genre = 'War'").to_pylist()
    assert rows == [
        {
            "movie_id": 1,
            "imdb_id": "tt0000001",
            "tmdb_id": 5,
            "title": "Five",
            "label_set": "tmdb",
            "model": "text",
            "model_version": "v1",
            "genre": "War",
            "probability": 0.5,
            "threshold": pytest.approx(0.4),
            "predicted": True,
            "run_id": "r",
            "snapshot_id": 3,
            "scored_at": NOW,
        }
    ]


def test_history_has_what_is_not_current(scored: Warehouse) -> None:
    assert versions(scored, "current") == [("v1", "Drama", None), ("v1", "War", None)]
    assert versions(scored, "history") == [("v2", "Drama", None), ("v2", "War", None)]


def test_a_promotion_moves_scores_between_the_views(scored: Warehouse) -> None:
    with scored.transaction() as tx:
        tx.replace("ops.models", models(v1="retired", v2="champion"), {})
    assert versions(scored, "current") == [("v2", "Drama", None), ("v2", "War", None)]
    assert versions(scored, "history") == [("v1", "Drama", None), ("v1", "War", None)]


def test_superseded_scores_are_history(scored: Warehouse) -> None:
    with scored.transaction() as tx:
        old = tx.query("SELECT * FROM predictions.scores WHERE model_version = 'v1'")
        tx.append("predictions.superseded", old, constants={"superseded_at": NOW})
        tx.replace("predictions.scores", scores("v1", probability=0.9), {"model_version": "v1"})
    assert versions(scored, "history") == [
        ("v1", "Drama", NOW),
        ("v1", "War", NOW),
        ("v2", "Drama", None),
        ("v2", "War", None),
    ]
    assert scored.query("SELECT DISTINCT probability FROM predictions.current")[
        "probability"
    ].to_pylist() == [pytest.approx(0.9)]


def test_scores_of_a_movie_that_core_does_not_know_still_show(scored: Warehouse) -> None:
    with scored.transaction() as tx:
        tx.execute("DELETE FROM core.movies")
    assert len(versions(scored, "current")) == 2


def test_wide_has_one_row_per_movie_and_model(scored: Warehouse) -> None:
    with scored.transaction() as tx:
        tx.execute(
            "UPDATE predictions.scores SET probability = 0.75 WHERE model_version = 'v1' AND genre = 'War'"
        )
    (row,) = scored.query("FROM predictions.wide").to_pylist()
    assert (row["movie_id"], row["title"], row["model_version"]) == (1, "Five", "v1")
    assert row["genres"] == ["War", "Drama"]
    assert (row["best_genre"], row["best_probability"]) == ("War", 0.75)
    assert dict(row["probabilities"]) == {"War": 0.75, "Drama": 0.5}


def test_unlabelled_movies_are_those_without_a_genre_of_that_source(scored: Warehouse) -> None:
    assert scored.query("FROM predictions.unlabelled").num_rows == 1
    genre = {"movie_id": [1], "source": ["imdb"], "genre": ["War"]}
    with scored.transaction() as tx:
        tx.append("core.movie_genres", pa.table(genre))
    assert scored.query("FROM predictions.unlabelled").num_rows == 1, "IMDb's genres are not TMDb's"
    with scored.transaction() as tx:
        tx.append("core.movie_genres", pa.table({**genre, "source": ["tmdb"]}))
    assert scored.query("FROM predictions.unlabelled").num_rows == 0


def test_disagreements_go_both_ways_and_leave_unlabelled_movies_out(scored: Warehouse) -> None:
    assert scored.query("FROM predictions.disagreements").num_rows == 0
    with scored.transaction() as tx:
        tx.append("core.movie_genres", pa.table({"movie_id": [1], "source": ["tmdb"], "genre": ["War"]}))
        tx.execute(
            "UPDATE predictions.scores SET probability = 0.1, predicted = false "
            "WHERE model_version = 'v1' AND genre = 'War'"
        )
    rows = scored.query(
        "SELECT genre, predicted, given FROM predictions.disagreements ORDER BY 1"
    ).to_pylist()
    assert rows == [
        {"genre": "Drama", "predicted": True, "given": False},
        {"genre": "War", "predicted": False, "given": True},
    ]


def test_coverage_counts_what_movies_have(scored: Warehouse) -> None:
    rows = scored.query("FROM core.coverage").to_pylist()
    counts = {row["having"]: (row["movies"], row["share"]) for row in rows}
    assert counts["any movie"] == counts["an IMDb id"] == counts["no genres anywhere"] == (1, 1.0)
    assert counts["an overview"] == counts["a poster"] == (0, 0.0)


def test_freshness_joins_batches_and_cursors(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.batch("run", "tmdb", "movies")
        tx.append("core.movie_genres", pa.table({"movie_id": [1], "source": ["tmdb"], "genre": ["War"]}))
        tx.set_cursor("tmdb", "movies", {"day": 1})
        tx.set_cursor("imdb", "title.basics", {})
    rows = wh.query("SELECT source, stream, rows_landed, cursor FROM ops.freshness ORDER BY 1").to_pylist()
    assert rows == [
        {"source": "imdb", "stream": "title.basics", "rows_landed": None, "cursor": "{}"},
        {"source": "tmdb", "stream": "movies", "rows_landed": 1, "cursor": '{"day": 1}'},
    ]
