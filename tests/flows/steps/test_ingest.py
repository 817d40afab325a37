"""Ingesting when sources misbehave: the rest goes on, and what is missing comes next time."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from connectors.imdb.layouts import LAYOUTS
from connectors.mirror import FaultRule, Mirror
from flows.engine.step import Work
from flows.errors import FlowError
from flows.settings import Settings, load_settings
from flows.steps.bulk import ingest_movielens
from flows.steps.tmdb import ingest_tmdb
from tests.flows.conftest import Reelhouse
from tests.flows.lake import scalar
from warehouse import Location, Warehouse
from warehouse.land.bulk import TARGETS
from warehouse.ledger import Step
from warehouse.schema import TABLES

MOVIE = r"^/3/movie/\d+\?"


def good_answers(mirror: Mirror) -> Counter[str]:
    """How often each movie was asked for and answered."""
    return Counter(
        path for path, status in mirror.log()["requests"] if re.match(MOVIE, path) and status == 200
    )


@pytest.mark.slow
def test_a_source_that_keeps_failing_is_left_alone_and_carried_on_with_next_time(
    reelhouse: Reelhouse, mirror: Mirror, tmp_path: Path
) -> None:
    mirror.set_faults(FaultRule("status", match=MOVIE, skip=60, status=503))
    first = reelhouse("ingest", "--json")
    assert first.returncode == 1
    outcome = json.loads(first.stdout)
    assert "is left alone for this run" in outcome["failures"]["ingest tmdb movies"]
    assert "skipped: tmdb cannot be reached" in outcome["failures"]["ingest tmdb posters"]
    assert outcome["steps"]["conform"]["added"] > 0
    home = tmp_path / "home"
    landed = scalar(home, "SELECT count(*) FROM raw.tmdb_movies")
    assert landed == len(good_answers(mirror)) == 60
    assert scalar(home, "SELECT count(*) FROM core.movies WHERE tmdb_vote_count IS NOT NULL") > 0
    assert scalar(home, "SELECT count(*) FROM ops.cursors WHERE source = 'tmdb'") == 0

    mirror.set_faults()
    second = reelhouse("ingest", "--json")
    assert second.returncode == 0, second.stderr
    ids = mirror.app.catalogue.ids()
    assert scalar(home, "SELECT count(DISTINCT tmdb_id) FROM raw.tmdb_movies") == len(ids)
    assert scalar(home, "SELECT count(*) FROM ops.cursors WHERE source = 'tmdb'") == 1
    assert good_answers(mirror) == dict.fromkeys(good_answers(mirror), 1)
    assert len(good_answers(mirror)) == len(ids)


@pytest.mark.parametrize(("landed", "asked"), [("ml-1m", "ml-100k"), ("ml-100k", "ml-latest-small")])
def test_a_set_that_numbers_its_movies_in_its_own_way_needs_a_home_of_its_own(
    tmp_path: Path, landed: str, asked: str
) -> None:
    settings = load_settings(home=tmp_path, movielens_url="http://127.0.0.1:9")
    with Warehouse.open(Location.under(tmp_path)) as warehouse:
        with warehouse.transaction() as tx:
            tx.execute(
                "INSERT INTO raw.movielens_movies (dataset, movielens_id, source, fetched_at, batch_id) "
                "VALUES (?, 2, 'movielens', now(), 'b')",
                [landed],
            )
        work = Work(settings, warehouse, "run", Step("run", "step", 1), lambda done, total: None, print)
        with pytest.raises(FlowError, match="home of its own"):
            ingest_movielens(work, asked)


def tmdb_settings(mirror: Mirror, home: Path, *, exports: str = "exports", word: str = "token") -> Settings:
    return load_settings(
        home=home,
        tmdb_url=f"{mirror.url}/3",
        tmdb_export_url=f"{mirror.url}/p/{exports}",
        tmdb_token=word,
        tmdb_requests_per_second=1000,
    )


def ingested(settings: Settings, warehouse: Warehouse) -> Step:
    """Ingest TMDb, and return the step that did it."""
    step = Step(warehouse.start_run("ingest", {}), "ingest tmdb movies", 1)
    ingest_tmdb(Work(settings, warehouse, step.run_id, step, lambda done, total: None, print))
    return step


def test_a_damaged_export_does_not_keep_the_changes_out(mirror: Mirror, tmp_path: Path) -> None:
    catalogue = mirror.app.catalogue
    settings = tmdb_settings(mirror, tmp_path)
    with Warehouse.open(Location.under(tmp_path)) as warehouse:
        ingested(settings, warehouse)
        before = warehouse.cursor("tmdb", "movies")
        mirror.advance(1)
        mirror.set_faults(FaultRule("html", match="^/p/exports"))
        step = ingested(settings, warehouse)
        changed = catalogue.changed(catalogue.today(), catalogue.today())
        assert step.counts["fetched"] == len(changed) > 0
        assert "without the export" in (step.note or "")
        after = warehouse.cursor("tmdb", "movies")
        assert before is not None and after is not None
        assert after["export_day"] == before["export_day"]
        assert after["synced_day"] > before["synced_day"]


def test_a_first_load_without_any_export_fails_and_says_so(mirror: Mirror, tmp_path: Path) -> None:
    """As with a wrong address: every export answers 404."""
    settings = tmdb_settings(mirror, tmp_path, exports="wrong")
    with Warehouse.open(Location.under(tmp_path)) as warehouse:
        with pytest.raises(FlowError, match=r"TMDb has no export of .*: check REELHOUSE_TMDB_EXPORT_URL"):
            ingested(settings, warehouse)
        assert warehouse.cursor("tmdb", "movies") is None
        ingested(tmdb_settings(mirror, tmp_path), warehouse)
        mirror.advance(5)
        step = ingested(
            settings, warehouse
        )  # later the changes tell of what is new, and the note of the export
        assert step.counts["fetched"] > 0
        assert "TMDb has no export of" in (step.note or "")


def test_a_home_in_which_a_word_was_masked_is_mended_by_one_ingest(mirror: Mirror, tmp_path: Path) -> None:
    settings = tmdb_settings(mirror, tmp_path, word="the")

    def ingest(warehouse: Warehouse) -> int:
        return int(ingested(settings, warehouse).counts.get("fetched", 0))

    with Warehouse.open(Location.under(tmp_path)) as warehouse:
        ingest(warehouse)
        right = warehouse.query("SELECT tmdb_id, payload FROM raw.tmdb_movies ORDER BY tmdb_id")
        assert sum(" the " in payload for payload in right["payload"].to_pylist()) > 100, "word by word"
        with warehouse.transaction() as tx:  # what an earlier release made of it, and its layout
            tx.execute(
                "UPDATE raw.tmdb_movies "
                "SET content_hash = 'other', payload = replace(payload, ' the ', ' ... ') "
                "WHERE tmdb_id % 3 = 0 AND contains(payload, ' the ')"
            )
            tx.execute("DELETE FROM ops.migrations WHERE version >= 2")
    with Warehouse.open(Location.under(tmp_path)) as warehouse:
        masked = warehouse.scalar("SELECT count(*) FROM raw.tmdb_movies WHERE contains(payload, '...')")
        assert 0 < ingest(warehouse) == masked
        latest = (
            "SELECT tmdb_id, arg_max(payload, rowid) AS payload FROM raw.tmdb_movies GROUP BY 1 ORDER BY 1"
        )
        assert warehouse.query(latest).equals(right)
        assert ingest(warehouse) == 0


@pytest.mark.parametrize("dataset", LAYOUTS)
def test_every_file_of_imdb_has_a_table_with_its_columns(dataset: str) -> None:
    (table,) = (each for each in TABLES if each.name == TARGETS["imdb", dataset].table)
    assert {column.name for column in LAYOUTS[dataset].columns} <= {column.name for column in table.columns}
