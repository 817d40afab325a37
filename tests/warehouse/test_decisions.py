"""What a person decides about ids wins in core, lasts, and can be taken back."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.warehouse.landing import NOON, answer, gone, land_tmdb
from tests.warehouse.test_conform_identity import imdb, movielens, movies, number
from warehouse import Location, Warehouse
from warehouse.checks import check
from warehouse.conform import conform
from warehouse.decisions import are_noticed, conflicts, decide, decisions, parse_id, take_back
from warehouse.errors import BadDecision

WHO = {"author": "ann", "reason": "seen it"}


def lost(wh: Warehouse) -> set[tuple[str, str, str, str, str]]:
    """(disputed id, who lost, by what record, saying what; who won, saying what)"""
    return {
        (
            f"{r['source']}:{r['source_id']}",
            r["lost_record"],
            r["lost_target"],
            r["won_source"],
            r["won_target"],
        )
        for r in conflicts(wh).to_pylist()
    }


def promise(wh: Warehouse) -> dict[int, tuple[Any, ...]]:
    """Land the case of TMDb 105045, which MovieLens links to two titles, and return the live movies."""
    land_tmdb(wh, [answer(105045, imdb_id="tt0111613", title="The Promise")])
    movielens(wh, (690, "0111613", 105045), (1533, "0117398", 105045))
    conform(wh, None)
    return movies(wh)


def test_the_losing_claim_is_kept_with_the_one_that_won_until_the_sources_agree(wh: Warehouse) -> None:
    before = promise(wh)
    (row,) = conflicts(wh).to_pylist()
    assert (row["lost_movie_id"], row["won_movie_id"]) == (number("tt0117398"), number("tt0111613"))
    assert (row["lost_title"], row["won_title"]) == ("Movie 1533", "The Promise")
    assert lost(wh) == {("tmdb:105045", "movielens:1533", "tt0117398", "tmdb", "tt0111613")}
    batches = wh.query("SELECT batch_id, source FROM ops.batches").to_pylist()
    sources = {batch["batch_id"]: batch["source"] for batch in batches}
    assert (sources[row["batch_id"]], sources[row["won_batch_id"]]) == ("movielens", "tmdb")
    # Said again in other words, it stays as it was noticed.
    land_tmdb(wh, [answer(105045, imdb_id="tt0111613", title="The Promise", tagline="new")])
    conform(wh, None)
    assert conflicts(wh).to_pylist()[0]["known_time"] == row["known_time"]
    movielens(wh, (690, "0111613", 105045), (1533, "0117398", None))
    conform(wh, None)
    assert lost(wh) == set()
    assert movies(wh) == before


def test_claims_to_a_record_that_is_not_here_go_to_the_lowest_movielens_id(wh: Warehouse) -> None:
    movielens(wh, (1, "0000009", 5), (2, "0000003", 5))
    conform(wh, None)
    assert {row[0]: row[1] for row in movies(wh).values()} == {"tt0000009": 5, "tt0000003": None}
    assert lost(wh) == {("tmdb:5", "movielens:2", "tt0000003", "movielens", "tt0000009")}
    land_tmdb(wh, [answer(5, imdb_id="tt0000003")])
    conform(wh, None)
    assert {row[0]: row[1] for row in movies(wh).values()} == {"tt0000009": None, "tt0000003": 5}
    assert lost(wh) == {("tmdb:5", "movielens:1", "tt0000009", "tmdb", "tt0000003")}
    land_tmdb(wh, [gone(5)])
    conform(wh, None)
    assert {row[0]: row[1] for row in movies(wh).values()} == {"tt0000009": 5, "tt0000003": None}


def test_a_second_record_of_a_title_is_a_contradiction_of_tmdb(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(9, imdb_id="tt0000001"), answer(5, imdb_id="tt0000001")])
    conform(wh, None)
    assert lost(wh) == {("imdb:tt0000001", "tmdb:9", "tmdb:9", "tmdb", "tmdb:5")}
    decide(wh, "tmdb:9", "tt0000001", **WHO)
    conform(wh, None)
    assert [row[1] for row in movies(wh).values()] == [9]
    assert lost(wh) == {("imdb:tt0000001", "tmdb:5", "tmdb:5", "person", "tmdb:9")}


def test_a_record_that_names_a_title_comes_before_one_that_is_only_linked_to_it(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5), answer(9, imdb_id="tt0000001")])
    movielens(wh, (1, "0000001", 5))
    conform(wh, None)
    assert movies(wh) == {number("tt0000001"): ("tt0000001", 9, 1)}
    assert ("imdb:tt0000001", "movielens:1", "tmdb:5", "tmdb", "tmdb:9") in lost(wh)


def test_a_decision_moves_the_record_and_lasts_and_is_taken_back_by_another_row(location: Location) -> None:
    now = [NOON + timedelta(days=1)]
    with Warehouse.open(location, clock=lambda: now[0]) as wh:
        before = promise(wh)
        decision = decide(wh, "tmdb:105045", "tt0117398", **WHO)
        assert (decision.target, decision.author, decision.decided_at) == ("tt0117398", "ann", now[0])
        conform(wh, None)
        moved = {
            number("tt0111613"): ("tt0111613", None, 690),
            number("tt0117398"): ("tt0117398", 105045, 1533),
        }
        assert movies(wh) == moved
        assert wh.scalar("SELECT title FROM core.movies WHERE tmdb_id = 105045") == "The Promise"
        assert lost(wh) == {
            ("tmdb:105045", "tmdb:105045", "tt0111613", "person", "tt0117398"),
            ("tmdb:105045", "movielens:690", "tt0111613", "person", "tt0117398"),
        }
        assert {row["reason"] for row in conflicts(wh).to_pylist()} == {"decided by ann: seen it"}
        for day in range(3):  # fetched anew, gone and back
            land_tmdb(wh, [answer(105045, imdb_id="tt0111613", title="The Promise", tagline=str(day))])
            conform(wh, None)
            assert movies(wh) == moved
        land_tmdb(wh, [gone(105045)])
        conform(wh, None)
        assert movies(wh)[number("tt0117398")] == ("tt0117398", 105045, 1533)  # as was decided
        land_tmdb(wh, [answer(105045, imdb_id="tt0111613", title="The Promise")])
        conform(wh, None)
        assert movies(wh) == moved
        now[0] -= timedelta(hours=1)  # a clock that runs behind does not undo the undoing
        take_back(wh, "tmdb:105045", author="bob", reason="it was another")
        conform(wh, None)
        assert movies(wh) == before
        assert lost(wh) == {("tmdb:105045", "movielens:1533", "tt0117398", "tmdb", "tt0111613")}
        assert wh.scalar("SELECT count(*) FROM core.id_decisions") == 2
        assert decisions(wh).num_rows == 0


def test_two_titles_can_be_decided_to_be_one_movie_and_part_with_their_numbers(wh: Warehouse) -> None:
    before = promise(wh)
    imdb(wh, "tt0111613", "tt0117398")
    conform(wh, None)
    decide(wh, "tt0117398", "tt0111613", **WHO)
    assert conform(wh, None).merged == 1
    assert movies(wh) == {number("tt0111613"): ("tt0111613", 105045, 690)}
    mapped = wh.query("SELECT movie_id, state FROM core.id_map WHERE source_id = '1533'").to_pylist()
    assert {row["movie_id"] for row in mapped if row["state"] == "active"} == {number("tt0111613")}
    assert lost(wh) == {("imdb:tt0117398", "tt0117398", "tt0117398", "person", "tt0111613")}
    assert check_ids_of(wh)
    take_back(wh, "tt0117398", **WHO)
    conform(wh, None)
    assert movies(wh) == before


def check_ids_of(wh: Warehouse) -> bool:
    names = ["core.movies", "core.movie_genres", "core.id_conflicts", "core.id_decisions"]
    return all(result.passed for result in check(wh, names, record=False))


def test_an_id_can_be_decided_to_stand_alone_or_to_be_what_another_id_is(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(5, imdb_id="tt0000001"), answer(6)])
    movielens(wh, (1, "0000001", 5))
    conform(wh, None)
    decide(wh, "movielens:1", "movielens:1", **WHO)
    conform(wh, None)
    assert set(movies(wh).values()) == {("tt0000001", 5, None), (None, 6, None), (None, None, 1)}
    decide(wh, "movielens:1", "tmdb:6", **WHO)
    conform(wh, None)
    assert set(movies(wh).values()) == {("tt0000001", 5, None), (None, 6, 1)}
    decide(wh, "tmdb:6", "tmdb:5", **WHO)
    conform(wh, None)
    assert set(movies(wh).values()) == {("tt0000001", 5, 1)}
    # What 5 is, the others are, whatever it becomes.
    land_tmdb(wh, [answer(5, imdb_id="tt0000002")])
    conform(wh, None)
    assert ("tt0000002", 5, 1) in movies(wh).values()
    assert check_ids_of(wh)


def test_a_decision_about_an_id_without_a_record_is_named_as_the_source_of_the_value(wh: Warehouse) -> None:
    movielens(wh, (1, "0000009", 5), (2, "0000003", 5))
    conform(wh, None)
    decide(wh, "tmdb:5", "tt0000003", **WHO)
    conform(wh, None)
    assert {row[0]: row[1] for row in movies(wh).values()} == {"tt0000009": None, "tt0000003": 5}
    named = wh.query("SELECT source FROM core.value_sources WHERE field = 'tmdb_id'")["source"].to_pylist()
    assert named == ["person"]
    assert lost(wh) == {("tmdb:5", "movielens:1", "tt0000009", "person", "tt0000003")}


def test_only_movies_that_a_decision_is_about_are_written(wh: Warehouse) -> None:
    land_tmdb(wh, [answer(number_, imdb_id=f"tt000000{number_}") for number_ in range(1, 6)])
    conform(wh, None)
    decide(wh, "tmdb:1", "tt0000002", **WHO)
    result = conform(wh, None)
    assert (result.affected, result.changed, result.merged) == (1, 1, 1)
    assert conform(wh, None).batch_id is None


@pytest.mark.parametrize(
    ("subject", "target", "message"),
    [
        ("105045", "tt0117398", "'105045' is no id"),
        ("tmdb:105045", "The Promise", "'The Promise' is no id"),
        ("tmdb:7", "tt0117398", "no source has named tmdb:7 so far"),
        ("tmdb:105045", "movielens:7", "no source has named movielens:7 so far"),
        ("tt0111613", "tmdb:105045", "only be decided to be another IMDb title"),
        ("tt0111613", "tt0111613", "is a movie of its own already"),
        ("movielens:690", "tmdb:105045", "tmdb:105045 is decided to be movielens:690: take that back first"),
        ("tmdb:105045", "movielens:690", "tmdb:105045 is decided to be movielens:690 already"),
    ],
)
def test_a_decision_that_cannot_hold_is_one_clear_line(
    wh: Warehouse, subject: str, target: str, message: str
) -> None:
    promise(wh)
    decide(wh, "tmdb:105045", "movielens:690", **WHO)
    with pytest.raises(BadDecision, match=message):
        decide(wh, subject, target, **WHO)
    with pytest.raises(BadDecision, match="nothing is decided about movielens:690"):
        take_back(wh, "movielens:690", **WHO)


def test_a_decision_needs_a_reason(wh: Warehouse) -> None:
    promise(wh)
    with pytest.raises(BadDecision, match="needs a reason"):
        decide(wh, "tmdb:105045", "tt0117398", author="ann", reason=" ")
    decide(wh, "tmdb:105045", "tt0117398", **WHO)
    with pytest.raises(BadDecision, match="needs a reason"):
        take_back(wh, "tmdb:105045", author="ann", reason="")


def test_a_lake_that_was_migrated_and_not_conformed_since_does_not_deny_its_contradictions(
    wh: Warehouse,
) -> None:
    assert are_noticed(wh), "an empty lake has none"
    promise(wh)
    assert are_noticed(wh)
    wh.commit(lambda tx: tx.set_cursor("reelhouse", "core", {"snapshot": 1}))  # as an earlier release does
    assert not are_noticed(wh)
    conform(wh, None)
    assert are_noticed(wh)


def test_ids_are_read_as_people_write_them() -> None:
    assert parse_id(" imdb:tt0113101 ") == ("imdb", "tt0113101")
    assert parse_id("movielens:007") == ("movielens", "7")


def test_a_lake_that_an_earlier_release_conformed_is_mended_by_the_next_conform(location: Location) -> None:
    now = [NOON + timedelta(days=1)]
    with Warehouse.open(location, clock=lambda: now[0]) as wh:
        land_tmdb(wh, [answer(7, imdb_id="tt0000007"), answer(8, imdb_id="tt0000007")])
        after = promise(wh)
        expected, rows = lost(wh), wh.query("FROM core.movies ORDER BY movie_id").to_pylist()
        assert len(expected) == 2
        make_older(wh, number("tt0117398"))
        breaches = [result.rule for result in check(wh, ["core.movies"], record=False) if not result.passed]
        assert breaches == ["one live row per tmdb_id"]
        now[0] += timedelta(days=1)
        result = conform(wh, None)
        assert (result.changed, result.added, result.merged) == (1, 0, 0)
        assert (movies(wh), lost(wh)) == (after, expected)
        mended = wh.query("FROM core.movies ORDER BY movie_id").to_pylist()
        times = {"event_time", "known_time", "batch_id"}
        for before, row in zip(rows, mended, strict=True):
            is_mended = row["movie_id"] == number("tt0117398")
            assert (row["known_time"] == before["known_time"]) == (not is_mended)
            assert {k: v for k, v in row.items() if k not in times} == {
                k: v for k, v in before.items() if k not in times
            }
        assert conform(wh, None).batch_id is None


def make_older(wh: Warehouse, movie_id: int) -> None:
    """Give the movie the TMDb id too, as an earlier release did, and forget what that did not know."""

    def write(tx: Any) -> None:
        tx.execute(
            "UPDATE core.movies SET tmdb_id = 105045, row_hash = 'older' WHERE movie_id = ?", [movie_id]
        )
        tx.execute("DELETE FROM core.id_conflicts")
        cursor = tx.cursor("reelhouse", "core")
        tx.set_cursor("reelhouse", "core", {"snapshot": cursor["snapshot"]})

    wh.commit(write)


def test_two_people_who_decide_at_once_lose_nothing(location: Location) -> None:
    with Warehouse.open(location) as wh, Warehouse.open(location) as other:
        promise(wh)
        words: list[Callable[[], Any]] = [
            lambda: decide(wh, "tmdb:105045", "tt0117398", **WHO),
            lambda: decide(other, "movielens:690", "tt0117398", author="bob", reason="the same"),
        ]
        for word in words:
            word()
        conform(wh, None)
        assert set(movies(wh).values()) == {("tt0117398", 105045, 690)}
        assert decisions(other).num_rows == 2
        assert isinstance(decisions(wh), pa.Table)
