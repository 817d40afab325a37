"""Which versions of which views a warehouse holds, and how an old one is dropped."""

# ruff: noqa: S608 — identifiers are quoted, values are bound

from dataclasses import dataclass

import pyarrow as pa

from features.errors import UnknownView
from features.store import plan_build
from features.view import FeatureView, declare_table
from warehouse.identifiers import quote
from warehouse.live import LIVE_MOVIES
from warehouse.warehouse import Warehouse


def versions(warehouse: Warehouse) -> pa.Table:
    """Return every registered version, by view and time of registration.

    Columns: `view`, `view_version`, `registered_at`, `dropped_at`, `definition`, and how many rows and movies
    with the modality it has (`rows`, `movies`).
    """
    registered = warehouse.query(
        "SELECT view, view_version, registered_at, dropped_at, definition::VARCHAR AS definition "
        "FROM ops.feature_views ORDER BY view, registered_at, view_version"
    )
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for view in dict.fromkeys(registered["view"].to_pylist()):
        counted = warehouse.query(
            f"""
            SELECT view_version, sum(n)::BIGINT AS rows, count(*) FILTER (present) AS movies FROM (
                SELECT view_version, movie_id, count(*) AS n, arg_max(present, known_time) AS present
                FROM features.{quote(view)} GROUP BY ALL
            ) GROUP BY view_version
            """
        )
        for row in counted.to_pylist():
            counts[view, row["view_version"]] = (row["rows"], row["movies"])
    keys = zip(registered["view"].to_pylist(), registered["view_version"].to_pylist(), strict=True)
    totals = [counts.get(key, (0, 0)) for key in keys]
    return registered.append_column("rows", pa.array([rows for rows, _ in totals], pa.int64())).append_column(
        "movies", pa.array([movies for _, movies in totals], pa.int64())
    )


@dataclass(frozen=True)
class Outlook:
    """What bringing a view up to date would do, in movies."""

    to_compute: int
    to_remove: int
    """Movies that lost the modality."""
    fresh: int


def outlook(warehouse: Warehouse, view: FeatureView) -> Outlook:
    """Return what a build of the view as it is defined now would do; write nothing, load no encoder."""
    n_tables = warehouse.scalar(
        "SELECT count(*) FROM duckdb_tables() WHERE database_name = 'lake' AND schema_name = 'features' "
        "AND table_name = ?",
        [view.name],
    )
    if n_tables:
        plan = plan_build(warehouse, view)
        return Outlook(plan.n_stale, plan.n_removed, plan.unchanged)
    movies = f"SELECT movie_id FROM {LIVE_MOVIES}"
    return Outlook(
        int(warehouse.scalar(f"WITH wanted AS ({movies}) SELECT count(*) FROM ({view.inputs})")),
        to_remove=0,
        fresh=0,
    )


def drop_version(warehouse: Warehouse, view: FeatureView, version: str) -> int:
    """Delete a version's rows, mark it as dropped, and return how many rows went.

    Older snapshots still hold them until they expire. Raises UnknownView where that version is not
    registered.
    """
    declare_table(warehouse, view)
    known = warehouse.query(
        "SELECT view, view_version, definition, registered_at FROM ops.feature_views "
        "WHERE view = ? AND view_version = ? AND dropped_at IS NULL",
        [view.name, version],
    )
    if not known.num_rows:
        available = warehouse.query(
            "SELECT view_version FROM ops.feature_views WHERE view = ? AND dropped_at IS NULL "
            "ORDER BY registered_at DESC",
            [view.name],
        )["view_version"].to_pylist()
        listed = f"there are {', '.join(available)}" if available else "none was built, or all were dropped"
        raise UnknownView(f"no version {version} of the view {view.name}: {listed}")
    when = pa.array([warehouse.clock()], pa.timestamp("us", tz="UTC"))
    rows = warehouse.scalar(
        f"SELECT count(*) FROM features.{quote(view.name)} WHERE view_version = ?", [version]
    )

    def work() -> None:
        with warehouse.transaction() as tx:
            tx.delete_keys(f"features.{view.name}", pa.table({"view_version": [version]}))
            marked = known.append_column("dropped_at", when)
            tx.replace_keys("ops.feature_views", marked, ["view", "view_version"])

    warehouse.retrying(work)
    return int(rows)
