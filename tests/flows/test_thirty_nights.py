"""Nights in a row: the clock moves, sources fail, processes die, a night is missed, a gap is filled.

`REELHOUSE_TEST_NIGHTS=30` runs a month of them instead of the few of CI.
"""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.mirror import Mirror, SyntheticCatalogue, serve
from connectors.mirror.faults import FaultRule
from features import latest
from flows.engine.console import Reporter
from flows.engine.context import feature_views, location
from flows.engine.run import Outcome, run_steps
from flows.settings import Settings
from flows.steps.backfill import backfill_steps
from flows.steps.catalogue import feature_steps, ingest_steps, nightly_steps, score_steps
from flows.steps.selection import Selection
from warehouse import Warehouse

NIGHTS = int(os.environ.get("REELHOUSE_TEST_NIGHTS", "8"))


def day(of_month: int) -> int:
    """Return the night of so many that stands for one of thirty."""
    return round(of_month * NIGHTS / 30)


MOVIES = 150
BATCH = 25
KILLED = {day(6): "ingest tmdb movies", day(17): "features tags"}
MISSED = day(11)
BACKFILLED = day(14)
OUT = {day(4): "/imdb/title.ratings", day(21): "/movielens/"}
"""Nights on which a source answers 404 to everything: its steps fail, the rest goes on."""

KEYS = """SELECT movie_id, coalesce(imdb_id, 'tmdb:' || tmdb_id, 'movielens:' || movielens_id) AS key
    FROM core.movies WHERE deleted_at IS NULL"""


def child(table: str, *left_out: str) -> str:
    """The table's rows of living movies, by what the sources call the movie: two homes number them apart."""
    columns = ", ".join(("movie_id", *left_out))
    return (
        f"SELECT key, t.* EXCLUDE ({columns}) FROM {table} AS t JOIN ({KEYS}) USING (movie_id) ORDER BY ALL"  # noqa: S608
    )


CONTENT = {
    "movies": """SELECT * EXCLUDE (movie_id, row_hash, event_time, known_time, batch_id) FROM core.movies
        WHERE deleted_at IS NULL ORDER BY imdb_id, tmdb_id, movielens_id""",
    **{
        name: child(f"core.{name}")
        for name in ("movie_genres", "movie_keywords", "movie_tags", "movie_people", "movie_companies",
                     "movie_countries", "movie_languages", "ratings", "posters")
    },
    "predictions": child("predictions.current", "run_id", "snapshot_id", "scored_at"),
}  # fmt: skip


def settings_of(mirror: Mirror, home: Path) -> Settings:
    values: dict[str, Any] = {
        name.removeprefix("REELHOUSE_").lower(): value for name, value in mirror.env().items()
    }
    return Settings(**values, home=home, label_sets=("movielens",), tmdb_batch=BATCH, retrain_fraction=0.5)


def night(settings: Settings) -> Outcome:
    return run_steps(settings, "nightly", nightly_steps(settings), Reporter(quiet=True))


def killed_night(settings: Settings, mirror: Mirror, after: str) -> None:
    """Start a night in a process of its own and kill it when it has finished a step."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("REELHOUSE_")}
    environment = {
        **kept,
        **mirror.env(),
        "REELHOUSE_HOME": str(settings.home),
        "REELHOUSE_CONFIG": os.devnull,
        "REELHOUSE_LABEL_SETS": "movielens",
        "REELHOUSE_TMDB_BATCH": str(BATCH),
        "REELHOUSE_RETRAIN_FRACTION": "0.5",
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "nightly", "--local"],
        env=environment, stderr=subprocess.PIPE, text=True, cwd=settings.home,
    )  # fmt: skip
    assert process.stderr is not None
    for line in process.stderr:
        if after in line:
            process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL


def faults(rng: random.Random, number: int) -> list[FaultRule]:
    """A night's random misbehaviour, little enough that retrying, or the next night, puts it right."""
    if number in OUT:
        return [FaultRule("status", match=OUT[number], status=404)]
    seed = rng.randrange(1_000_000)
    kinds = [
        FaultRule("status", match="/3/movie/", status=503, probability=0.2, seed=seed),
        FaultRule("status", match="/3/movie/", status=429, retry_after=1, first=2),
        FaultRule("truncate", match="/3/movie/", probability=0.3, seed=seed),
        FaultRule("html", match="/3/movie/", probability=0.2, seed=seed),
        FaultRule("reset", match="/3/", probability=0.2, seed=seed),
        FaultRule("cut", match="/t/p/", after_bytes=50, probability=0.3, seed=seed),
        FaultRule("corrupt", match="/movielens/", first=1),
        FaultRule("gzip_cut", match="/imdb/", first=1),
        FaultRule("edit", match="/3/movie/changes", set={"results.0.id": None}),
    ]
    return rng.sample(kinds, rng.choice((0, 1, 2)))


@pytest.fixture(scope="module")
def mirror() -> Iterator[Mirror]:
    with serve(SyntheticCatalogue(movies=MOVIES, seed=11)) as running:
        yield running


@pytest.fixture(scope="module")
def month(mirror: Mirror, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, dict[str, int]]:
    """The home after the month, and what happened: changed movies, faulty nights, failed nights."""
    home = tmp_path_factory.mktemp("month")
    settings = settings_of(mirror, home)
    rng = random.Random(5)  # noqa: S311 - which faults, not a secret
    seen = {"changed": 0, "faulty": 0, "failed": 0, "nights": 0}
    for number in range(NIGHTS):
        if number:
            mirror.advance()
            today = mirror.app.catalogue.today()
            seen["changed"] += len(mirror.app.catalogue.changed(today, today))
        if number == MISSED:
            continue
        seen["nights"] += 1
        rules = faults(rng, number) if 0 < number < NIGHTS - 1 else []
        mirror.set_faults(*rules)
        seen["faulty"] += bool(rules)
        if number in KILLED:
            killed_night(settings, mirror, KILLED[number])
        if number == BACKFILLED:
            today = mirror.app.catalogue.today()
            selection = Selection(since=today - timedelta(days=1))
            steps = backfill_steps(settings, selection)
            assert not run_steps(settings, "backfill", steps, Reporter(quiet=True)).failures
        seen["failed"] += bool(night(settings).failures)
    mirror.set_faults()
    return settings, seen


def rows(settings: Settings, names: tuple[str, ...]) -> dict[str, list[dict[str, Any]]]:
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        return {name: warehouse.query(CONTENT[name]).to_pylist() for name in names}


def feature_rows(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        keys = warehouse.query(KEYS).to_pylist()
        key_of = {each["movie_id"]: each["key"] for each in keys}
        for name, view in feature_views(settings).items():
            table = latest(warehouse, view).drop_columns(["event_time", "known_time"])
            found[name] = sorted(
                (
                    {"key": key_of[each["movie_id"]], **each, "movie_id": None}
                    for each in table.to_pylist()
                    if each["movie_id"] in key_of
                ),
                key=lambda each: str(each["key"]),
            )
    return found


def transplant(source: Settings, target: Settings) -> None:
    """Give one home the champions of another, so that both score with the same models."""
    (target.home / "models").symlink_to(source.home / "models")
    with Warehouse.open(location(source), read_only=True) as warehouse:
        models = warehouse.query("SELECT * FROM ops.models")
    with Warehouse.open(location(target)) as warehouse:
        warehouse.commit(lambda tx: tx.append("ops.models", models))


@pytest.mark.slow
def test_nights_in_a_row_end_where_one_clean_load_does(month, mirror, tmp_path):
    settings, _ = month
    clean = settings_of(mirror, tmp_path)
    load = [*ingest_steps(clean, clean.sources), *feature_steps(clean)]
    assert not run_steps(clean, "nightly", load, Reporter(quiet=True)).failures
    names = tuple(name for name in CONTENT if name != "predictions")
    expected, found = rows(clean, names), rows(settings, names)
    for name in names:
        assert found[name] == expected[name], name
    expected, found = feature_rows(clean), feature_rows(settings)
    for name in expected:
        assert found[name] == expected[name], name
    transplant(settings, clean)
    assert not run_steps(clean, "score", score_steps(clean), Reporter(quiet=True)).failures
    assert rows(settings, ("predictions",)) == rows(clean, ("predictions",))


@pytest.mark.slow
def test_every_night_is_in_the_ledger(month):
    settings, seen = month
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        runs = warehouse.query("SELECT flow, state, count(*) AS n FROM ops.runs GROUP BY ALL").to_pylist()
        open_steps = warehouse.scalar("SELECT count(*) FROM ops.steps WHERE state = 'running'")
    found = {(each["flow"], each["state"]): each["n"] for each in runs}
    assert found == {
        ("nightly", "crashed"): len(KILLED),
        ("nightly", "failed"): seen["failed"],
        ("nightly", "completed"): seen["nights"] - seen["failed"],
        ("backfill", "completed"): 1,
    }
    assert seen["failed"] >= len(OUT)
    assert open_steps == 0


@pytest.mark.slow
def test_nothing_is_fetched_or_computed_without_need(month, mirror):
    settings, seen = month
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        fetched = warehouse.scalar(
            "SELECT sum(CAST(counts->>'fetched' AS BIGINT)) FROM ops.steps WHERE step LIKE '%tmdb movies%'"
        )
        encoded = warehouse.scalar(
            "SELECT sum(CAST(counts->>'computed' AS BIGINT)) FROM ops.steps WHERE step LIKE 'features text%'"
        )
        quarantined = warehouse.scalar("SELECT count(*) FROM ops.quarantine WHERE source = 'tmdb'")
    # A change is fetched on its day, and once more on the next: it could have been followed by another.
    assert fetched <= MOVIES + 2 * seen["changed"] + quarantined + len(KILLED) * BATCH
    assert encoded <= MOVIES + seen["changed"]
