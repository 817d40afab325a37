"""`reelhouse conflicts`, as a person types it."""

import json
from pathlib import Path

import pytest

from tests.flows.commandline import Run, runner
from tests.warehouse.landing import answer, land_rows, land_tmdb
from warehouse import Location, Warehouse
from warehouse.conform import conform


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home where MovieLens and TMDb say different things of TMDb's 19666."""
    with Warehouse.open(Location.under(tmp_path / "home")) as warehouse:
        land_tmdb(warehouse, [answer(19666, imdb_id="tt0169102", title="Lagaan")])
        rows = [(6776, "Other (2001)", "Drama")]
        land_rows(warehouse, "movielens", "ml-latest-small", "movies", rows)
        land_rows(warehouse, "movielens", "ml-latest-small", "links", [(6776, "0282674", 19666)])
        conform(warehouse, None)
    return tmp_path / "home"


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(home, monkeypatch, capfd)


def test_contradictions_are_listed_overruled_and_given_back(reelhouse: Run):
    listed = reelhouse("conflicts", "list").out
    assert "tmdb:19666  is tt0169102 (Lagaan), says tmdb in tmdb:19666" in listed
    assert "not tt0282674 (Other, 2001), as movielens in movielens:6776 says" in listed
    assert "1 contradiction, 1 of which nobody has decided" in listed
    assert "Id conflicts open 1; `reelhouse conflicts list` shows them" in reelhouse("status").out

    words = ("conflicts", "overrule", "tmdb:19666", "tt0282674", "--author", "ann", "--reason", "seen it")
    said = reelhouse(*words, "--json")
    assert said.code == 0, said.err
    assert json.loads(said.out)["steps"]["conform"]["changed"] == 1
    found = json.loads(reelhouse("conflicts", "list", "--json").out)
    (row,) = found["conflicts"]
    assert (row["lost_source"], row["lost_target"], row["won_target"]) == ("tmdb", "tt0169102", "tt0282674")
    assert (row["won_source"], row["reason"]) == ("person", "decided by ann: seen it")
    (decision,) = found["decisions"]
    assert (decision["source_id"], decision["target"], decision["author"]) == ("19666", "tt0282674", "ann")
    assert "tmdb:19666  was decided to be tt0282674 by ann: seen it" in reelhouse("conflicts", "list").out
    assert "Id conflicts decided 1;" in reelhouse("status").out
    assert "is decided to be tt0282674 already" in reelhouse(*words).line

    assert reelhouse("conflicts", "undo", "tmdb:19666", "--reason", "a slip").code == 0
    found = json.loads(reelhouse("conflicts", "list", "--json").out)
    assert [row["won_source"] for row in found["conflicts"]] == ["tmdb"]
    assert found["decisions"] == []
    query = "SELECT tmdb_id, imdb_id FROM core.movies WHERE deleted_at IS NULL ORDER BY imdb_id"
    assert reelhouse("sql", query, "--format", "csv").out.split() == [
        "tmdb_id,imdb_id",
        "19666,tt0169102",
        ",tt0282674",
    ]


def test_a_decision_that_cannot_be_is_one_line_and_makes_no_run(reelhouse: Run, home: Path):
    for subject, target, reason, message in (
        ("19666", "tt0282674", "x", "'19666' is no id"),
        ("tmdb:19666", "Lagaan", "x", "'Lagaan' is no id"),
        ("tmdb:19666", "tt0282674", " ", "a decision needs a reason"),
        ("tt0282674", "tt0282674", "x", "is a movie of its own already"),
    ):
        wrong = reelhouse("conflicts", "overrule", subject, target, "--reason", reason)
        assert wrong.code == 2
        assert message in wrong.line
    said = reelhouse("conflicts", "undo", "tmdb:19666", "--reason", "x")
    assert said.code == 1
    assert "nothing is decided about tmdb:19666" in said.line
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        assert warehouse.scalar("SELECT count(*) FROM ops.runs") == 0


def test_a_title_that_no_source_has_named_is_told_and_no_title_stands_on_both_sides(reelhouse: Run):
    said = reelhouse("conflicts", "overrule", "tmdb:19666", "tt7654321", "--reason", "a title to come")
    assert said.code == 0, said.err
    assert "no source has named tt7654321 so far" in said.err
    lines = reelhouse("conflicts", "list").out.splitlines()
    assert "tmdb:19666  is tt7654321 (Lagaan), says a person about tmdb:19666" in lines
    assert "    not tt0169102, as tmdb in tmdb:19666 says" in lines


def test_a_home_without_a_warehouse_stays_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    run = runner(tmp_path / "none", monkeypatch, capfd)
    assert run("conflicts", "overrule", "tmdb:5", "tt0282674", "--reason", "x").code == 1
    assert not (tmp_path / "none").exists()
