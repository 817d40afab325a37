"""A step of a run: what it is, what it works with, and how it is run."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from flows.engine.console import Reporter, Stopwatch, Tick
from flows.engine.locks import in_turn
from flows.settings import Settings
from warehouse import Warehouse, lake_lock
from warehouse.ledger import Step

INGEST, FEATURES, UPKEEP = "ingest", "features", "upkeep"
NO_WORK = re.compile("unchanged|measured|(files|bytes)_(before|after)|audited_.*")
"""Counts of what is there, which a step also has where it changed nothing."""


@dataclass(frozen=True)
class Work:
    """What a step works with."""

    settings: Settings
    warehouse: Warehouse
    run_id: str
    step: Step
    tick: Tick
    say: Callable[[str], None]
    """Prints one line while the step is under way."""


About = Callable[[Work], npt.NDArray[np.int64]]
"""The movies that a step is about, found when it begins: it looks at no others."""


@dataclass(frozen=True)
class StepSpec:
    """One step of a run.

    `kind` says what it does, such as ingest or train. `source` is the source that it asks, if any: when that
    cannot be reached, the source's other steps are skipped. `subject` is what it does this to: a file or
    stream of the source, a feature view, a label set. The run goes on when an `optional` step fails. Of those
    waiting for a lock, the smallest `rank` takes it first. `part` is (number, total) where it is one of
    several alike in its run.
    """

    kind: str
    run: Callable[[Work], None]
    source: str | None = None
    subject: str | None = None
    optional: bool = False
    rank: int = 1
    part: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """The name by which people and the ledger tell it from the others of its run."""
        return display_name(self.kind, self.source, self.subject, self.part)

    def as_part(self, number: int, total: int) -> "StepSpec":
        """Return the same step as one of several of its run, letting others go first."""
        return replace(self, part=(number, total), rank=2)

    def first(self) -> "StepSpec":
        """Return the same step, ahead of others that wait for its lock."""
        return replace(self, rank=0)

    @property
    def lock(self) -> str:
        """Steps with equal locks wait for each other; different sources are ingested at once."""
        if self.kind == INGEST:
            return f"{self.kind}-{self.source}"
        if self.kind == FEATURES:
            return features_lock(self.subject)
        return self.kind


def features_lock(view: str | None) -> str:
    """Return the lock of whoever changes the rows of a feature view."""
    return f"{FEATURES}-{view}"


def display_name(
    kind: str, source: str | None, subject: str | None, part: tuple[int, int] | None = None
) -> str:
    """Return a step's name for people; nothing else is read from it.

    >>> display_name("backfill", "tmdb", "movies", part=(2, 3))
    'backfill tmdb movies 2 of 3'
    """
    number = f"{part[0]} of {part[1]}" if part else None
    return " ".join(word for word in (kind, source, subject, number) if word)


@dataclass(frozen=True)
class StepResult:
    """What a finished step came to: its counts, and what there is to say beside them."""

    kind: str
    counts: Mapping[str, int]
    note: str | None = None

    @property
    def did_nothing(self) -> bool:
        """Whether it found nothing to do; what it only counted is no work."""
        return not any(count for name, count in self.counts.items() if not NO_WORK.fullmatch(name))

    def as_dict(self) -> dict[str, int | str]:
        """Return the counts and the note as one dictionary, for JSON."""
        return {**self.counts, **({"note": self.note} if self.note else {})}


@dataclass(frozen=True)
class Run:
    """A run under way: what its steps share."""

    settings: Settings
    warehouse: Warehouse
    run_id: str
    reporter: Reporter


def run_step(run: Run, spec: StepSpec) -> StepResult:
    """Run one step with its row in `ops.steps`; errors pass through, recorded."""
    watch = Stopwatch()

    def waiting(holder: str) -> None:
        run.reporter.line(f"  {spec.name:<28} waits for the same step of another run ({holder})")

    with (
        in_turn(run.settings.home, spec.lock, waiting, rank=spec.rank),
        lake_lock.among_machines(run.warehouse.location, spec.lock, waiting),
        run.warehouse.step(
            run.run_id, spec.kind, source=spec.source, subject=spec.subject, name=spec.name
        ) as step,
        run.reporter.ticking(spec.name) as tick,
    ):
        spec.run(Work(run.settings, run.warehouse, run.run_id, step, tick, run.reporter.line))
    result = StepResult(spec.kind, dict(step.counts), step.note)
    run.reporter.done(spec.name, result.counts, result.note, watch.seconds)
    return result
