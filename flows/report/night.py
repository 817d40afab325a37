"""What a run did: its steps, the batches that landed, what was set aside, and what that changed."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from flows.errors import FlowError
from warehouse import Warehouse, WarehouseError
from warehouse.snapshots import diff

Row = Mapping[str, Any]

SHOWN_CHANGES = 25

RUN = """
SELECT * FROM ops.runs WHERE run_id = $run_id
"""

LAST_RUN = """
SELECT * FROM ops.runs ORDER BY flow = 'nightly' DESC, started_at DESC LIMIT 1
"""

STEPS = """
SELECT step, attempt, state, started_at, ended_at, rows_in, rows_out, counts, note, error,
       snapshot_before, snapshot_after
FROM ops.steps WHERE run_id = $run_id ORDER BY started_at, step, attempt
"""

BATCHES = """
SELECT source, stream, count(*) AS batches, sum(rows_landed)::BIGINT AS landed,
       sum(rows_quarantined)::BIGINT AS set_aside, max(committed_at) AS committed_at
FROM ops.batches WHERE run_id = $run_id GROUP BY source, stream
ORDER BY (source = 'reelhouse'), source, stream
"""

QUARANTINE = """
SELECT q.source, q.table_name, q.reason,
       count(*) FILTER (WHERE q.seen_at >= $started AND q.seen_at <= $ended) AS tonight,
       count(*) AS in_all, any_value(q.original ORDER BY q.seen_at DESC) AS example
FROM ops.quarantine q GROUP BY ALL ORDER BY tonight DESC, in_all DESC, q.table_name, q.reason LIMIT 100
"""

RUNS = """
SELECT r.run_id, r.flow, r.state, r.started_at, r.ended_at, r.error,
       (SELECT coalesce(sum(b.rows_landed), 0) FROM ops.batches b
        WHERE b.run_id = r.run_id AND b.source <> 'reelhouse')::BIGINT AS landed,
       (SELECT coalesce(sum(b.rows_quarantined), 0) FROM ops.batches b
        WHERE b.run_id = r.run_id)::BIGINT AS set_aside
FROM ops.runs r WHERE r.started_at <= $started ORDER BY r.started_at DESC LIMIT 10
"""

BEFORE = """
SELECT r.run_id, r.started_at, max(s.snapshot_after) AS snapshot_id
FROM ops.runs r JOIN ops.steps s USING (run_id)
WHERE r.flow = $flow AND r.run_id <> $run_id AND r.started_at < $started
GROUP BY ALL HAVING max(s.snapshot_after) IS NOT NULL ORDER BY r.started_at DESC LIMIT 1
"""


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
    """One run; every list holds one mapping per line of a table. `run` is None where nothing ever ran."""

    run: Row | None
    started: datetime
    ended: datetime
    steps: list[Row] = field(default_factory=list)
    batches: list[Row] = field(default_factory=list)
    quarantine: list[Row] = field(default_factory=list)
    runs: list[Row] = field(default_factory=list)
    changes: Changes = field(default_factory=Changes)


def read_night(warehouse: Warehouse, run_id: str | None) -> Night:
    """Read the run of that id, or the latest night, or the latest run; raises FlowError for an unknown id."""
    runs = warehouse.query(RUN, {"run_id": run_id}) if run_id else warehouse.query(LAST_RUN)
    now = warehouse.clock()
    if not runs.num_rows:
        if run_id:
            raise FlowError(f"there is no run {run_id}: `reelhouse status` lists the latest")
        return Night(None, now, now, changes=Changes("Nothing has run yet."))
    run = runs.to_pylist()[0]
    key = {"run_id": run["run_id"]}
    started, ended = run["started_at"], run["ended_at"] or now
    steps: list[Row] = [_step(row) for row in warehouse.query(STEPS, key).to_pylist()]
    return Night(
        run=run,
        started=started,
        ended=ended,
        steps=steps,
        batches=warehouse.query(BATCHES, key).to_pylist(),
        quarantine=warehouse.query(QUARANTINE, {"started": started, "ended": ended}).to_pylist(),
        runs=warehouse.query(RUNS, {"started": started}).to_pylist(),
        changes=_changes(warehouse, run, steps),
    )


def _step(row: dict[str, Any]) -> dict[str, Any]:
    row["counts"] = json.loads(row["counts"] or "{}")
    row["seconds"] = (row["ended_at"] - row["started_at"]).total_seconds() if row["ended_at"] else None
    return row


def _changes(warehouse: Warehouse, run: Row, steps: list[Row]) -> Changes:
    before = warehouse.query(
        BEFORE, {"flow": run["flow"], "run_id": run["run_id"], "started": run["started_at"]}
    ).to_pylist()
    if not before:
        return Changes(f"This is the first {run['flow']} run that the warehouse remembers.")
    since = before[0]
    last = max((row["snapshot_after"] for row in steps if row["snapshot_after"]), default=None)
    if last is None:
        return Changes("The run has finished no step yet.")
    try:
        difference = diff(warehouse.location, int(since["snapshot_id"]), int(last))
    except WarehouseError as error:
        return Changes(f"The snapshots cannot be compared: {error}.")
    movies: dict[str, int] = {}
    for row in difference.movies.group_by("change").aggregate([([], "count_all")]).to_pylist():
        movies[row["change"]] = row["count_all"]
    decisions = difference.predictions.group_by(["label_set", "model", "genre", "after"]).aggregate(
        [([], "count_all")]
    )
    return Changes(
        since=f"{since['run_id']}, {since['started_at']:%Y-%m-%d %H:%M} UTC",
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
