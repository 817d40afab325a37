"""Declared limits: what breaches them, and what is said about it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from flows.engine.context import location
from flows.inspect.check import Check, Limits, check_champions, print_checks, run_checks
from flows.settings import Settings
from models import registry
from models.registry import Entry
from warehouse import Warehouse
from warehouse.checks import check as check_contracts
from warehouse.schema import TABLES

NIGHT = datetime.now(UTC).replace(microsecond=0)


class Clock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = NIGHT

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", label_sets=("movielens",), sources=("movielens", "imdb"))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def warehouse(settings: Settings, clock: Clock) -> Iterator[Warehouse]:
    with Warehouse.open(location(settings), clock=clock) as opened:
        yield opened


def one_night(warehouse: Warehouse, *files: tuple[str, str], state: str = "completed") -> None:
    run_id = warehouse.start_run("nightly")
    for source, name in files:
        with warehouse.step(run_id, "ingest", source=source, subject=name):
            pass
    warehouse.finish_run(run_id, state, None if state == "completed" else "ingest imdb: refused")


def breached(settings: Settings, **changes) -> dict[str, Check]:
    limits = Limits(free_gib=0, models=(), **changes)
    return {check.name: check for check in run_checks(settings, limits) if not check.ok}


ALL = (("movielens", "ml-latest-small"), ("imdb", "title.basics"))


def test_an_empty_warehouse_was_never_asked_and_never_completed_a_night(settings, warehouse):
    found = breached(settings)
    assert set(found) == {"nightly completed", "source movielens", "source imdb"}
    assert {check.found for check in found.values()} == {"never"}
    assert all("reelhouse" in check.remedy for check in found.values())


def test_a_good_night_breaches_nothing(settings, warehouse):
    one_night(warehouse, *ALL)
    assert breached(settings) == {}


def test_a_night_too_long_ago_is_a_breach_and_one_just_in_time_is_none(settings, warehouse, clock):
    clock.now = NIGHT - timedelta(hours=35)
    one_night(warehouse, *ALL)
    assert breached(settings) == {}
    assert set(breached(settings, nightly_hours=34)) == {"nightly completed"}
    assert set(breached(settings, source_hours={"imdb": 34, "movielens": 36})) == {"source imdb"}


def test_a_backup_is_due_a_week_after_the_last_and_a_young_lake_needs_none(settings, warehouse, clock):
    clock.now = NIGHT - timedelta(days=8)
    warehouse.finish_run(warehouse.start_run("nightly"), "completed")
    clock.now = NIGHT
    one_night(warehouse, *ALL)
    (breach,) = breached(settings).values()
    assert (breach.name, breach.found) == ("backup", "never")
    assert "reelhouse backup" in breach.remedy
    assert breached(settings, backup_days=9) == {}

    clock.now = NIGHT - timedelta(days=6)
    warehouse.finish_run(warehouse.start_run("backup"), "completed")
    clock.now = NIGHT
    assert breached(settings) == {}
    assert set(breached(settings, backup_days=5)) == {"backup"}


def test_a_source_is_as_fresh_as_its_stream_that_was_asked_longest_ago(settings, warehouse, clock):
    clock.now = NIGHT - timedelta(hours=50)
    one_night(warehouse, *ALL, ("imdb", "title.crew"))
    clock.now = NIGHT
    one_night(warehouse, *ALL)
    assert set(breached(settings)) == {"source imdb"}
    assert breached(settings)["source imdb"].found.startswith("50.")  # hours; the run itself takes some


def test_a_failed_night_is_a_breach_that_names_why(settings, warehouse, clock):
    clock.now = NIGHT - timedelta(hours=1)
    one_night(warehouse, *ALL)
    clock.now = NIGHT
    one_night(warehouse, *ALL, state="failed")
    found = breached(settings)
    assert set(found) == {"last nightly"}
    assert found["last nightly"].found == "failed: ingest imdb: refused"


def test_many_refused_rows_are_a_breach_only_where_they_are_a_large_share_too(settings, warehouse):
    one_night(warehouse, *ALL)
    rows = pa.table({"original": ["{}"] * 60, "reason": ["no title"] * 60})
    warehouse.commit(lambda tx: tx.quarantine("tmdb", "raw.tmdb_movies", rows, "b1"))
    assert breached(settings) == {}
    assert set(breached(settings, quarantine_rows=59)) == {"quarantine"}
    assert breached(settings, quarantine_rows=59, quarantine_share=1.0) == {}


def test_a_model_without_a_champion_is_named(warehouse):
    (check,) = check_champions(warehouse, Limits(models=("tags", "text")), ("movielens",))
    assert not check.ok
    assert check.found == "none for tags, text"
    assert "reelhouse train tags text" in check.remedy


def entry(model: str, stage: str, reason: str, day: int) -> Entry:
    at = NIGHT + timedelta(days=day)
    return Entry(
        label_set="movielens", model=model, model_version=f"{day:012}", stage=stage, created_at=at,
        promoted_at=at if stage == "champion" else None, reason=reason, code_version="1", snapshot_id=1,
        views={}, split={}, seed=1, metrics={}, thresholds={}, artefact_path="", artefact_sha256="",
    )  # fmt: skip


def test_a_model_that_the_gate_refused_is_no_breach_and_nothing_is_to_be_done(warehouse):
    registry.register(warehouse, entry("tags", "champion", "first model", 1))
    registry.register(warehouse, entry("text", "refused", "AUC 0.4872 is no better; not measured: War", 2))
    (check,) = check_champions(warehouse, Limits(models=("tags", "text")), ("movielens",))
    assert check.ok
    assert check.found == "text was refused: AUC 0.4872 is no better"
    assert check.remedy == ""


def test_a_refused_challenger_takes_nothing_from_a_champion(warehouse):
    registry.register(warehouse, entry("tags", "champion", "first model", 1))
    registry.register(warehouse, entry("tags", "refused", "worse than the champion", 2))
    (check,) = check_champions(warehouse, Limits(models=("tags",)), ("movielens",))
    assert (check.ok, check.found) == (True, "all 1")


def test_a_model_that_waits_for_a_person_is_named_with_how_to_promote_it(warehouse):
    registry.register(warehouse, entry("tags", "challenger", "look for a leak", 3))
    (check,) = check_champions(warehouse, Limits(models=("tags",)), ("movielens",))
    assert not check.ok
    assert check.remedy == "run: reelhouse promote tags 000000000003 --label-set movielens"


def test_breaches_are_printed_with_what_to_do():
    lines: list[str] = []
    good = Check("a", True, "1", "2", "nothing")
    print_checks([Check("b", False, "never", "daily", "run it"), good], lines.append)
    assert [line.split()[0] for line in lines] == ["BREACH", "run", "ok", "1"]


def test_a_broken_contract_is_a_breach_and_the_results_are_kept(settings, warehouse):
    one_night(warehouse, *ALL)
    lost = "INSERT INTO core.movie_genres VALUES (1, 'tmdb', 'Drama'), (1, 'tmdb', 'Drama')"
    warehouse.commit(lambda tx: tx.execute(lost))
    found = breached(settings)["contract core.movie_genres"]
    assert found.limit in ("one row per movie_id, source, genre", "movie_id is in core.movies")
    kept = warehouse.query(
        "SELECT rule, passed, breaches FROM ops.contract_results WHERE table_name = 'core.movie_genres' "
        "ORDER BY rule"
    ).to_pylist()
    assert [tuple(row.values()) for row in kept] == [
        ("all rules", False, 3),
        ("movie_id is in core.movies", False, 2),
        ("one row per movie_id, source, genre", False, 1),
    ]
    other = "SELECT passed FROM ops.contract_results WHERE table_name = 'core.movies' AND rule = 'all rules'"
    assert warehouse.scalar(other) is True


def test_every_table_has_rules_that_a_check_holds_it_to(warehouse):
    checked = {result.table for result in check_contracts(warehouse, record=False)}
    assert checked == {table.name for table in TABLES}
