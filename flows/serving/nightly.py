"""The nightly flow under Prefect: ingest, conform, features, train when due, score.

`flows.serving.orchestration.prefect_environment` must have run before this module is imported.
"""

from contextlib import suppress

from prefect import flow

from flows.engine.console import Reporter
from flows.engine.run import Outcome, run_steps
from flows.errors import StepsFailed
from flows.serving.tasks import as_task, publish
from flows.settings import Settings
from flows.steps.catalogue import nightly_steps


def nightly_run(settings: Settings, reporter: Reporter) -> Outcome:
    """Run the night as a Prefect flow in this process and return its outcome, failed steps included."""
    outcomes: list[Outcome] = []

    @flow(name="nightly", persist_result=False)
    def night() -> str:
        outcome = run_steps(settings, "nightly", nightly_steps(settings), reporter, call=as_task)
        outcomes.append(outcome)
        publish("nightly", outcome)
        if outcome.failures:
            raise StepsFailed(f"steps failed: {', '.join(outcome.failures)}")
        return outcome.run_id

    with suppress(StepsFailed):  # each failed step has had its line, and the outcome says which
        night()
    return outcomes[0]
