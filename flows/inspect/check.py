"""`reelhouse check`: is everything as it should be? Each declared limit beside what was found.

The limits are a table, `Limits`; a breach says what to do about it. What the tables' contracts came to is
kept in `ops.contract_results`, where the warehouse may be written.
"""

import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from flows.engine.console import amount
from flows.engine.context import feature_views, location
from flows.engine.terminal import print_line
from flows.engine.webhook import send
from flows.settings import Settings
from flows.steps.quality import findings
from models import model_names
from models.registry import entries
from warehouse import Warehouse, WarehouseError
from warehouse.audit import BOUNDS, COUNTS, FOOTERS, NUMBERS, audit, faults_without_engine
from warehouse.checks import CheckResult, record_results
from warehouse.checks import check as check_contracts
from warehouse.errors import DamagedLake, QueryFailed
from warehouse.operations import intake_since, last_backup, last_night, sources_asked

GIB = 1024**3
AUDITED = (BOUNDS, FOOTERS, COUNTS, NUMBERS)
"""Rules about the lake itself, whatever its tables hold."""
MEND_LAKE = "run: reelhouse repair; what is left then needs a backup: reelhouse restore"
MEND_DERIVED = "run: reelhouse nightly, which derives it again; what is left needs reelhouse restore"
MEND_LANDED = "find the batch that wrote them in ops.batches, and run what it names again"
DERIVED = ("core", "features", "predictions")
"""Schemas whose rows come from other tables of the lake."""
DETAIL = 300
"""How many characters of a breach's detail a line shows; `ops.contract_results` has all."""


@dataclass(frozen=True)
class Limits:
    """What is declared to be good enough. Times are hours, `quarantine_share` is a fraction."""

    nightly_hours: float = 36
    source_hours: Mapping[str, float] = field(
        default_factory=lambda: {"movielens": 36, "imdb": 36, "tmdb": 36}
    )
    quarantine_hours: float = 24
    quarantine_rows: int = 100
    quarantine_share: float = 0.01
    models: tuple[str, ...] = field(default_factory=model_names)
    free_gib: float = 2
    backup_days: float = 7


@dataclass(frozen=True)
class Check:
    """One check: what was `found`, beside its `limit`, and what to do when it is not `ok`."""

    name: str
    ok: bool
    found: str
    limit: str
    remedy: str

    def as_dict(self) -> dict[str, Any]:
        """Return the check as a dictionary, for JSON."""
        return asdict(self)


def run_checks(settings: Settings, limits: Limits | None = None, *, contracts: bool = True) -> list[Check]:
    """Run every check of this home and return them, the breached ones first.

    `contracts` also checks every table against its declaration, which scans them all, and notes the results
    in the warehouse. Raises `NoWarehouse` where nothing was written yet.
    """
    try:
        return _run_checks(settings, limits or Limits(), contracts=contracts)
    except (DamagedLake, QueryFailed) as error:
        faults = faults_without_engine(location(settings))
        if not faults:
            raise
        failure = Check("queries", False, str(error), "the engine can read the lake", MEND_LAKE)
        return [failure, *check_tables(faults)]


def _run_checks(settings: Settings, limits: Limits, *, contracts: bool) -> list[Check]:
    results: list[CheckResult] = []
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        checks = [
            *check_nightly(warehouse, limits),
            *check_sources(warehouse, limits, settings.sources),
            check_quarantine(warehouse, limits),
            *check_champions(warehouse, limits, settings.label_sets),
            *check_features(warehouse, settings),
            check_space(settings, limits),
            check_backup(warehouse, limits),
        ]
        if contracts:
            results = [*check_contracts(warehouse, record=False), *audit(warehouse)]
            checks += check_tables(results)
    if results:
        # What is wrong stays as it is, so that it can be looked at: `reelhouse repair` mends it.
        with suppress(WarehouseError), Warehouse.open(location(settings), mend=False) as warehouse:
            record_results(warehouse, results)  # who may only read checks all the same
    return sorted(checks, key=lambda check: check.ok)


def check_nightly(warehouse: Warehouse, limits: Limits) -> list[Check]:
    """Check whether the last night went well, and whether one was completed lately."""
    night = last_night(warehouse)
    limit = f"within {amount(limits.nightly_hours)} hours"
    if night is None:
        return [Check("nightly completed", False, "never", limit, "run: reelhouse nightly")]
    age = hours_since(night.completed_at, warehouse.clock())
    remedy = "run reelhouse nightly by hand, and see that reelhouse serve or your timer is running"
    reason = f": {night.error}" if night.error else ""
    return [
        Check("nightly completed", age is not None and age <= limits.nightly_hours, _ago(age), limit, remedy),
        Check(
            "last nightly",
            night.state in ("completed", "running"),
            f"{night.state}{reason}",
            "completed",
            f"see what failed, then run it again: it carries on (run {night.run_id}, reelhouse status)",
        ),
    ]


def check_sources(warehouse: Warehouse, limits: Limits, sources: tuple[str, ...]) -> list[Check]:
    """Check whether each source was asked lately, all of its streams, and answered."""
    fresh = freshness(warehouse)
    return [
        Check(
            f"source {source}",
            source in fresh and fresh[source] <= limits.source_hours[source] * 3600,
            _ago(fresh[source] / 3600 if source in fresh else None),
            f"asked within {amount(limits.source_hours[source])} hours",
            f"run: reelhouse ingest {source}",
        )
        for source in sources
        if source in limits.source_hours
    ]


def freshness(warehouse: Warehouse) -> dict[str, float]:
    """Return the seconds since each source was last asked with success, by the stream asked longest ago."""
    now = warehouse.clock()
    return {source: (now - asked_at).total_seconds() for source, asked_at in sources_asked(warehouse).items()}


def check_quarantine(warehouse: Warehouse, limits: Limits) -> Check:
    """Check whether too many rows were set aside lately: a source that changed its format shows here."""
    intake = intake_since(warehouse, warehouse.clock() - timedelta(hours=limits.quarantine_hours))
    refused, total = intake.refused, intake.refused + intake.landed
    share = refused / total if total else 0.0
    return Check(
        "quarantine",
        refused <= limits.quarantine_rows or share <= limits.quarantine_share,
        f"{amount(refused)} rows, {share:.2%} of {amount(total)}",
        f"{amount(limits.quarantine_rows)} rows or {limits.quarantine_share:.0%} "
        f"in {amount(limits.quarantine_hours)} hours",
        'see why: reelhouse sql "SELECT table_name, reason, count(*) FROM ops.quarantine GROUP BY ALL"',
    )


def check_champions(warehouse: Warehouse, limits: Limits, label_sets: tuple[str, ...]) -> list[Check]:
    """Check whether every model of every label set has a champion, save those that the gate refused.

    A refusal is the gate at work: the same model trained again is refused again.
    """
    return [_check_champions(warehouse, limits, label_set) for label_set in label_sets]


def _check_champions(warehouse: Warehouse, limits: Limits, label_set: str) -> Check:
    versions = entries(warehouse, label_set)
    champion_models = {entry.model for entry in versions if entry.stage == "champion"}
    newest = {entry.model: entry for entry in reversed(versions)}  # they come newest first
    missing = [model for model in limits.models if model not in champion_models]
    waiting = [newest[model] for model in missing if model in newest and newest[model].stage == "challenger"]
    refused = [newest[model] for model in missing if model in newest and newest[model].stage == "refused"]
    judged = {entry.model for entry in (*waiting, *refused)}
    untrained = [model for model in missing if model not in judged]
    phrases, commands = [], []
    if untrained:
        phrases.append(f"none for {', '.join(untrained)}")
        commands.append(f"reelhouse train {' '.join(untrained)} --force, which says what is missing")
    for entry in waiting:
        phrases.append(f"{entry.model} {entry.model_version} waits for a person: {entry.reason}")
        commands.append(f"reelhouse promote {entry.model} {entry.model_version} --label-set {label_set}")
    phrases += [f"{entry.model} was refused: {entry.reason.partition(';')[0]}" for entry in refused]
    return Check(
        f"champions {label_set}",
        not commands,
        "; ".join(phrases) or f"all {len(limits.models)}",
        "one per model, save those refused",
        f"run: {'; '.join(commands)}" if commands else "",
    )


def check_features(warehouse: Warehouse, settings: Settings) -> list[Check]:
    """Check whether each feature view, when it was last measured, kept the limits that it declares."""
    return [
        Check(f"features {each.view}", each.ok, each.measurement, each.limit, each.remedy)
        for each in findings(warehouse, feature_views(settings))
    ]


def check_space(settings: Settings, limits: Limits) -> Check:
    """Check whether the disk of this home has room for another night."""
    free = shutil.disk_usage(settings.home).free / GIB
    return Check(
        "free disk",
        free >= limits.free_gib,
        f"{free:.1f} GiB",
        f"{amount(limits.free_gib)} GiB",
        f"free some space on the disk of {settings.home}; reelhouse upkeep removes what no snapshot needs",
    )


def check_backup(warehouse: Warehouse, limits: Limits) -> Check:
    """Check whether the last backup is young enough; a lake that is younger than that needs none yet."""
    last, hours = last_backup(warehouse), 24 * limits.backup_days
    age = hours_since(last.taken_at, warehouse.clock())
    since = hours_since(last.taken_at or last.first_run_at, warehouse.clock())
    return Check(
        "backup",
        since is None or since <= hours,
        _ago(age),
        f"within {amount(limits.backup_days)} days of the last, or of the first run",
        "run: reelhouse backup DIRECTORY; or set REELHOUSE_BACKUP, and reelhouse serve makes one each day",
    )


def check_tables(results: list[CheckResult]) -> list[Check]:
    """Return one line per broken rule of the tables' declarations, or one for all where none is broken."""
    broken = [result for result in results if not result.passed]
    if not broken:
        return [Check("contracts", True, f"{len(results)} rules hold", "all hold", "")]
    return [
        Check(
            f"contract {result.table}",
            False,
            f"{amount(result.breaches)} breach{'' if result.breaches == 1 else 'es'}{_detail(result)}",
            result.rule,
            _remedy(result),
        )
        for result in broken
    ]


def _detail(result: CheckResult) -> str:
    text = str(result.detail or "")
    if len(text) > DETAIL:
        text = text[:DETAIL].rstrip() + " …"
    return f" ({text})" if text else ""


def _remedy(result: CheckResult) -> str:
    if result.rule in AUDITED:
        return MEND_LAKE
    return MEND_DERIVED if result.table.partition(".")[0] in DERIVED else MEND_LANDED


def hours_since(moment: datetime | None, now: datetime) -> float | None:
    """Return the hours from `moment` to `now`; None where there was no such moment."""
    return None if moment is None else (now - moment).total_seconds() / 3600


def _ago(hours: float | None) -> str:
    return "never" if hours is None else f"{hours:.1f} hours ago"


def print_checks(checks: list[Check], line: Callable[[str], None] = print_line) -> None:
    """Print the checks for a person: a line each, and for a breach a second one with what to do."""
    for check in checks:
        line(f"{'ok    ' if check.ok else 'BREACH'}  {check.name:<24} {check.found}  (limit: {check.limit})")
        if not check.ok:
            line(f"          {check.remedy}")
    breaches = sum(not check.ok for check in checks)
    line(f"{breaches} of {len(checks)} checks breached" if breaches else f"all {len(checks)} checks hold")


def limits_breached(settings: Settings, breaches: Sequence[Check], say: Callable[[str], None]) -> None:
    """Send breached limits to the webhook, a stale source among them; send nothing without any."""
    if breaches:
        send(
            settings,
            {
                "event": "limits breached",
                "text": f"reelhouse check: {', '.join(check.name for check in breaches)}",
                "breaches": [check.as_dict() for check in breaches],
            },
            say,
        )
