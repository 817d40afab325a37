"""What sixty nights with upkeep leave: how many files, and how fast the ten worked questions are.

    python -m tests.benchmarks.bench_sixty_nights [--nights 60] [--movies 150] [--keep DIRECTORY]

Nights run one after another against the mirror's invented catalogue, whose clock moves a day between two:
ingest, conform, posters, two feature views, the scores of two models trained in the first night, upkeep.
Prefect has no part in it. Upkeep keeps all snapshots of two nights and the last ones of thirty; because these
last minutes, it is told when those nights began, and gives files no grace for readers.

The lake of the first night is kept as a copy. After the last night the ten questions of the page on SQL are
asked of both in turns, each time in a new connection, with the names of the models that exist here. Printed:
files and bytes on the way, seconds of the questions and their ratio; exit 1 where the files grow on after
thirty nights, or the questions take over 1.5 times as long.
"""

import argparse
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors.mirror import Mirror, SyntheticCatalogue, serve
from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.run import run_steps
from flows.engine.step import StepSpec, Work
from flows.settings import Settings
from flows.steps.catalogue import audited_upkeep, feature_steps, ingest_steps, score_steps, train_steps
from models import entries, promote
from tests.flows.questions import PAGE, WORKED
from warehouse import Location, Warehouse
from warehouse.sql import open_read_only
from warehouse.upkeep import WHOLE

KEPT = 30
"""Nights whose snapshots upkeep leaves."""
LIMIT = 1.5
GROWTH = 1.25
"""How many times the files of the thirtieth night the last night may have: the movies become more, too."""
MODELS = ("metadata", "tags")
NAMES = {"'combined'": "'metadata'", "'text'": "'metadata'", "'poster'": "'tags'"}


def night(
    settings: Settings, number: int, began: list[datetime], kept: int = KEPT, whole: int = WHOLE.days
) -> dict[str, Any]:
    """Run a night, which keeps the snapshots of so many; return the counts of its upkeep."""
    began.append(datetime.now(UTC))
    steps = [*ingest_steps(settings, settings.sources), *feature_steps(settings, MODELS)]
    if number == 1:
        steps += [*train_steps(settings, MODELS), StepSpec("promote", _promote)]

    def keep_small(work: Work) -> None:
        times = {"keep": ago(began, kept), "whole": ago(began, whole), "grace": timedelta(0)}
        audited_upkeep(work, **times)

    steps += [*score_steps(settings, MODELS), StepSpec("upkeep", keep_small)]
    outcome = run_steps(settings, "nights", steps, Reporter(quiet=True))
    assert outcome.state == "completed", outcome
    return outcome.results["upkeep"].counts


def ago(began: list[datetime], nights: int) -> timedelta:
    """How long ago the night before so many others began; a day where there were not as many."""
    return datetime.now(UTC) - began[-nights] if len(began) >= nights else timedelta(days=1)


def _promote(work: Work) -> None:
    """Whatever the gate thinks of models of so few movies."""
    for entry in entries(work.warehouse):
        if entry.stage != "champion":
            promote(work.warehouse, entry.label_set, entry.model, entry.model_version, reason="benchmark")


def questions(imdb_id: str) -> list[str]:
    """The page's questions, about a movie and models of this lake."""
    found = []
    for match in WORKED.finditer(PAGE.read_text(encoding="utf-8")):
        query = match["query"].replace("tt9100001", imdb_id)
        for old, new in NAMES.items():
            query = query.replace(old, new)
        found.append(query)
    return found


def asked(home: Location, queries: list[str]) -> list[float]:
    """Seconds that each question takes, in a new connection."""
    seconds = []
    with open_read_only(home) as connection:
        for query in queries:
            started = time.perf_counter()
            connection.execute(query).to_arrow_table()
            seconds.append(time.perf_counter() - started)
    return seconds


def settings_of(mirror: Mirror, home: Path) -> Settings:
    """Settings of a home whose sources are the mirror."""
    values: dict[str, Any] = {
        name.removeprefix("REELHOUSE_").lower(): value for name, value in mirror.env().items()
    }
    return Settings(**values, home=home, label_sets=("movielens",))


def main() -> None:
    """Run the nights, ask the questions, print what grew."""
    parser = argparse.ArgumentParser(description="What sixty nights with upkeep leave.")
    parser.add_argument("--nights", type=int, default=60)
    parser.add_argument("--movies", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=7, help="how often each question is asked of each lake")
    parser.add_argument("--keep", type=Path, help="leave the lakes of the first and the last night here")
    args = parser.parse_args()
    files: list[int] = []
    began: list[datetime] = []
    with (
        tempfile.TemporaryDirectory() as name,
        serve(SyntheticCatalogue(movies=args.movies, seed=11)) as mirror,
    ):
        settings = settings_of(mirror, Path(name) / "home")
        first = Path(name) / "first"
        for number in range(1, args.nights + 1):
            if number > 1:
                mirror.advance()
            report = night(settings, number, began)
            files.append(report["files_after"])
            if number == 1:
                shutil.copytree(settings.home, first)
            if number == 1 or number % 10 == 0:
                print(
                    f"night {number}: {report['files_after']} files (of {report['files_before']} before it), "
                    f"{report['bytes_after'] / 1e6:.1f} MB, {report['snapshots_expired']} snapshots expired",
                    flush=True,
                )
        lakes = [Location.under(first), location(settings)]
        with Warehouse.open(lakes[1]) as wh:
            imdb_id = wh.scalar("SELECT min(imdb_id) FROM predictions.current")
        queries = questions(imdb_id)
        rounds = [[asked(lake, queries) for lake in lakes] for _ in range(args.rounds)]
        if args.keep:
            shutil.copytree(name, args.keep)
    early, late = ([min(r[i][q] for r in rounds) for q in range(len(queries))] for i in (0, 1))
    ratio = sum(late) / sum(early)
    worst = max(b / a for a, b in zip(early, late, strict=True))
    bounded = len(files) <= KEPT or files[-1] <= GROWTH * files[KEPT - 1]
    print(
        f"the {len(queries)} questions: {sum(early) * 1000:.0f} ms after the first night, "
        f"{sum(late) * 1000:.0f} ms after night {args.nights}: {ratio:.2f} x, "
        f"the worst of them {worst:.2f} x {'' if ratio <= LIMIT else f'OVER {LIMIT} x'}"
    )
    grown = "" if bounded else "STILL GROWING"
    print(f"files: {files[-1]} after night {args.nights}, most {max(files)} {grown}")
    if ratio > LIMIT or not bounded:
        sys.exit(1)


if __name__ == "__main__":
    main()
