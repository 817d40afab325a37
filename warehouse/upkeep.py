"""Keeps the lake small and quick: compaction, snapshot retention, removal of files that nothing needs.

Safe under readers and writers. A file that is no longer needed is first scheduled, and removed only when
`grace` has passed, so that a query that began before still finds it; the same holds for files that no
snapshot knows, which may be those of a transaction that has not committed yet.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from warehouse import catalogue_copies, compaction, storage
from warehouse.backup import undisturbed
from warehouse.connection import CATALOGUE
from warehouse.errors import Conflict, DamagedLake
from warehouse.failures import reported
from warehouse.warehouse import Warehouse

KEEP = timedelta(days=30)
WHOLE = timedelta(days=2)
BRIEF = timedelta(hours=1)
"""After `WHOLE`, of the snapshots that lasted less than this, only those are kept that somebody refers to: at
the end of a run, which stands for those within it, or named by a model as what it learnt from."""
GRACE = timedelta(days=1)
_FORGOTTEN = """
    WITH kept AS (
        SELECT snapshot_id, snapshot_time,
               lead(snapshot_time) OVER (ORDER BY snapshot_id) - snapshot_time AS lasted
        FROM lake.snapshots()
    ), named AS (
        SELECT kept.snapshot_id FROM ops.runs ASOF JOIN kept ON ended_at <= snapshot_time
        UNION SELECT snapshot_id FROM ops.models
    )
    SELECT snapshot_id FROM kept ANTI JOIN
    (SELECT snapshot_id FROM kept SEMI JOIN named USING (snapshot_id) WHERE snapshot_time >= $keep) AS stays
    USING (snapshot_id)
    WHERE lasted IS NOT NULL AND snapshot_time < CASE WHEN lasted < $brief THEN $whole ELSE $keep END
    ORDER BY snapshot_id
"""


_LIVE = f"""
    SELECT schema_name || '.' || table_name AS name, files.path, files.bytes
    FROM (
        SELECT table_id, path, file_size_bytes AS bytes FROM {CATALOGUE}.ducklake_data_file
        WHERE end_snapshot IS NULL
        UNION ALL
        SELECT d.table_id, d.path, d.file_size_bytes FROM {CATALOGUE}.ducklake_delete_file d
        JOIN {CATALOGUE}.ducklake_data_file f USING (data_file_id)
        WHERE d.end_snapshot IS NULL AND f.end_snapshot IS NULL
    ) AS files JOIN {CATALOGUE}.ducklake_table AS tables USING (table_id)
    JOIN {CATALOGUE}.ducklake_schema AS schemas USING (schema_id)
    WHERE tables.end_snapshot IS NULL ORDER BY ALL
"""  # noqa: S608 - the name is a constant


@dataclass
class UpkeepReport:
    """What upkeep did."""

    files_before: int = 0
    files_after: int = 0
    bytes_before: int = 0
    bytes_after: int = 0
    snapshots_expired: int = 0
    rows_flushed: int = 0
    """Rows that lay in the catalogue and now lie in Parquet."""
    files_rewritten: int = 0
    """Files that had too many deleted rows."""
    files_merged: int = 0
    files_removed: int = 0
    orphans_removed: int = 0
    postponed: list[str] = field(default_factory=list)
    """What another process's commit kept from being done; the next upkeep does it."""


def upkeep(
    warehouse: Warehouse,
    *,
    keep: timedelta = KEEP,
    whole: timedelta = WHOLE,
    grace: timedelta = GRACE,
    waiting: Callable[[], None] | None = None,
) -> UpkeepReport:
    """Do the upkeep: compact, expire snapshots, and remove what nothing has needed for `grace`.

    All snapshots stay for `whole`; of the older ones those that lasted an hour, that a run ended with, or
    that a model learnt from, until they are older than `keep`. The newest always stays. Times are the
    machine's own, as the files' times are. What `waiting` does, see `warehouse.backup.undisturbed`.
    """
    with undisturbed(warehouse.location, waiting):
        return _upkeep(warehouse, keep, whole, grace)


def _upkeep(warehouse: Warehouse, keep: timedelta, whole: timedelta, grace: timedelta) -> UpkeepReport:
    now = datetime.now(UTC)
    report = UpkeepReport()
    refuse_damage(warehouse)
    report.files_before, report.bytes_before = _data_files(warehouse)

    def attempt(name: str, work: Callable[[], list[Any]]) -> list[Any]:
        try:
            return warehouse.retrying(work, attempts=3)
        except Conflict:
            report.postponed.append(name)
            return []

    def call(sql: str, *params: object) -> Callable[[], list[Any]]:
        return lambda: warehouse.call(sql, params)

    flushed = attempt("flush", lambda: _flush(warehouse))
    report.rows_flushed = sum(int(row["rows_flushed"]) for row in flushed)
    for files in compaction.crowded(warehouse):
        try:
            report.files_rewritten += warehouse.commit(partial(compaction.rewrite, files=files), attempts=3)
        except Conflict:
            report.postponed.append(f"rewrite of {files.table}")
    merged = attempt("merge", warehouse.merge_files)
    report.files_merged = sum(row["files_processed"] for row in merged)
    # After compaction, so that its own snapshots are the newest and nothing else holds the files it replaced.
    report.snapshots_expired = len(attempt("expire", lambda: _expire(warehouse, keep, whole)))
    report.files_removed = len(attempt("remove", lambda: _remove(warehouse, now, grace)))
    orphans = "CALL ducklake_delete_orphaned_files('lake', older_than => ?::TIMESTAMPTZ)"
    report.orphans_removed = len(attempt("orphans", call(orphans, now - grace)))
    with reported(warehouse.location):
        catalogue_copies.pack(warehouse.location)
    report.files_after, report.bytes_after = _data_files(warehouse)
    return report


def refuse_damage(warehouse: Warehouse) -> None:
    """Raise DamagedLake where a live file is missing or has another size, or another program left a file.

    Compaction would write what such a file holds to a new one, and the trace would be gone.
    """
    live = warehouse.query(_LIVE).to_pylist()  # before the files are listed: others go on writing
    with reported(warehouse.location):
        sizes = {PurePosixPath(name).name: size for name, size in storage.sizes(warehouse.location).items()}
    if strangers := sorted(name for name in sizes if not PurePosixPath(name).match(storage.OWN_NAMES)):
        raise DamagedLake(
            f"{warehouse.location.data_path} holds {len(strangers)} Parquet files that are not the lake's, "
            f"such as {strangers[0]}, which upkeep would delete: move them away, or correct REELHOUSE_DATA"
        )
    for row in live:
        size = sizes.get(PurePosixPath(row["path"]).name)
        if size != row["bytes"]:
            has = "is gone" if size is None else f"has {size} bytes, not {row['bytes']}"
            raise DamagedLake(
                f"{row['path']} of {row['name']} {has}: nothing was compacted; `reelhouse check` says what "
                "else is wrong, and a backup mends it"
            )


def _flush(warehouse: Warehouse) -> list[Any]:
    """Move rows that another DuckLake client left in the catalogue to Parquet; return how many, by table."""
    kept = f"SELECT count(*) FROM {CATALOGUE}.ducklake_inlined_data_tables"  # noqa: S608
    return warehouse.call("CALL ducklake_flush_inlined_data('lake')") if warehouse.scalar(kept) else []


def _expire(warehouse: Warehouse, keep: timedelta, whole: timedelta) -> list[Any]:
    """Forget the snapshots that are not to stay, by their numbers, and return them.

    With a SQLite catalogue DuckLake compares `older_than` with the snapshots' times as texts of two formats,
    so that it means the end of that day.
    """
    now = datetime.now(UTC)
    times = {"keep": now - keep, "whole": now - min(whole, keep), "brief": BRIEF}
    old = warehouse.query(_FORGOTTEN, times)["snapshot_id"].to_pylist()
    if not old:
        return []
    listed = ", ".join(str(int(number)) for number in old)
    return warehouse.call(f"CALL ducklake_expire_snapshots('lake', versions => [{listed}])")


def _remove(warehouse: Warehouse, now: datetime, grace: timedelta) -> list[Any]:
    """Remove the files that were scheduled before `grace`, and return them.

    Here too `older_than` means the end of that day: a day earlier is always early enough.
    """
    if not grace:
        return warehouse.call("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
    before = now - grace - timedelta(days=1)
    return warehouse.call("CALL ducklake_cleanup_old_files('lake', older_than => ?::TIMESTAMPTZ)", [before])


def _data_files(warehouse: Warehouse) -> tuple[int, int]:
    """Return how many files the data directory has, and their bytes."""
    with reported(warehouse.location):
        sizes = storage.sizes(warehouse.location)
    return len(sizes), sum(sizes.values())
