"""Kill a night with SIGKILL, at every step's end and at random moments, and look at what is left.

    python -m tests.warehouse.kill_nightly [--random 30] [--boundaries N] [--backend sqlite+local|postgres+s3]

Each kill has a home of its own: the first night of one, for the kills after a step, or its second, a day
later, for those at random moments. After it, the lake must open and keep its contracts; the next night must
end in the rows of an undisturbed one; after clean-up the data files must be those that the catalogue names;
and a backup, restored after everything was deleted, must hold the same rows. Printed: a line per kill, with
the states of the steps that it left. Exit code 1 unless all is well.

Nights are forked from this process, which has imported everything before, so that each takes seconds.
"""

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import features.openmp  # noqa: F401 - before LightGBM is loaded

# isort: split
import lightgbm  # noqa: F401 - these three are what a night would import half way
import sentence_transformers  # noqa: F401

import models.scoring.score
import models.training.train  # noqa: F401
from flows.demo import mirror_process
from flows.engine.console import Reporter
from flows.engine.context import location as location_of
from flows.serving.orchestration import run_nightly
from flows.settings import load_settings
from flows.steps.catalogue import nightly_steps
from tests.flows.lake import content
from tests.warehouse.nights import SEED, backend_named
from tests.warehouse.places import LOCAL, SERVERS, Backend
from warehouse import Location, Warehouse, backup, catalogue_copies, storage
from warehouse.checks import check
from warehouse.upkeep import upkeep

MOVIES = 50
_ENVIRONMENT = {
    "REELHOUSE_CONFIG": os.devnull,
    "REELHOUSE_LABEL_SETS": "movielens",
    "REELHOUSE_SOURCES": "movielens,tmdb",
    "REELHOUSE_TMDB_BATCH": "20",
    "REELHOUSE_THREADS": "1",
    "REELHOUSE_RETRAIN_FRACTION": "1",
}


class _Fatal(Reporter):
    """Says nothing, and kills its own process when a step is done."""

    def __init__(self, after: str | None) -> None:
        super().__init__()
        self._after = after

    def line(self, text: str, style: str | None = None) -> None:
        """Say nothing."""

    def done(self, name: str, counts: Any, note: str | None, seconds: float) -> None:
        """Die, if it is this step's turn."""
        if name == self._after:
            os.kill(os.getpid(), signal.SIGKILL)


def _environment(mirror: dict[str, str], lake: dict[str, str]) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("REELHOUSE_", "AWS_"))}
    return {**kept, **mirror, **_ENVIRONMENT, **lake}


def _night(environment: dict[str, str], *, after: str | None = None, seconds: float | None = None) -> int:
    """Run a night in a forked process; kill it after a step or after some time. Returns its exit status."""
    child = os.fork()
    if child == 0:
        status = 70
        try:
            os.environ.clear()
            os.environ.update(environment)
            outcome = run_nightly(load_settings(), _Fatal(after), local=True)
            status = 1 if outcome.failures else 0
            if outcome.failures:
                print(outcome.failures, file=sys.stderr, flush=True)
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


@dataclass
class Killed:
    """What came of one kill; an empty `wrong` means that all was well."""

    moment: str
    left: str
    """The steps that were done, and the one under way."""
    wrong: list[str]


def place(environment: dict[str, str]) -> Location:
    """Return where the lake of these settings lies."""
    before = dict(os.environ)
    try:
        os.environ.clear()
        os.environ.update(environment)
        return location_of(load_settings())
    finally:
        os.environ.clear()
        os.environ.update(before)


def inspect(
    environment: dict[str, str], expected: dict[str, Any], backend: Backend, moment: str, copies: Path
) -> Killed:
    """Look at a lake whose night was killed, carry the night on, and compare."""
    location = place(environment)
    wrong: list[str] = []
    with Warehouse.open(location) as wh:  # the next open
        wrong += [f"contract: {result}" for result in check(wh) if not result.passed]
        rows = wh.query(
            "SELECT state, count(*) AS n FROM ops.steps GROUP BY state ORDER BY state"
        ).to_pylist()
        left = ", ".join(f"{row['n']} {row['state']}" for row in rows) or "nothing"
    if status := _night(environment):
        wrong.append(f"the next night ended with {status}")
    found = content(location)
    wrong += [f"{name} differs" for name, rows in expected.items() if found[name] != rows]
    with Warehouse.open(location) as wh:
        upkeep(wh, grace=timedelta(0))
    copied = catalogue_copies.copy(location, copies / "catalogue")
    named, _ = catalogue_copies.named_files(copied, location)
    if orphans := {Path(name).name for name in storage.sizes(location)} - named:
        wrong.append(f"{len(orphans)} orphans, such as {min(orphans)}")
    backup.backup(location, copies / "backup")
    backend.lose(location)
    backup.restore(copies / "backup", location)
    if content(location) != found:
        wrong.append("the restored lake differs")
    return Killed(moment, left, wrong)


def kills(
    backend: Backend, directory: Path, *, boundaries: list[str], n_random: int, seed: int = 2026
) -> Iterator[Killed]:
    """Yield what came of each kill: after each of these steps, then at random moments."""
    with ExitStack() as servers:
        today, tomorrow = (
            servers.enter_context(mirror_process(movies=MOVIES, seed=SEED, day=day)) for day in (0, 1)
        )

        def home(name: str, mirror: dict[str, str]) -> dict[str, str]:
            return _environment(mirror, backend.environment(directory / name))

        first = home("first", today)
        if status := _night(first):
            raise RuntimeError(f"the undisturbed night failed with {status}")
        expected = content(place(first))
        for number, step in enumerate(boundaries):
            environment = home(f"boundary-{number}", today)
            _night(environment, after=step)
            yield inspect(environment, expected, backend, f"after {step}", directory / "copies")
            _clear(directory, f"boundary-{number}")
        if not n_random:
            return
        backup.backup(place(first), directory / "before")

        def second(name: str) -> dict[str, str]:
            environment = home(name, tomorrow)
            shutil.copytree(
                directory / "first",
                directory / name,
                ignore=lambda path, names: {"lake", *catalogue_copies.COPIES},
            )
            backup.restore(directory / "before", place(environment))
            return environment

        undisturbed = second("second")
        began = time.monotonic()
        if status := _night(undisturbed):
            raise RuntimeError(f"the undisturbed second night failed with {status}")
        seconds = time.monotonic() - began
        expected = content(place(undisturbed))
        chance = random.Random(seed)  # noqa: S311 - moments, not secrets
        for number in range(n_random):
            moment = chance.uniform(0.05, 1.0) * seconds
            environment = second(f"random-{number}")
            _night(environment, seconds=moment)
            name = f"at {moment:5.2f} s of {seconds:.1f}"
            yield inspect(environment, expected, backend, name, directory / "copies")
            _clear(directory, f"random-{number}")


def _clear(directory: Path, name: str) -> None:
    for each in (name, "copies"):
        shutil.rmtree(directory / each, ignore_errors=True)


def steps() -> list[str]:
    """Return the names of a night's steps under these settings."""
    return [spec.name for spec in nightly_steps(load_settings(
        label_sets=("movielens",), sources=("movielens", "tmdb")))]  # fmt: skip


def spread(names: list[str], count: int | None) -> list[str]:
    """Return so many of the names, from all over the list; all of them where no count is given."""
    if count is None or count >= len(names):
        return names
    return [names[(2 * n + 1) * len(names) // (2 * count)] for n in range(count)]


def main() -> int:
    """Kill as often as asked, and print a line for each."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    parser.add_argument("--random", type=int, default=30, help="kills at random moments")
    parser.add_argument("--boundaries", type=int, help="kills at steps' ends; all where it is not given")
    parser.add_argument("--backend", choices=[LOCAL, SERVERS], default=LOCAL)
    parser.add_argument("--seed", type=int, default=2026)
    chosen = parser.parse_args()
    bad = total = 0
    with tempfile.TemporaryDirectory() as directory, backend_named(chosen.backend) as backend:
        for killed in kills(
            backend,
            Path(directory),
            boundaries=spread(steps(), chosen.boundaries),
            n_random=chosen.random,
            seed=chosen.seed,
        ):
            total += 1
            bad += bool(killed.wrong)
            verdict = "; ".join(killed.wrong) or "equal, no orphan, restored"
            print(f"{total:3}  {killed.moment:<36} left {killed.left:<40} {verdict}", flush=True)
    print(f"{total} kills on {chosen.backend}: {total - bad} well, {bad} not")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
