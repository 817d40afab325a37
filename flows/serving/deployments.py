"""The flows that `reelhouse serve`, a worker or Prefect's page can start, each in a process of its own.

They are found by import path (`flows.serving.deployments.nightly`). Settings come from that process's
environment and `reelhouse.toml`; no secret is ever a parameter, because Prefect stores and shows parameters.
`flows.serving.orchestration.prefect_environment` must have run before this module is imported, or the
process must have been started with such an environment, as `reelhouse serve` starts them.
"""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from prefect import flow
from prefect.artifacts import create_table_artifact
from prefect.client.schemas.objects import (
    ConcurrencyLimitConfig,
    ConcurrencyLimitStrategy,
    State,
)
from prefect.deployments.runner import RunnerDeployment
from prefect.flows import Flow
from prefect.states import Cancelled, Failed
from prefect.types.entrypoint import EntrypointType

from flows.engine.schedule import DEPLOYMENT, Schedules
from flows.errors import AlreadyRunning, SettingsError
from flows.inspect.backup import make_backup
from flows.inspect.check import limits_breached, run_checks
from flows.serving.tasks import RunReporter, record
from flows.settings import Settings, load_settings
from flows.steps.backfill import backfill_steps
from flows.steps.catalogue import feature_steps, nightly_steps, score_steps, train_steps, upkeep_steps
from flows.steps.selection import Selection

ONE_AT_A_TIME = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
"""A run that falls due while the same flow runs is cancelled, not queued.

A night brings everything up to the moment at which it asks, from its cursors: whatever a second one could
still find, the next one will. Queued ones would pile up behind a first load that takes days. Flows that are
given parameters have no limit: each is wanted, and steps of a kind wait for each other in any case.
"""


def _started(name: str) -> str:
    return f"{name} {datetime.now(UTC):%Y-%m-%d %H:%M}"


def _with_token() -> Settings:
    settings = load_settings()
    if "tmdb" in settings.sources:
        settings.require_token()
    return settings


@flow(flow_run_name=lambda: _started("nightly"), persist_result=False)
def nightly() -> "str | State[Any]":
    """Run one night: ingest, conform, features, train when due, score."""
    settings = _with_token()
    try:
        return record(settings, "nightly", nightly_steps(settings), {})
    except AlreadyRunning as error:  # by hand, or by a timer: that one does this one's work
        return Cancelled(message=str(error))


@flow(flow_run_name=lambda: _started("backfill"), persist_result=False)
def backfill(
    ids: list[str] | None = None,
    released: str | None = None,
    since: str | None = None,
    export: str | None = None,
    popular: int | None = None,
    unscored: bool = False,
    refresh: bool = False,
) -> str:
    """Ingest, featurise and score chosen movies: TMDb or IMDb ids, FIRST..LAST, or days as YYYY-MM-DD."""
    settings = load_settings()
    settings.require_token()
    selection = Selection.of(
        ids, released=released, since=since, export=export,
        popular=popular, unscored=unscored, refresh=refresh,
    )  # fmt: skip
    parameters = {"ids": len(selection.ids or ())}
    return record(settings, "backfill", backfill_steps(settings, selection), parameters)


@flow(flow_run_name=lambda: _started("features"), persist_result=False)
def features(views: list[str] | None = None) -> str:
    """Bring feature views up to date: all, or those named."""
    settings = load_settings()
    return record(settings, "features", feature_steps(settings, tuple(views or ())), {"views": views or []})


@flow(flow_run_name=lambda: _started("train"), persist_result=False)
def train(models: list[str] | None = None, force: bool = False) -> str:
    """Train the models when it is due, or with `force` in any case: all, or those named."""
    settings = load_settings()
    steps = train_steps(settings, tuple(models or ()), force=force)
    return record(settings, "train", steps, {"models": models or []})


@flow(flow_run_name=lambda: _started("score"), persist_result=False)
def score(models: list[str] | None = None) -> str:
    """Score every movie whose features, model or thresholds changed."""
    settings = load_settings()
    return record(settings, "score", score_steps(settings, tuple(models or ())), {"models": models or []})


@flow(flow_run_name=lambda: _started("upkeep"), persist_result=False)
def upkeep() -> str:
    """Compact the lake, expire old snapshots and remove files that nothing needs."""
    settings = load_settings()
    return record(settings, "upkeep", upkeep_steps(settings, patient=True), {})


@flow(flow_run_name=lambda: _started("backup"), persist_result=False)
def backup() -> str:
    """Back up lake, models and posters to the directory of REELHOUSE_BACKUP."""
    settings = load_settings()
    if settings.backup is None:
        raise SettingsError("set REELHOUSE_BACKUP to the directory of the backups")
    report = make_backup(settings, settings.backup, RunReporter())
    return f"snapshot {report.lake.snapshot_id} backed up to {settings.backup}"


@flow(flow_run_name=lambda: _started("report"), persist_result=False)
def report() -> "str | State[Any]":
    """Hold the warehouse against its declared limits; a breach fails this run and tells the webhook."""
    settings = load_settings()
    checks = run_checks(settings)
    create_table_artifact(
        [check.as_dict() for check in checks], key="checks", description="Declared limits, breaches first"
    )
    breaches = [check for check in checks if not check.ok]
    limits_breached(settings, breaches, RunReporter().line)
    if breaches:
        return Failed(message="; ".join(f"{check.name}: {check.found}" for check in breaches))
    return f"all {len(checks)} checks hold"


FLOWS: tuple[Flow[..., Any], ...] = (nightly, backfill, features, train, score, upkeep, backup, report)


def deployments(schedules: Schedules) -> list[RunnerDeployment]:
    """Return one deployment per flow, named `<flow>/reelhouse`; those without a cron are started by hand."""
    crons = asdict(schedules)
    return [
        RunnerDeployment.from_flow(
            each,
            name=DEPLOYMENT,
            cron=crons.get(each.name) or None,
            concurrency_limit=ONE_AT_A_TIME if each.name in crons else None,
            tags=[DEPLOYMENT],
            entrypoint_type=EntrypointType.MODULE_PATH,
        )
        for each in FLOWS
    ]
