"""Running a list of steps: one run at a time per home, each step in the ledger, with or without Prefect."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from connectors.errors import ConnectorError
from features.errors import FeatureError
from flows.console import Reporter
from flows.errors import AlreadyRunning, FlowError
from flows.settings import Settings
from flows.steps import StepSpec, location, run_step
from models.errors import ModelError
from warehouse import Warehouse, WarehouseError

EXPECTED = (ConnectorError, WarehouseError, FeatureError, ModelError, FlowError)
StepCall = Callable[[Settings, str, StepSpec, Reporter], dict[str, Any]]


@dataclass
class Outcome:
    """What a run came to: the counts of each finished step, and the message of each failed one."""

    run_id: str
    counts: dict[str, dict[str, Any]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`completed`, or `failed` when a step failed, even where the rest was done."""
        return "failed" if self.failures else "completed"


@contextmanager
def exclusive(home: Path) -> Iterator[None]:
    """Hold the home directory, or raise `AlreadyRunning`; it is free again when the process dies."""
    home.mkdir(parents=True, exist_ok=True)
    lock = FileLock(home / "run.lock")
    holder = home / "run.json"
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise AlreadyRunning(
            f"another run is using {home} ({_holder(holder)}): wait for it to end, or stop it first"
        ) from None
    try:
        holder.write_text(json.dumps({"pid": os.getpid()}))
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _holder(path: Path) -> str:
    try:
        return f"process {json.loads(path.read_text())['pid']}"
    except (OSError, ValueError, KeyError):
        return "process unknown"


def run_steps(
    settings: Settings,
    flow: str,
    specs: Sequence[StepSpec],
    reporter: Reporter,
    *,
    parameters: dict[str, Any] | None = None,
    call: StepCall = run_step,
) -> Outcome:
    """Run the steps in order and record the run.

    A failing optional step (a source that cannot be reached) is reported and the rest goes on; any other
    failure ends the run. Interruption and unforeseen errors are recorded, then passed on.
    """
    with exclusive(settings.home):
        with Warehouse.open(location(settings)) as warehouse:
            outcome = Outcome(warehouse.start_run(flow, parameters or {}))
        try:
            for spec in specs:
                try:
                    outcome.counts[spec.name] = call(settings, outcome.run_id, spec, reporter)
                except EXPECTED as error:
                    outcome.failures[spec.name] = str(error)
                    reporter.failed(spec.name, str(error))
                    if not spec.optional:
                        break
        except BaseException as error:
            state = "cancelled" if isinstance(error, KeyboardInterrupt) else "failed"
            _finish(settings, outcome.run_id, state, type(error).__name__)
            raise
        _finish(settings, outcome.run_id, outcome.state, "; ".join(outcome.failures.values()) or None)
    return outcome


def _finish(settings: Settings, run_id: str, state: str, error: str | None) -> None:
    with Warehouse.open(location(settings)) as warehouse:
        warehouse.finish_run(run_id, state, error=error)


def nothing_done(outcome: Outcome) -> bool:
    """Whether every step of the run found nothing to do."""
    quiet = {"unchanged"}
    return not outcome.failures and all(
        not value
        for counts in outcome.counts.values()
        for key, value in counts.items()
        if key not in quiet and isinstance(value, int)
    )
