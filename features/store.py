"""Brings feature views up to date, and reads what is current.

A movie is stale when the hash of its inputs is another than the one its latest row was computed from. Only
stale movies are computed, in partitions; each partition's rows and its entry in `ops.batches` commit
together, so a run that was killed carries on after the last partition. Rows are only ever added: the history
is what makes training sets correct in time.
"""

# ruff: noqa: S608 — inputs are the views' own constants, identifiers are quoted, values are bound

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.current import current_rows
from features.executors import compute_partition, in_order
from features.view import FeatureView, declare_table
from warehouse.identifiers import columns as column_list
from warehouse.live import LIVE_MOVIES
from warehouse.warehouse import Warehouse

Progress = Callable[[int, int | None], None]

ABSENT = "absent"
"""The input hash of a row that says: the movie lost this modality."""
FAILED = "failed:"
"""Put in front of the input hash of a movie that could not be computed, which makes it due again next
time."""

PLANNED = 200_000
"""Movies whose inputs are hashed at a time: bounds the memory of planning, which gathers all their lists."""

# On both axes a movie's rows only go forward, even where a clock goes back: the last one learnt holds.
_LATER_KNOWN = "greatest($now, old_known + INTERVAL 1 MICROSECOND) AS known_time"
_LOG = logging.getLogger("reelhouse.features")


@dataclass(frozen=True)
class BuildResult:
    """What bringing one view up to date took, in movies."""

    view: str
    version: str
    computed: int = 0
    unchanged: int = 0
    removed: int = 0
    """Movies that lost the modality; their new row says so."""
    failed: int = 0
    failures: dict[int, str] = field(default_factory=dict)
    """Why, by movie id; at most the first thousand."""


@dataclass(frozen=True)
class BuildPlan:
    """What a build would do: the movies to compute and to mark as absent, and how many are fresh."""

    stale: pa.Table
    """`movie_id` and `removed` (bool), in order of `movie_id`, with `old_hash`, `old_event`, `old_known`."""
    unchanged: int

    @property
    def n_stale(self) -> int:
        """Movies to compute."""
        return int(self.stale.num_rows - self.n_removed)

    @property
    def n_removed(self) -> int:
        """Movies to mark as absent."""
        return int(pc.sum(self.stale["removed"]).as_py() or 0)


def build_view(
    warehouse: Warehouse,
    view: FeatureView,
    *,
    run_id: str | None = None,
    progress: Progress | None = None,
    executor: Executor | None = None,
    movies: pa.Array | None = None,
) -> BuildResult:
    """Bring a view up to date, and return what that took.

    Only movies whose inputs changed are computed. A movie that cannot be computed is recorded in
    `ops.quarantine` and as absent. The next build tries it again.

    Args:
        warehouse: The warehouse, open for writing.
        view: The view.
        run_id: The run to which `ops.batches` counts the rows.
        progress: Called with (movies done, movies in all) after each partition.
        executor: A process pool, or `dask_executor`. It computes partitions, a few ahead, while this process
            reads and commits them in order. The rows are the same.
        movies: Ids (int64). Only their rows are brought up to date: the time then follows from them and not
            from the lake.

    Returns:
        The numbers of movies that were computed, unchanged, removed and failed.

    Raises:
        EncoderError: The view's encoder, or what it has learnt, cannot be found or loaded.
        OtherVersion: A process of the executor would compute another version of the view.

    Example:
        >>> from features import view_named
        >>> words = view_named(settings, "words")
        >>> build_view(warehouse, words).computed
        2
        >>> again = build_view(warehouse, words)
        >>> again.computed, again.unchanged
        (0, 2)
    """
    declare(warehouse, view)
    plan = plan_build(warehouse, view, movies)
    removed = plan.stale.filter(plan.stale["removed"])
    due = plan.stale.filter(pc.invert(plan.stale["removed"]))
    done = 0
    failures: dict[int, str] = {}
    for part in _partitions(removed, view.partition_rows):
        _commit_removed(warehouse, view, part, run_id)
        done += part.num_rows
        if progress:
            progress(done, plan.stale.num_rows)
    for part, inputs, values in _computed(warehouse, view, due, executor):
        failures |= _commit_computed(warehouse, view, part, inputs, values, run_id)
        done += part.num_rows
        if progress:
            progress(done, plan.stale.num_rows)
    if failures:
        example, why = next(iter(failures.items()))
        _LOG.warning("%s: %d failed, such as movie %d: %s", view.name, len(failures), example, why)
    return BuildResult(
        view.name,
        view.version,
        computed=due.num_rows - len(failures),
        unchanged=plan.unchanged,
        removed=removed.num_rows,
        failed=len(failures),
        failures=dict(list(failures.items())[:1_000]),
    )


def plan_build(warehouse: Warehouse, view: FeatureView, movies: pa.Array | None = None) -> BuildPlan:
    """Return what `build_view` would compute now; load no encoder."""
    declare_table(warehouse, view)
    if movies is not None:
        selection = pa.table({"movie_id": movies})
        only = "movie_id IN (SELECT movie_id FROM asked)"
        return _compared(
            warehouse.query(_comparison(view, only), {"version": view.version}, {"asked": selection})
        )
    plans = [_plan(warehouse, view, first, last) for first, last in _ranges(warehouse)]
    return BuildPlan(pa.concat_tables(plan.stale for plan in plans), sum(plan.unchanged for plan in plans))


def _ranges(warehouse: Warehouse) -> Iterator[tuple[int, int]]:
    """Return (first, last) of ranges that cover all movie ids, with about `PLANNED` live movies each."""
    starts = warehouse.query(
        f"""
        SELECT movie_id FROM (SELECT movie_id, row_number() OVER (ORDER BY movie_id) AS n FROM {LIVE_MOVIES})
        WHERE n > 1 AND (n - 1) % $planned = 0 ORDER BY movie_id
        """,
        {"planned": PLANNED},
    )["movie_id"].to_pylist()
    return pairwise([-(2**63), *starts, 2**63 - 1])


def _plan(warehouse: Warehouse, view: FeatureView, first: int, last: int) -> BuildPlan:
    """Return the plan for the movie ids from `first` up to, but not with, `last`."""
    only = "movie_id >= $first AND movie_id < $last"
    return _compared(
        warehouse.query(_comparison(view, only), {"version": view.version, "first": first, "last": last})
    )


def _compared(rows: pa.Table) -> BuildPlan:
    unchanged = pc.sum(rows["unchanged"]).as_py() or 0
    return BuildPlan(rows.filter(pc.invert(rows["unchanged"])).drop_columns(["unchanged"]), unchanged)


def _comparison(view: FeatureView, only: str) -> str:
    """Return SQL that compares the inputs of the movies that `only` leaves with what their rows came from."""
    return f"""
        WITH wanted AS (SELECT movie_id FROM {LIVE_MOVIES} WHERE {only}),
        fresh AS ({_hashed(view)}),
        latest AS ({current_rows(_name(view), only)})
        SELECT coalesce(fresh.movie_id, latest.movie_id) AS movie_id,
               fresh.movie_id IS NULL AS removed, latest.input_hash AS old_hash,
               latest.event_time AS old_event, latest.known_time AS old_known,
               fresh.movie_id IS NOT NULL
                   AND fresh.input_hash IS NOT DISTINCT FROM latest.input_hash AS unchanged
        FROM fresh FULL JOIN latest ON fresh.movie_id = latest.movie_id
        WHERE fresh.movie_id IS NOT NULL OR latest.present
        ORDER BY 1
    """


def latest(
    warehouse: Warehouse,
    view: FeatureView,
    movie_ids: Sequence[int] | pa.Array | None = None,
    *,
    values: bool = True,
) -> pa.Table:
    """Return the current row of every movie that has the modality, in order of `movie_id`.

    Args:
        warehouse: The warehouse.
        view: The view. Rows of its present version are read.
        movie_ids: The movies to which it is narrowed; all where None.
        values: Whether the view's own columns are read, too.

    Returns:
        A table of `movie_id`, `event_time`, `known_time`, `input_hash` and the view's own columns.

    Example:
        >>> from features import view_named
        >>> latest(warehouse, view_named(settings, "tags")).select(["movie_id", "tags"]).to_pylist()
        [{'movie_id': 1, 'tags': ['heist', 'los angeles']}, {'movie_id': 2, 'tags': ['spaceship']}]
    """
    declare_table(warehouse, view)
    only = "" if movie_ids is None else "SEMI JOIN asked USING (movie_id)"
    own_columns = f", {_columns(view)}" if values else ""
    sql = f"""
        WITH latest AS ({current_rows(_name(view))})
        SELECT movie_id, event_time, known_time, input_hash{own_columns}
        FROM {_name(view)} AS rows
        SEMI JOIN latest USING (movie_id, known_time) {only}
        WHERE view_version = $version AND present ORDER BY movie_id
    """
    tables = {} if movie_ids is None else {"asked": pa.table({"movie_id": pa.array(movie_ids, pa.int64())})}
    return warehouse.query(sql, {"version": view.version}, tables)


def declare(warehouse: Warehouse, view: FeatureView) -> None:
    """Create the view's table where it is missing, and register this version of the view in
    `ops.feature_views`."""
    declare_table(warehouse, view)
    known = warehouse.scalar(
        "SELECT count(*) FROM ops.feature_views WHERE view = ? AND view_version = ? AND dropped_at IS NULL",
        [view.name, view.version],
    )
    if known:
        return
    row = pa.table(
        {
            "view": [view.name],
            "view_version": [view.version],
            "definition": [view.definition()],
            "registered_at": pa.array([warehouse.clock()], pa.timestamp("us", tz="UTC")),
        }
    )
    warehouse.commit(lambda tx: tx.replace_keys("ops.feature_views", row, ["view", "view_version"]))


def _partitions(rows: pa.Table, size: int) -> Iterator[pa.Table]:
    for start in range(0, rows.num_rows, size):
        yield rows.slice(start, size)


def _commit_removed(warehouse: Warehouse, view: FeatureView, part: pa.Table, run_id: str | None) -> None:
    def work() -> None:
        with warehouse.transaction() as tx:
            tx.register("part", part)
            tx.batch(run_id, "reelhouse", f"features.{view.name}", view.version)
            rows = tx.query(
                f"""
                SELECT movie_id, {_LATER_KNOWN},
                       greatest(coalesce(deleted_at, movies.event_time, $now), old_event) AS event_time
                FROM part LEFT JOIN core.movies AS movies USING (movie_id)
                """,
                {"now": warehouse.clock()},
            )
            tx.append(
                _name(view),
                rows,
                constants={"view_version": view.version, "input_hash": ABSENT, "present": False},
            )

    warehouse.retrying(work)


def _inputs(warehouse: Warehouse, view: FeatureView, part: pa.Table) -> pa.Table:
    """Return a partition's inputs, with the hash and event time of the very state that was read."""
    movies = "WITH wanted AS (SELECT movie_id FROM part)"  # the name that views' inputs have for them
    sql = f"{movies} SELECT * FROM ({_hashed(view, values=True)}) ORDER BY movie_id"
    return warehouse.query(sql, tables={"part": part})


def _computed(
    warehouse: Warehouse, view: FeatureView, due: pa.Table, executor: Executor | None
) -> Iterator[tuple[pa.Table, pa.Table, pa.Table]]:
    """Yield (partition, inputs, computed values), in order."""
    parts = ((part, _inputs(warehouse, view, part)) for part in _partitions(due, view.partition_rows))
    if executor is None or view.light:
        yield from ((part, inputs, view.compute(_content(inputs))) for part, inputs in parts)
        return
    submitted = (
        ((part, inputs), executor.submit(compute_partition, view, view.version, _content(inputs)))
        for part, inputs in parts
    )
    yield from ((part, inputs, values) for (part, inputs), values in in_order(submitted))


def _content(inputs: pa.Table) -> pa.Table:
    """Return the columns that a view computes from."""
    return inputs.drop_columns(["event_time", "input_hash"])


def _commit_computed(
    warehouse: Warehouse,
    view: FeatureView,
    part: pa.Table,
    inputs: pa.Table,
    values: pa.Table,
    run_id: str | None,
) -> dict[int, str]:
    """Commit one computed partition; return why movies failed."""
    rows, failures = _rows(inputs, values, part)
    written = rows.filter(pc.not_equal(rows["input_hash"], pc.fill_null(rows["old_hash"], "")))
    written = written.drop_columns(["old_hash"])
    new = [movie for movie in written["movie_id"].to_pylist() if movie in failures] if failures else []
    failed = pa.table(
        {
            "original": pa.array([f"movie_id={movie}" for movie in new], pa.string()),
            "reason": pa.array([failures[movie] for movie in new], pa.string()),
        }
    )
    if written.num_rows == 0:
        return failures

    def work() -> None:
        with warehouse.transaction() as tx:
            stream = f"features.{view.name}"
            batch_id = tx.batch(run_id, "reelhouse", stream, view.version)
            tx.register("computed", written)
            stamped = tx.query(
                f"""
                SELECT * EXCLUDE (event_time, old_event, old_known),
                       greatest(event_time, old_event) AS event_time, {_LATER_KNOWN}
                FROM computed
                """,
                {"now": warehouse.clock()},
            )
            tx.append(_name(view), stamped, constants={"view_version": view.version})
            tx.quarantine("reelhouse", _name(view), failed, batch_id)

    warehouse.retrying(work)
    return failures


def _rows(inputs: pa.Table, values: pa.Table, part: pa.Table) -> tuple[pa.Table, dict[int, str]]:
    """Return the computed rows with their times and hashes, and the failures by movie."""
    order = pc.sort_indices(values["movie_id"])
    values = values.take(order)
    if not np.array_equal(values["movie_id"].to_numpy(), inputs["movie_id"].to_numpy()):
        raise AssertionError("a view must return one row for each movie that it was given")
    reasons = values["failed"] if "failed" in values.column_names else pa.nulls(values.num_rows, pa.string())
    failed = pc.is_valid(reasons)
    present = (
        values["present"]
        if "present" in values.column_names
        else pa.array(np.ones(values.num_rows, dtype=bool))
    )
    hashes = pc.if_else(
        failed, pc.binary_join_element_wise(FAILED, inputs["input_hash"], ""), inputs["input_hash"]
    )
    before = part.take(pc.index_in(inputs["movie_id"], part["movie_id"].combine_chunks()))
    own = [name for name in values.column_names if name not in ("movie_id", "present", "failed")]
    rows = pa.table(
        {
            "movie_id": inputs["movie_id"],
            "event_time": inputs["event_time"],
            "input_hash": hashes,
            "present": pc.and_(present, pc.invert(failed)),
            **{name: pc.if_else(failed, None, values[name]) for name in own},
            **{name: before[name] for name in ("old_hash", "old_event", "old_known")},
        }
    )
    bad = pa.table({"movie_id": inputs["movie_id"], "reason": reasons}).filter(failed)
    return rows, dict(zip(bad["movie_id"].to_pylist(), bad["reason"].to_pylist(), strict=True))


def _hashed(view: FeatureView, *, values: bool = False) -> str:
    """Return SQL for the view's inputs with their hash and the movie's event time, not part of the hash."""
    columns = "inputs.*" if values else "inputs.movie_id"
    return f"""
        SELECT {columns}, movies.event_time, md5(to_json(inputs)::VARCHAR) AS input_hash
        FROM ({view.inputs}) AS inputs JOIN core.movies AS movies USING (movie_id)
    """


def _name(view: FeatureView) -> str:
    return f"features.{view.name}"


def _columns(view: FeatureView) -> str:
    return column_list(column.name for column in view.columns)
