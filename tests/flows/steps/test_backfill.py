"""Backfill: which movies it takes, and that it leaves the nightly's cursors alone."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from connectors.mirror import Mirror
from flows.errors import FlowError, WrongUsage
from flows.inspect.backfill_plan import merged
from flows.steps.selection import Interval, Selection, parse_ids, parse_range, parts
from tests.flows.conftest import Reelhouse
from tests.flows.lake import scalar
from warehouse import Location, Warehouse


def test_ids_come_separated_by_anything_and_each_once():
    assert parse_ids(["603,tt0133093 603", "11"]) == ("603", "tt0133093", "11")


@pytest.mark.parametrize("word", ["Heat", "tt", "-5", "tt12x", "6.5", "٣", "9" * 20])
def test_what_is_no_id_is_refused(word):
    with pytest.raises(FlowError, match="no TMDb id"):
        parse_ids([word])


def test_a_range_leaves_its_last_day_out():
    assert parse_range("2026-01-01..2026-02-01") == (date(2026, 1, 1), date(2026, 2, 1))


@pytest.mark.parametrize("text", ["2026-01-01", "2026-02-01..2026-01-01", "2026-01-01..2026-01-01", "a..b"])
def test_what_is_no_range_is_refused(text):
    with pytest.raises(FlowError):
        parse_range(text)


def test_a_selection_must_choose_something():
    with pytest.raises(FlowError, match="--ids"):
        Selection()


@pytest.mark.parametrize("words", [[], [""], ["\n"], [" , "]])
def test_a_list_without_a_movie_is_no_mistake(words: list[str]):
    assert Selection.of(words).ids == ()
    with pytest.raises(WrongUsage, match="say which movies"):
        Selection.of(None)


@pytest.mark.parametrize("number", [0, -1, 10_001])
def test_more_of_a_genre_than_tmdb_lists_is_refused(number):
    with pytest.raises(FlowError, match="10000"):
        Selection(popular=number)


def test_a_range_is_cut_at_months_and_a_long_one_at_years():
    assert list(parts(date(2025, 11, 20), date(2026, 1, 5))) == [
        (date(2025, 11, 20), date(2025, 12, 1)),
        (date(2025, 12, 1), date(2026, 1, 1)),
        (date(2026, 1, 1), date(2026, 1, 5)),
    ]
    assert list(parts(date(2000, 6, 1), date(2004, 1, 1)))[:2] == [
        (date(2000, 6, 1), date(2001, 1, 1)),
        (date(2001, 1, 1), date(2002, 1, 1)),
    ]
    assert list(parts(date(9999, 12, 1), date.max)) == [(date(9999, 12, 1), date.max)]


def test_neighbouring_intervals_with_something_missing_are_one():
    months = [date(2026, month, 1) for month in range(1, 6)]
    missing = [2, 3, 0, 1]
    found = [Interval(months[i], months[i + 1], 5, count) for i, count in enumerate(missing)]
    assert list(merged(found)) == [
        Interval(months[0], months[2], 10, 5),
        Interval(months[3], months[4], 5, 1),
    ]


def test_a_plan_says_what_is_missing_and_fetches_no_movie(reelhouse: Reelhouse, mirror: Mirror):
    ids = [str(movie) for movie in mirror.app.catalogue.ids()[:10]]
    result = reelhouse("backfill", "--ids", ",".join(ids), "--ids", "tt9999999", "--plan", "--json")
    assert result.returncode == 0, result.stderr
    plan = json.loads(result.stdout)
    assert (plan["missing"], plan["requests"], plan["unknown_ids"]) == (10, 10, ["tt9999999"])
    assert "GET details" not in mirror.log()["counts"]


def test_ids_that_tmdb_does_not_know_are_named_and_counted_apart(reelhouse: Reelhouse, mirror: Mirror):
    known, *unknown = str(mirror.app.catalogue.ids()[0]), *(str(99_999_000 + i) for i in range(12))
    first = reelhouse("backfill", "--ids", ",".join((known, *unknown)), "--json")
    assert first.returncode == 0, first.stderr
    named = f"TMDb has no movie {', '.join(unknown[:10])} and 2 more"
    assert f"13 fetched · 1 new · 12 gone · {named}" in first.stderr
    step = json.loads(first.stdout)["steps"]["backfill tmdb movies"]
    assert (step["new"], step["changed"], step["gone"], step["note"]) == (1, 0, 12, named)
    mirror.clear_log()
    again = reelhouse("backfill", "--ids", unknown[0], "--json")
    assert f"TMDb has no movie {unknown[0]}" in again.stderr
    assert json.loads(again.stdout)["steps"]["select tmdb movies"]["note"] == (
        f"TMDb has no movie {unknown[0]}"
    )
    assert "GET details" not in mirror.log()["counts"]
    plan = json.loads(reelhouse("backfill", "--ids", unknown[0], "--plan", "--json").stdout)
    assert (plan["unknown_ids"], plan["requests"]) == ([unknown[0]], 0)


def test_chosen_movies_are_ingested_without_touching_the_nightlys_cursors(
    reelhouse: Reelhouse, mirror: Mirror, tmp_path: Path
):
    ids = mirror.app.catalogue.ids()[:10]
    listing = tmp_path / "ids.txt"
    listing.write_text("\n".join(map(str, ids)))
    first = reelhouse("backfill", "--ids", f"@{listing}", "--json")
    assert first.returncode == 0, first.stderr
    home = tmp_path / "home"
    assert scalar(home, "SELECT count(*) FROM core.movies WHERE tmdb_id IS NOT NULL") == 10
    assert scalar(home, "SELECT count(*) FROM features.metadata WHERE present") == 10
    assert scalar(home, "SELECT count(*) FROM ops.cursors WHERE source = 'tmdb'") == 0
    now = [datetime.now(UTC)]
    another = {
        "movie_id": [1], "split_key": ["tt1"], "bucket": [2], "year": [1999], "event_time": now,
        "known_time": now,
    }  # fmt: skip
    with Warehouse.open(Location.under(home)) as warehouse, warehouse.transaction() as tx:
        tx.append("core.movies", pa.table(another))
    mirror.clear_log()
    second = reelhouse("backfill", "--ids", f"@{listing}", "--json")
    assert second.returncode == 0, second.stderr
    assert "GET details" not in mirror.log()["counts"]
    assert json.loads(second.stdout)["steps"]["features metadata"]["unchanged"] == 10
    assert scalar(home, "SELECT count(*) FROM features.metadata") == 10


def test_a_large_backfill_goes_in_chunks_each_scored_before_the_next(
    reelhouse: Reelhouse, mirror: Mirror, tmp_path: Path
):
    ids = ",".join(map(str, mirror.app.catalogue.ids()[:25]))
    result = reelhouse("backfill", "--ids", ids, "--json", REELHOUSE_BACKFILL_CHUNK="10")
    assert result.returncode == 0, result.stderr
    home = tmp_path / "home"
    names = json.loads(result.stdout)["steps"]
    assert [name for name in names if name.startswith("backfill tmdb movies")] == [
        f"backfill tmdb movies {number} of 3" for number in (1, 2, 3)
    ]
    order = list(names)
    assert order.index("score movielens 1 of 3") < order.index("backfill tmdb movies 2 of 3")
    assert scalar(home, "SELECT count(*) FROM core.movies WHERE tmdb_id IS NOT NULL") == 25


def test_a_range_of_release_days_says_where_movies_are_missing(reelhouse: Reelhouse, mirror: Mirror):
    plan = json.loads(
        reelhouse("backfill", "--released", "2000-01-01..2002-01-01", "--plan", "--json").stdout
    )
    assert len(plan["intervals"]) == 24
    assert plan["missing"] == sum(each["missing"] for each in plan["intervals"]) > 0
    assert reelhouse("backfill", "--released", "2000-01-01..2002-01-01").returncode == 0
    again = json.loads(
        reelhouse("backfill", "--released", "2000-01-01..2002-01-01", "--plan", "--json").stdout
    )
    assert (again["missing"], sum(each["missing"] for each in again["intervals"])) == (0, 0)


def test_the_most_popular_of_each_genre_are_found(reelhouse: Reelhouse, mirror: Mirror):
    plan = json.loads(reelhouse("backfill", "--popular", "2", "--plan", "--json").stdout)
    assert 0 < plan["missing"] <= 2 * 19


def test_what_is_not_scored_needs_a_champion(reelhouse: Reelhouse):
    result = reelhouse("backfill", "--unscored")
    assert result.returncode == 1
    assert "no champion" in result.stderr


def test_an_empty_list_of_ids_is_nothing_to_do(reelhouse: Reelhouse, tmp_path: Path) -> None:
    (tmp_path / "ids").write_text("\n", encoding="utf-8-sig")
    result = reelhouse("backfill", "--ids", f"@{tmp_path / 'ids'}", "--json")
    assert result.returncode == 0, result.stderr
    assert list(json.loads(result.stdout)["steps"]) == ["select tmdb movies"]


def test_a_list_of_ids_that_cannot_be_read_is_wrong_usage(reelhouse: Reelhouse, tmp_path: Path) -> None:
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    for name in ("absent", "bytes"):
        result = reelhouse("backfill", "--ids", f"@{tmp_path / name}")
        assert result.returncode == 2
        assert "cannot be read" in result.stderr
        assert "Traceback" not in result.stderr
