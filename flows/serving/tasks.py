"""A run's steps as Prefect tasks: their lines as logs, their progress and results as artifacts.

`flows.serving.orchestration.prefect_environment` must have run before this module is imported.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from prefect import task
from prefect.artifacts import create_progress_artifact, create_table_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.logging import get_run_logger
from prefect.tasks import Task

from connectors.errors import SourceUnreachable, TransientError
from flows.engine.console import Reporter, Tick
from flows.engine.run import Outcome, run_steps
from flows.engine.step import Run, StepResult, StepSpec, run_step
from flows.engine.terminal import printable
from flows.errors import StepsFailed
from flows.settings import Settings

RETRY_DELAYS = (60.0, 600.0)
"""Seconds before a step is tried again whose source could not be reached."""
PROGRESS_SECONDS = 5.0


class RunReporter(Reporter):
    """Sends each line to the run's log, where Prefect's page shows it, and draws progress as an artifact."""

    def line(self, text: str, style: str | None = None) -> None:
        """Log one line and print it, so that it is in the journal of whoever runs this."""
        get_run_logger().log(40 if style == "red" else 20, printable(text.strip()))
        super().line(text, style)

    @contextmanager
    def ticking(self, name: str) -> Iterator[Tick]:
        """Yield a callback that updates the step's progress artifact, at most every `PROGRESS_SECONDS`."""
        artifact: UUID | None = None
        updated_at = time.monotonic()

        def tick(done: int, total: int | None) -> None:
            nonlocal artifact, updated_at
            if not total or time.monotonic() - updated_at < PROGRESS_SECONDS:
                return
            updated_at = time.monotonic()
            percent = min(100.0 * done / total, 100.0)
            if artifact is None:
                artifact = _id(create_progress_artifact(percent, artifact_key("progress", name), name))
            else:
                update_progress_artifact(artifact, percent)

        yield tick


def _id(artifact_id: Any) -> UUID:
    return UUID(str(artifact_id))


def artifact_key(*parts: str) -> str:
    """Return a key as Prefect takes it: lowercase letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", " ".join(parts).lower()).strip("-")


def as_task(run: Run, spec: StepSpec) -> StepResult:
    """Run one step as a task, once; the warehouse knows what is done, so that nothing is cached."""
    return _as_task(run, spec, ())


def as_retried_task(run: Run, spec: StepSpec) -> StepResult:
    """Run one step as a task that is tried again, minutes later, when its source could not be reached.

    Nothing else is: a step that fails for another reason would fail again.
    """
    return _as_task(run, spec, RETRY_DELAYS if spec.source else ())


def _as_task(run: Run, spec: StepSpec, delays: Sequence[float]) -> StepResult:
    @task(
        name=spec.name,
        tags=[spec.kind],
        cache_policy=NO_CACHE,
        persist_result=False,
        retries=len(delays),
        retry_delay_seconds=list(delays),
        retry_condition_fn=source_was_out,
    )
    def step(run_id: str) -> StepResult:
        return run_step(run, spec)

    result: StepResult = step(run.run_id)
    return result


def source_was_out(failed: "Task[..., Any]", attempt: TaskRun, state: "State[Any]") -> bool:
    """Return whether asking the source again later can help."""
    try:
        state.result(raise_on_failure=True)
    except (TransientError, SourceUnreachable):
        return True
    except Exception:
        return False
    return False


def record(settings: Settings, flow: str, specs: Iterable[StepSpec], parameters: dict[str, Any]) -> str:
    """Run the steps within a flow run, publish what they came to, and return the ledger's run id.

    Raises `StepsFailed` naming the failed steps.
    """
    outcome = run_steps(settings, flow, specs, RunReporter(), parameters=parameters, call=as_retried_task)
    publish(flow, outcome)
    if outcome.failures:
        raise StepsFailed(f"run {outcome.run_id}: steps failed: {', '.join(outcome.failures)}")
    return outcome.run_id


def publish(flow: str, outcome: Outcome) -> None:
    """Write the table artifact of a run: a row per step, with its counts or why it failed."""
    rows = [
        {"step": step, "state": "completed", "result": _summary(result)}
        for step, result in outcome.results.items()
    ]
    rows += [{"step": step, "state": "failed", "result": why} for step, why in outcome.failures.items()]
    create_table_artifact(rows, key=artifact_key(flow), description=f"run {outcome.run_id}: {outcome.state}")


def _summary(result: StepResult) -> str:
    return ", ".join(f"{name} {value}" for name, value in result.as_dict().items()) or "nothing to do"
