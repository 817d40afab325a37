"""Backfill: which movies it takes, and that it leaves the nightly's cursors alone."""

import json
from datetime import date
from pathlib import Path

import pytest

from connectors.mirror import Mirror
from flows.backfill import Selection, parse_ids, parse_range
from flows.errors import FlowError
from tests.flows.conftest import Reelhouse
from tests.flows.lake import scalar


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


def test_a_plan_says_what_is_missing_and_fetches_no_movie(reelhouse: Reelhouse, mirror: Mirror):
    ids = [str(movie) for movie in mirror.app.catalogue.ids()[:10]]
    result = reelhouse("backfill", "--ids", ",".join(ids), "--ids", "tt9999999", "--plan", "--json")
    assert result.returncode == 0, result.stderr
    plan = json.loads(result.stdout)
    assert (plan["missing"], plan["requests"], plan["unknown_ids"]) == (10, 10, ["tt9999999"])
    assert "GET details" not in mirror.log()["counts"]


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
    mirror.clear_log()
    second = reelhouse("backfill", "--ids", f"@{listing}", "--json")
    assert second.returncode == 0, second.stderr
    assert "GET details" not in mirror.log()["counts"]
