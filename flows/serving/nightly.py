"""The nightly flow under Prefect: ingest, conform, features, train when due, score.

`flows.serving.orchestration.prefect_environment` must have run before this module is imported.
"""

from contextlib import suppress
from datetime import datetime, timedelta

from prefect import flow, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterEndTime

from flows.engine.console import Reporter
from flows.engine.run import Outcome, run_steps
from flows.errors import StepsFailed
from flows.serving.tasks import as_task, publish
from flows.settings import Settings
from flows.steps.catalogue import nightly_steps

KEPT = timedelta(days=90)
"""How long Prefect's history goes back: as long as a server that `reelhouse serve` starts keeps it."""


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


def forget_old_runs(now: datetime, *, most: int = 200) -> int:
    """Delete runs that ended over 90 days ago, at most so many; return how many."""
    before = {"before_": now - KEPT}
    ended = FlowRunFilter(end_time=FlowRunFilterEndTime.model_validate(before))
    with get_client(sync_client=True) as client:
        old = client.read_flow_runs(flow_run_filter=ended, limit=most)
        for run in old:
            client.delete_flow_run(run.id)
    return len(old)
