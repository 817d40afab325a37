"""The nightly flow under Prefect: ingest, conform, features, train when due, score.

`flows.orchestration.prefect_environment` must have run before this module is imported.
"""

from contextlib import suppress
from typing import Any

from prefect import flow, task
from prefect.cache_policies import NO_CACHE

from flows.console import Reporter
from flows.errors import StepsFailed
from flows.run import Outcome, run_steps
from flows.settings import Settings
from flows.steps import Run, StepSpec, nightly_steps, run_step


def nightly_run(settings: Settings, reporter: Reporter) -> Outcome:
    """Run the night as a Prefect flow in this process; returns its outcome, failed steps included."""
    outcomes: list[Outcome] = []

    def as_task(run: Run, spec: StepSpec) -> dict[str, Any]:
        @task(name=spec.name, cache_policy=NO_CACHE, persist_result=False)
        def step(run_id: str) -> dict[str, Any]:
            return run_step(run, spec)

        counts: dict[str, Any] = step(run.run_id)
        return counts

    @flow(name="nightly", persist_result=False)
    def night() -> str:
        outcome = run_steps(settings, "nightly", nightly_steps(settings), reporter, call=as_task)
        outcomes.append(outcome)
        if outcome.failures:
            raise StepsFailed(f"steps failed: {', '.join(outcome.failures)}")
        return outcome.run_id

    with suppress(StepsFailed):  # each failed step has had its line, and the outcome says which
        night()
    return outcomes[0]
