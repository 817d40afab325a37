"""What the `ops` schema tells of runs, steps, batches and the quarantine, as typed rows."""

from dataclasses import dataclass
from datetime import datetime

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
