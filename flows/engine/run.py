"""Running a list of steps: one nightly at a time per home, each step in the ledger."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import Any

from connectors.errors import ConnectorError, SourceUnreachable
from features.errors import FeatureError
from flows.engine.address_space import require_address_space
from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.locks import exclusive, wait_for_end
from flows.engine.rates import unshared_rates
from flows.engine.step import UPKEEP, Run, StepResult, StepSpec, run_step
from flows.engine.webhook import run_failed
from flows.errors import AlreadyRunning, FlowError
from flows.settings import Settings
from models.errors import ModelError
from warehouse import Warehouse, WarehouseError, lake_lock
from warehouse.ledger import cause
from warehouse.whole_file import make_directory

EXPECTED = (ConnectorError, WarehouseError, FeatureError, ModelError, FlowError)
NIGHT = "nightly"
StepCall = Callable[[Run, StepSpec], StepResult]


@dataclass
class Outcome:
    """What a run came to: the result of each finished step, and the message of each failed one, by name."""

    run_id: str
    results: dict[str, StepResult] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def state(self) -> str:
        """`completed`, or `failed` when a step failed, even where the rest was done."""
        return "failed" if self.failures else "completed"


def run_steps(
    settings: Settings,
    flow: str,
    specs: Iterable[StepSpec],
    reporter: Reporter,
    *,
    parameters: dict[str, Any] | None = None,
    call: StepCall = run_step,
) -> Outcome:
    """Run the steps in order and record the run; each step is taken when the ones before it are done.

    A failing optional step (a source that cannot be reached) is reported and the rest goes on; any other
    failure ends the run. Interruption and unforeseen errors are recorded, then passed on.
    """
    require_address_space()
    make_directory(settings.home)
    if flow == UPKEEP:
        wait_for_night(settings, reporter.line)
    lock = _alone(settings, flow) if flow == NIGHT else nullcontext()
    with lock, Warehouse.open(location(settings)) as warehouse:
        run = Run(settings, warehouse, warehouse.start_run(flow, parameters or {}), reporter)
        outcome = Outcome(run.run_id)
        try:
            _run_each(run, specs, call, outcome)
        except BaseException as error:
            state = "failed" if isinstance(error, Exception) else "cancelled"  # Ctrl-C and SIGTERM
            warehouse.finish_run(run.run_id, state, error=cause(error))
            raise
        failed = "; ".join(f"{step}: {why}" for step, why in outcome.failures.items())
        warehouse.finish_run(run.run_id, outcome.state, error=failed or None)
    if outcome.failures:
        run_failed(
            settings, run_id=outcome.run_id, flow=flow, state=outcome.state, failures=outcome.failures,
            say=reporter.line,
        )  # fmt: skip
    return outcome


def wait_for_night(settings: Settings, say: Callable[[str], None]) -> None:
    """Return once no night uses this home or this lake; `say` gets one line where that takes a wait.

    What tidies the whole lake would make a night do its transactions again, and be made to do so by it.
    """

    def waiting(holder: str) -> None:
        say(f"  waits for the night that is running ({holder}); Ctrl-C ends the wait")

    wait_for_end(settings.home, NIGHT, waiting)
    with lake_lock.among_machines(location(settings), NIGHT, waiting):
        pass


@contextmanager
def _alone(settings: Settings, flow: str) -> Iterator[None]:
    """Hold the run's name for this home, and for this lake where several machines may write to it."""

    def refuse(holder: str) -> None:
        raise AlreadyRunning(
            f"another {flow} run is writing to {location(settings)} ({holder}): wait for it to end"
        )

    with exclusive(settings.home, flow), lake_lock.among_machines(location(settings), flow, refuse):
        yield


def _run_each(run: Run, specs: Iterable[StepSpec], call: StepCall, outcome: Outcome) -> None:
    unreachable: set[str] = set()
    asked_tmdb = False
    for spec in specs:
        if spec.source == "tmdb" and not asked_tmdb:
            asked_tmdb = True
            if line := unshared_rates(run.settings):
                run.reporter.line(f"  {line}")
        if spec.source in unreachable:
            outcome.failures[spec.name] = f"skipped: {spec.source} cannot be reached"
            run.reporter.failed(spec.name, outcome.failures[spec.name])
            continue
        try:
            outcome.results[spec.name] = call(run, spec)
        except EXPECTED as error:
            outcome.failures[spec.name] = str(error)
            run.reporter.failed(spec.name, str(error))
            if not spec.optional:
                return
            if isinstance(error, SourceUnreachable) and spec.source:
                unreachable.add(spec.source)


def nothing_done(outcome: Outcome) -> bool:
    """Return whether every step of the run found nothing to do; upkeep counts only where it is all there is.

    A night in which nothing is new has files to tidy up all the same: those of its own records.
    """
    results = list(outcome.results.values())
    of_data = [result for result in results if result.kind != UPKEEP]
    return not outcome.failures and all(result.did_nothing for result in of_data or results)
