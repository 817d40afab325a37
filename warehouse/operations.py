"""What the `ops` schema tells of runs, steps, batches, measurements and the quarantine, as typed rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class RecordedRun:
    """One run, as it was recorded."""

    run_id: str
    flow: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    error: str | None


@dataclass(frozen=True)
class LastNight:
    """The nightly run that began last."""

    run_id: str
    state: str
    started_at: datetime
    error: str | None
    completed_at: datetime | None
    """When any nightly run last completed."""


@dataclass(frozen=True)
class FlowHistory:
    """How the runs of one flow went."""

    flow: str
    state: str
    """The state of the run that began last."""
    started_at: datetime
    completed_at: datetime | None
    """When a run last completed."""
    seconds: float | None
    """How long the last ended run took."""


@dataclass(frozen=True)
class LastBackup:
    """How old the last backup is, and how old the lake."""

    taken_at: datetime | None
    first_run_at: datetime | None


@dataclass(frozen=True)
class QuarantinedRows:
    """How many rows meant for a table lie in the quarantine."""

    source: str | None
    table_name: str | None
    n_rows: int


@dataclass(frozen=True)
class Arrivals:
    """How many rows were refused and how many landed since a moment."""

    refused: int
    landed: int


@dataclass(frozen=True)
class RunWithRows(RecordedRun):
    """One run, with how many rows of the sources landed and how many rows were set aside."""

    landed: int
    set_aside: int


@dataclass(frozen=True)
class RunStart:
    """When a run began."""

    started_at: datetime
    snapshot_id: int
    """The lake's snapshot when its first step began."""


@dataclass(frozen=True)
class EarlierRun:
    """The run of the same flow before another one."""

    run_id: str
    started_at: datetime
    snapshot_id: int
    """The lake's snapshot when its last step ended."""


@dataclass(frozen=True)
class RecordedStep:
    """One step of a run, as it was recorded."""

    step: str
    attempt: int
    state: str
    started_at: datetime
    ended_at: datetime | None
    rows_in: int | None
    rows_out: int | None
    counts: Mapping[str, Any]
    note: str | None
    error: str | None
    snapshot_before: int | None
    snapshot_after: int | None

    @property
    def seconds(self) -> float | None:
        """How long it took; None where it has not ended."""
        return (self.ended_at - self.started_at).total_seconds() if self.ended_at else None


@dataclass(frozen=True)
class LandedRows:
    """What the batches of one stream brought in one run."""

    source: str
    stream: str
    batches: int
    landed: int
    set_aside: int
    committed_at: datetime


@dataclass(frozen=True)
class RefusedRows:
    """Rows of the quarantine with one reason."""

    source: str | None
    table_name: str | None
    reason: str | None
    tonight: int
    """How many came within the time that was asked for."""
    in_all: int
    example: str | None
    """The row that came last."""


@dataclass(frozen=True)
class MeasuredColumn:
    """One column of a feature view as a night measured it; a row of `ops.feature_quality`."""

    view: str
    view_version: str
    column_name: str
    measured_at: datetime
    movies: int
    present: int
    null_rate: float | None
    mean: float | None
    stddev: float | None
    minimum: float | None
    median: float | None
    maximum: float | None
    reference: str | None
    reference_time: datetime | None
    reference_null_rate: float | None
    reference_mean: float | None
    psi: float | None
    present_before: int | None
    """`present` in the measurement before, of the same version of the view."""


def latest_runs(warehouse: Warehouse, n: int) -> list[RecordedRun]:
    """Return the last `n` runs, the newest first."""
    sql = """
        SELECT run_id, flow, state, started_at, ended_at, error FROM ops.runs ORDER BY started_at DESC LIMIT ?
    """
    return [RecordedRun(**row) for row in warehouse.query(sql, [n]).to_pylist()]


def last_night(warehouse: Warehouse) -> LastNight | None:
    """Return the nightly run that began last, or None where there was none."""
    sql = """
        SELECT run_id, state, started_at, error,
               (SELECT max(ended_at) FROM ops.runs WHERE flow = 'nightly' AND state = 'completed')
                   AS completed_at
        FROM ops.runs WHERE flow = 'nightly' ORDER BY started_at DESC LIMIT 1
    """
    rows = warehouse.query(sql).to_pylist()
    return LastNight(**rows[0]) if rows else None


def last_backup(warehouse: Warehouse) -> LastBackup:
    """Return when the lake was last backed up, and when its first run began."""
    sql = """
        SELECT max(started_at) FILTER (flow = 'backup' AND state = 'completed') AS taken_at,
               min(started_at) AS first_run_at
        FROM ops.runs
    """
    return LastBackup(**warehouse.query(sql).to_pylist()[0])


def flow_histories(warehouse: Warehouse) -> list[FlowHistory]:
    """Return how the runs of each flow went, in order of the flows' names."""
    sql = """
        SELECT flow, arg_max(state, started_at) AS state, max(started_at) AS started_at,
               max(ended_at) FILTER (WHERE state = 'completed') AS completed_at,
               arg_max(epoch(ended_at) - epoch(started_at), started_at)
                   FILTER (WHERE ended_at IS NOT NULL) AS seconds
        FROM ops.runs GROUP BY flow ORDER BY flow
    """
    return [FlowHistory(**row) for row in warehouse.query(sql).to_pylist()]


def sources_asked(warehouse: Warehouse) -> dict[str, datetime]:
    """Return when each source was last asked with success, by the stream of it that was asked longest ago.

    The step says so, not the batch: a source that was asked and had nothing new is fresh.
    """
    sql = """
        SELECT source, min(asked_at) AS asked_at FROM (
            SELECT source, max(ended_at) AS asked_at
            FROM ops.steps WHERE kind = 'ingest' AND state = 'completed' GROUP BY source, subject
        ) GROUP BY source
    """
    return {row["source"]: row["asked_at"] for row in warehouse.query(sql).to_pylist()}


def sources_landed(warehouse: Warehouse) -> dict[str, datetime]:
    """Return when rows of each source last landed."""
    sql = "SELECT source, max(committed_at) AS at FROM ops.batches WHERE rows_landed > 0 GROUP BY source"
    return {row["source"]: row["at"] for row in warehouse.query(sql).to_pylist()}


def views_built(warehouse: Warehouse) -> dict[str, datetime]:
    """Return when all movies were last looked at for each view; a backfill looks at its own movies alone."""
    sql = """
        SELECT s.subject AS "view", max(s.ended_at) AS at
        FROM ops.steps AS s JOIN ops.runs AS r USING (run_id)
        WHERE s.kind = 'features' AND s.state = 'completed' AND r.flow <> 'backfill' GROUP BY ALL
    """
    return {row["view"]: row["at"] for row in warehouse.query(sql).to_pylist()}


def view_versions(warehouse: Warehouse) -> dict[str, str]:
    """Return the version of each view that was registered last and is not dropped, in order of the names."""
    sql = """
        SELECT "view", arg_max(view_version, registered_at) AS version
        FROM ops.feature_views WHERE dropped_at IS NULL GROUP BY "view" ORDER BY "view"
    """
    return {row["view"]: row["version"] for row in warehouse.query(sql).to_pylist()}


def quarantined(warehouse: Warehouse) -> list[QuarantinedRows]:
    """Return how many rows lie in the quarantine, by source and table, the most first."""
    sql = """
        SELECT source, table_name, count(*) AS n_rows FROM ops.quarantine GROUP BY ALL
        ORDER BY n_rows DESC, source, table_name
    """
    return [QuarantinedRows(**row) for row in warehouse.query(sql).to_pylist()]


def intake_since(warehouse: Warehouse, moment: datetime) -> Arrivals:
    """Return how many rows were refused and how many landed since a moment, with its zone."""
    sql = """
        SELECT (SELECT count(*) FROM ops.quarantine WHERE seen_at >= $moment) AS refused,
               (SELECT coalesce(sum(rows_landed), 0)::BIGINT FROM ops.batches
                WHERE committed_at >= $moment) AS landed
    """
    return Arrivals(**warehouse.query(sql, {"moment": moment}).to_pylist()[0])


def recorded_run(warehouse: Warehouse, run_id: str) -> RecordedRun | None:
    """Return the run of that id, or None where there is none."""
    sql = "SELECT run_id, flow, state, started_at, ended_at, error FROM ops.runs WHERE run_id = ?"
    rows = warehouse.query(sql, [run_id]).to_pylist()
    return RecordedRun(**rows[0]) if rows else None


def newest_run(warehouse: Warehouse) -> RecordedRun | None:
    """Return the nightly run that began last; where there is none, the last run of another flow, or None."""
    sql = """
        SELECT run_id, flow, state, started_at, ended_at, error FROM ops.runs
        ORDER BY flow = 'nightly' DESC, started_at DESC LIMIT 1
    """
    rows = warehouse.query(sql).to_pylist()
    return RecordedRun(**rows[0]) if rows else None


def runs_with_rows(warehouse: Warehouse, moment: datetime, n: int) -> list[RunWithRows]:
    """Return the last `n` runs that had begun by a moment, the newest first."""
    sql = """
        SELECT r.run_id, r.flow, r.state, r.started_at, r.ended_at, r.error,
               (SELECT coalesce(sum(b.rows_landed), 0) FROM ops.batches b
                WHERE b.run_id = r.run_id AND b.source <> 'reelhouse')::BIGINT AS landed,
               (SELECT coalesce(sum(b.rows_quarantined), 0) FROM ops.batches b
                WHERE b.run_id = r.run_id)::BIGINT AS set_aside
        FROM ops.runs r WHERE r.started_at <= ? ORDER BY r.started_at DESC LIMIT ?
    """
    return [RunWithRows(**row) for row in warehouse.query(sql, [moment, n]).to_pylist()]


def run_start(warehouse: Warehouse, run_id: str) -> RunStart:
    """Return when a run began of which a step is recorded."""
    sql = """
        SELECT any_value(r.started_at) AS started_at, min(s.snapshot_before) AS snapshot_id
        FROM ops.runs r JOIN ops.steps s USING (run_id) WHERE r.run_id = ?
    """
    return RunStart(**warehouse.query(sql, [run_id]).to_pylist()[0])


def earlier_run(warehouse: Warehouse, run: RecordedRun) -> EarlierRun | None:
    """Return the last run of the same flow before `run` that finished a step, or None."""
    sql = """
        SELECT r.run_id, r.started_at, max(s.snapshot_after) AS snapshot_id
        FROM ops.runs r JOIN ops.steps s USING (run_id)
        WHERE r.flow = $flow AND r.run_id <> $run_id AND r.started_at < $started
        GROUP BY ALL HAVING max(s.snapshot_after) IS NOT NULL ORDER BY r.started_at DESC LIMIT 1
    """
    key = {"flow": run.flow, "run_id": run.run_id, "started": run.started_at}
    rows = warehouse.query(sql, key).to_pylist()
    return EarlierRun(**rows[0]) if rows else None


def recorded_steps(warehouse: Warehouse, run_id: str) -> list[RecordedStep]:
    """Return the steps of a run, every attempt, in the order in which they began."""
    sql = """
        SELECT step, attempt, state, started_at, ended_at, rows_in, rows_out, counts, note, error,
               snapshot_before, snapshot_after
        FROM ops.steps WHERE run_id = ? ORDER BY started_at, step, attempt
    """
    rows = warehouse.query(sql, [run_id]).to_pylist()
    return [RecordedStep(**{**row, "counts": json.loads(row["counts"] or "{}")}) for row in rows]


def landed_rows(warehouse: Warehouse, run_id: str) -> list[LandedRows]:
    """Return what the batches of a run brought, by stream; what is derived comes last."""
    sql = """
        SELECT source, stream, count(*) AS batches, sum(rows_landed)::BIGINT AS landed,
               sum(rows_quarantined)::BIGINT AS set_aside, max(committed_at) AS committed_at
        FROM ops.batches WHERE run_id = ? GROUP BY source, stream
        ORDER BY (source = 'reelhouse'), source, stream
    """
    return [LandedRows(**row) for row in warehouse.query(sql, [run_id]).to_pylist()]


def refused_rows(warehouse: Warehouse, started: datetime, ended: datetime, n: int) -> list[RefusedRows]:
    """Return the `n` reasons with most rows in the quarantine from `started` to `ended`, both included."""
    sql = """
        SELECT q.source, q.table_name, q.reason,
               count(*) FILTER (WHERE q.seen_at >= $started AND q.seen_at <= $ended) AS tonight,
               count(*) AS in_all, any_value(q.original ORDER BY q.seen_at DESC) AS example
        FROM ops.quarantine q GROUP BY ALL
        ORDER BY tonight DESC, in_all DESC, q.table_name, q.reason LIMIT $n
    """
    rows = warehouse.query(sql, {"started": started, "ended": ended, "n": n}).to_pylist()
    return [RefusedRows(**row) for row in rows]


def latest_measurements(warehouse: Warehouse) -> list[MeasuredColumn]:
    """Return the last measurement of each feature view, in order of the views and columns."""
    # a lake that an older release wrote, and that this process may only read, lacks the table
    if not warehouse.scalar(
        "SELECT count(*) FROM duckdb_tables() "
        "WHERE database_name = 'lake' AND schema_name = 'ops' AND table_name = 'feature_quality'"
    ):
        return []
    sql = """
        SELECT q."view", q.view_version, q.column_name, q.measured_at, q.movies, q.present, q.null_rate,
               q.mean, q.stddev, q.minimum, q.median, q.maximum, q.reference, q.reference_time,
               q.reference_null_rate, q.reference_mean, q.psi, p.present_before
        FROM ops.feature_quality AS q JOIN (
            SELECT "view", measured_at,
                   lag(present) OVER (PARTITION BY "view", view_version ORDER BY measured_at)
                       AS present_before
            FROM ops.feature_quality WHERE column_name = 'present'
            QUALIFY row_number() OVER (PARTITION BY "view" ORDER BY measured_at DESC) = 1
        ) AS p USING ("view", measured_at)
        ORDER BY q."view", q.column_name
    """
    return [MeasuredColumn(**row) for row in warehouse.query(sql).to_pylist()]
