"""What a run did: its steps, the batches that landed, what was set aside, and what that changed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.errors import FlowError
from warehouse import Warehouse, WarehouseError
from warehouse.operations import (
    LandedRows,
    RecordedRun,
    RecordedStep,
    RefusedRows,
    RunWithRows,
    earlier_run,
    landed_rows,
    newest_run,
    recorded_run,
    recorded_steps,
    refused_rows,
    runs_with_rows,
)
from warehouse.snapshots import diff

Row = Mapping[str, Any]

SHOWN_CHANGES = 25

SHOWN_RUNS = 10
SHOWN_REASONS = 100


@dataclass(frozen=True)
class Changes:
    """What differs from the end of the run before; `missing` says why that cannot be told."""

    missing: str = ""
    since: str = ""
    earlier: int = 0
    later: int = 0
    tables: list[Row] = field(default_factory=list)
    movies: dict[str, int] = field(default_factory=dict)
    examples: list[Row] = field(default_factory=list)
    fields: list[Row] = field(default_factory=list)
    decisions: list[Row] = field(default_factory=list)


@dataclass(frozen=True)
class Night:
    """One run; every list holds one row per line of a table. `run` is None where nothing ever ran."""

    run: RecordedRun | None
    started: datetime
    ended: datetime
    steps: list[RecordedStep] = field(default_factory=list)
    batches: list[LandedRows] = field(default_factory=list)
    quarantine: list[RefusedRows] = field(default_factory=list)
    runs: list[RunWithRows] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)


def read_night(warehouse: Warehouse, run_id: str | None) -> Night:
    """Read the run of that id, or the latest night, or the latest run; raises FlowError for an unknown id."""
    run = recorded_run(warehouse, run_id) if run_id else newest_run(warehouse)
    now = warehouse.clock()
    if run is None:
        if run_id:
            raise FlowError(f"there is no run {run_id}: `reelhouse status` lists the latest")
        return Night(None, now, now, changes=Changes("Nothing has run yet."))
    started, ended = run.started_at, run.ended_at or now
    steps = recorded_steps(warehouse, run.run_id)
    return Night(
        run=run,
        started=started,
        ended=ended,
        steps=steps,
        batches=landed_rows(warehouse, run.run_id),
        quarantine=refused_rows(warehouse, started, ended, SHOWN_REASONS),
        runs=runs_with_rows(warehouse, started, SHOWN_RUNS),
        changes=_changes(warehouse, run, steps),
    )


def _changes(warehouse: Warehouse, run: RecordedRun, steps: list[RecordedStep]) -> Changes:
    since = earlier_run(warehouse, run)
    if since is None:
        return Changes(f"This is the first {run.flow} run that the warehouse remembers.")
    last = max((step.snapshot_after for step in steps if step.snapshot_after), default=None)
    if last is None:
        return Changes("The run has finished no step yet.")
    try:
        difference = diff(warehouse.location, since.snapshot_id, last)
    except WarehouseError as error:
        return Changes(f"The snapshots cannot be compared: {error}.")
    movies: dict[str, int] = {}
    for row in difference.movies.group_by("change").aggregate([([], "count_all")]).to_pylist():
        movies[row["change"]] = row["count_all"]
    decisions = difference.predictions.group_by(["label_set", "model", "genre", "after"]).aggregate(
        [([], "count_all")]
    )
    return Changes(
        since=f"{since.run_id}, {since.started_at:%Y-%m-%d %H:%M} UTC",
        earlier=difference.earlier,
        later=difference.later,
        tables=difference.tables.to_pylist(),
        movies=movies,
        examples=difference.movies.slice(0, SHOWN_CHANGES).to_pylist(),
        fields=difference.fields.slice(0, SHOWN_CHANGES).to_pylist(),
        decisions=_by_genre(decisions.to_pylist()),
    )


def _by_genre(rows: list[Row]) -> list[Row]:
    """Return (label_set, model, genre) with how many movies gained and lost it, the most moved first."""
    moved: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in rows:
        counts = moved.setdefault((row["label_set"], row["model"], row["genre"]), {"gained": 0, "lost": 0})
        counts["gained" if row["after"] else "lost"] += row["count_all"]
    named: list[dict[str, Any]] = [
        {"label_set": label_set, "model": model, "genre": genre, **counts}
        for (label_set, model, genre), counts in moved.items()
    ]
    named.sort(key=lambda row: (-row["gained"] - row["lost"], row["label_set"], row["model"], row["genre"]))
    return list(named[:SHOWN_CHANGES])
