"""Answers come from one state of the lake, though another process commits while they are sought."""

import duckdb
import pytest

from tests.warehouse.landing import genres
from warehouse import Location, Warehouse, consistent_read
from warehouse.errors import Conflict
from warehouse.private_lake import PrivateLake
from warehouse.sql import open_read_only
from warehouse.transaction import Transaction

COUNT = "SELECT count(genre) FROM core.movie_genres"


@pytest.fixture
def other(wh: Warehouse) -> Warehouse:
    """Has a table of a hundred rows; sixty have been replaced, so that its first file has deleted rows."""
    wh.commit(lambda tx: tx.append("core.movie_genres", genres(0, 100, "Drama")))
    wh.commit(lambda tx: tx.replace_keys("core.movie_genres", genres(0, 60, "War"), ["movie_id"]))
    return wh


def replace(wh: Warehouse) -> None:
    """What makes a new list of deleted rows, in which the old one is contained."""
    wh.commit(lambda tx: tx.replace_keys("core.movie_genres", genres(20, 60, "Crime"), ["movie_id"]))


def test_a_transaction_that_a_commit_overtakes_ends_in_a_conflict_or_sees_one_state(other: Warehouse) -> None:
    counts = []

    def work(tx: Transaction) -> int:
        tx.scalar("SELECT count(*) FROM core.movies")
        if not counts:
            replace(other)
        counts.append(tx.scalar(COUNT))
        return counts[-1]

    assert other.commit(work) == 100
    assert counts[0] == 100 or len(counts) == 2, "deleted rows came back, and nobody asked again"


def test_a_commit_to_what_was_not_read_is_no_conflict(other: Warehouse) -> None:
    with other.transaction() as tx:
        tx.scalar("SELECT count(*) FROM core.movies")
        replace(other)


@pytest.mark.local_files
def test_a_query_that_a_commit_overtakes_is_asked_again(
    other: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[int | None] = []
    newest = consistent_read.newest

    def overtaken(connection: duckdb.DuckDBPyConnection, location: Location) -> int | None:
        snapshot = newest(connection, location)
        answers.append(snapshot)
        if len(answers) == 1:
            monkeypatch.setattr(consistent_read, "newest", newest)
            replace(other)
            monkeypatch.setattr(consistent_read, "newest", overtaken)
        return snapshot

    monkeypatch.setattr(consistent_read, "newest", overtaken)
    assert other.scalar(COUNT) == 100
    assert len(answers) == 4, "before and after, twice"


def test_a_person_s_query_that_a_commit_overtakes_sees_the_state_before(
    other: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    renew = PrivateLake.renew

    def overtaken(lake: PrivateLake) -> None:
        renew(lake)
        replace(other)

    with open_read_only(other.location) as sql:
        monkeypatch.setattr(PrivateLake, "renew", overtaken)
        assert sql.execute(f"{COUNT} WHERE genre = 'Crime'").fetchone() == (0,)
        monkeypatch.setattr(PrivateLake, "renew", renew)
        assert sql.execute(f"{COUNT} WHERE genre = 'Crime'").fetchone() == (60,)
        assert sql.execute(COUNT).fetchone() == (100,)


@pytest.mark.local_files
def test_a_transaction_gives_up_on_what_changes_all_the_time(
    other: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consistent_read, "mixed", lambda *arguments: True)
    with pytest.raises(Conflict, match="ask again"), other.transaction() as tx:
        tx.scalar(COUNT)
