"""A backfill of movies unseen before, beside a nightly that has work of its own, on real records.

    python -m tests.benchmarks.bench_backfill ../shared/data --poster-encoder ../shared/weights/…

The mirror serves the directory without a thousand of its TMDb records, and a night loads that. Then five
hundred of them are listed in TMDb's export, as movies that are new tonight, and a night begins; the other
five hundred can be had by their ids alone, and `reelhouse backfill` is given those ids while that night runs.
`--home` keeps the loaded home, and uses it where it holds a lake already.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, date, datetime
from pathlib import Path

from connectors.mirror import DirectoryCatalogue, serve
from connectors.mirror.source_catalogue import Record
from warehouse import Location, Warehouse

FIRST_DAY = date(2026, 11, 20)
PROVEN = """
SELECT p.label_set, count(DISTINCT p.movie_id) AS movies, count(*) AS scores,
       count(DISTINCT p.run_id) AS runs,
       count(*) FILTER (r.run_id IS NULL OR m.model_version IS NULL) AS without_provenance,
       count(*) FILTER (r.flow = 'backfill') AS by_the_backfill
FROM predictions.current AS p
JOIN core.movies AS c USING (movie_id)
LEFT JOIN ops.runs AS r ON r.run_id = p.run_id
LEFT JOIN ops.models AS m USING (label_set, model, model_version)
WHERE p.model = 'combined' AND list_contains($ids, c.tmdb_id)
GROUP BY ALL ORDER BY ALL
"""
STEPS = """
SELECT s.step, s.state, epoch(s.ended_at - s.started_at) AS seconds, s.counts FROM ops.steps AS s
WHERE s.run_id = $run ORDER BY s.started_at
"""


class Unseen(DirectoryCatalogue):
    """A directory in which some movies are not there yet.

    `listed` come with `appear()` and are in the export; `unlisted` can then be had by their ids alone.
    """

    def __init__(self, path: Path, count: int) -> None:
        super().__init__(path, FIRST_DAY)
        chosen = random.Random(8).sample(sorted(self._movies), 2 * count)  # noqa: S311 - no secret
        self.listed, self.unlisted = sorted(chosen[:count]), sorted(chosen[count:])
        self._absent = {*self.listed, *self.unlisted}
        self._unlisted = set(self.unlisted)

    def appear(self) -> None:
        """A day passes, and all of them are there."""
        self._absent = set()
        self.advance(1)

    def ids(self) -> Sequence[int]:
        left_out = self._absent | self._unlisted
        return [movie for movie in super().ids() if movie not in left_out]

    def changed(self, start: date, end: date) -> list[int]:
        left_out = self._absent | self._unlisted
        return [movie for movie in super().changed(start, end) if movie not in left_out]

    def movie(self, tmdb_id: int) -> Record | None:
        return None if tmdb_id in self._absent else super().movie(tmdb_id)


def reelhouse(environment: dict[str, str], *arguments: str) -> "subprocess.Popen[bytes]":
    """Start a command in a process of its own."""
    return subprocess.Popen([sys.executable, "-m", "flows.cli", *arguments], env=environment)


def ended(process: "subprocess.Popen[bytes]") -> None:
    """Wait for a command that must succeed."""
    if process.wait():
        raise SystemExit(f"{process.args!r} failed")


def main() -> None:
    """Load, run both, and print how long each took and what the backfilled movies' predictions say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--movies", type=int, default=500)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--poster-encoder", default="statistics")
    parser.add_argument("--load-only", action="store_true")
    arguments = parser.parse_args()
    catalogue = Unseen(arguments.directory, arguments.movies)
    with ExitStack() as stack:
        home = arguments.home or Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
        mirror = stack.enter_context(serve(catalogue))
        kept = {
            name: text for name, text in os.environ.items() if not name.startswith(("REELHOUSE_", "PREFECT_"))
        }
        environment = {
            **kept, **mirror.env(), "REELHOUSE_HOME": str(home), "REELHOUSE_CONFIG": os.devnull,
            "REELHOUSE_POSTER_ENCODER": arguments.poster_encoder,
        }  # fmt: skip
        if not (home / "catalog.sqlite").exists():
            started = time.monotonic()
            ended(reelhouse(environment, "nightly", "--local"))
            print(f"the first load took {time.monotonic() - started:.0f} s", flush=True)
        if arguments.load_only:
            return
        catalogue.appear()
        began = datetime.now(UTC)
        night = reelhouse(environment, "nightly", "--local")
        _wait_for_step(home, night, began)
        started = time.monotonic()
        ids = ",".join(map(str, catalogue.unlisted))
        backfill = reelhouse(environment, "backfill", "--ids", ids)
        ended(backfill)
        seconds, beside = time.monotonic() - started, night.poll() is None
        ended(night)
        print(
            f"\nbackfill of {len(catalogue.unlisted)} movies: {seconds:.1f} s beside a night "
            f"{'that went on' if beside else 'that had ended before'} ({time.monotonic() - started:.1f} s "
            "from the backfill's start)"
        )
        _show(home, catalogue.unlisted, began)


def _wait_for_step(home: Path, night: "subprocess.Popen[bytes]", began: datetime) -> None:
    """Until the night has done its first step."""
    asked = "SELECT count(*) FROM ops.steps WHERE state = 'completed' AND started_at >= $began"
    while night.poll() is None:
        with Warehouse.open(Location.under(home), read_only=True) as warehouse:
            if warehouse.scalar(asked, {"began": began}):
                return
        time.sleep(0.5)
    raise SystemExit("the night ended before its first step did")


def _show(home: Path, ids: list[int], began: datetime) -> None:
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        runs = warehouse.query(
            "SELECT run_id, flow, state, epoch(ended_at - started_at) AS seconds FROM ops.runs "
            "WHERE started_at >= $began ORDER BY started_at",
            {"began": began},
        ).to_pylist()
        for run in runs:
            print(f"\n{run['flow']} {run['run_id']}: {run['state']}, {run['seconds']:.1f} s")
            for step in warehouse.query(STEPS, {"run": run["run_id"]}).to_pylist():
                print(f"  {step['step']:<28} {step['seconds']:6.1f} s  {step['counts']}")
        print(f"\npredictions of the {len(ids)} backfilled movies, by the combined model")
        for row in warehouse.query(PROVEN, {"ids": ids}).to_pylist():
            print(f"  {row}")


if __name__ == "__main__":
    main()
