"""A step of a run: what it is, what it works with, and how it is run."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from flows.engine.console import Reporter, Stopwatch, Tick
from flows.engine.locks import in_turn
from flows.settings import Settings
from warehouse import Warehouse, lake_lock
from warehouse.ledger import Step


@dataclass(frozen=True)
class Work:
    """What a step works with."""

    settings: Settings
    warehouse: Warehouse
    run_id: str
    step: Step
    tick: Tick


About = Callable[[Work], npt.NDArray[np.int64]]
"""The movies that a step is about, found when it begins: it looks at no others."""


@dataclass(frozen=True)
class StepSpec:
    """One step of a run.

    `name` is its name in the ledger; its first word names the lock that keeps two such steps apart. The run
    goes on when an `optional` step fails. Of those waiting for a lock, the smallest `rank` takes it first.
    """

    name: str
    run: Callable[[Work], None]
    optional: bool = False
    rank: int = 1

    @property
    def source(self) -> str | None:
        """The source that the step asks, if any: when it cannot be reached, its other steps are skipped."""
        words = self.name.split()
        return words[1] if words[0] in ("ingest", "backfill", "select") else None

    def part(self, number: int, total: int) -> "StepSpec":
        """Return the same step as one of several of its run: named as such, and letting others go first."""
        return replace(self, name=f"{self.name} {number} of {total}", rank=2)

    def first(self) -> "StepSpec":
        """Return the same step, ahead of others that wait for its lock."""
        return replace(self, rank=0)

    @property
    def lock(self) -> str:
        """Steps with equal locks wait for each other; different sources are ingested at once."""
        words = self.name.split()
        return "-".join(words[:2]) if words[0] in ("ingest", "features") else words[0]


@dataclass(frozen=True)
class Run:
    """A run under way: what its steps share."""

    settings: Settings
    warehouse: Warehouse
    run_id: str
    reporter: Reporter


def run_step(run: Run, spec: StepSpec) -> dict[str, Any]:
    """Run one step with its row in `ops.steps` and return its counts; errors pass through, recorded."""
    watch = Stopwatch()

    def waiting(holder: str) -> None:
        run.reporter.line(f"  {spec.name:<28} waits for the same step of another run ({holder})")

    with (
        in_turn(run.settings.home, spec.lock, waiting, rank=spec.rank),
        lake_lock.among_machines(run.warehouse.location, spec.lock, waiting),
        run.warehouse.step(run.run_id, spec.name) as step,
        run.reporter.ticking(spec.name) as tick,
    ):
        spec.run(Work(run.settings, run.warehouse, run.run_id, step, tick))
    run.reporter.done(spec.name, step.counts, watch.seconds)
    return dict(step.counts)
