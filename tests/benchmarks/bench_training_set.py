"""What the second time axis costs: `training_set` beside a bare DuckDB ASOF join over the same lake.

    python -m tests.benchmarks.bench_training_set [--spine 300000] [--rows 600000] [--columns 20]

Printed: seconds of each, wall and processor, the best of three rounds, and their ratio. The bare join knows
the event time only; its loop-join threshold is set to 0, because the planner takes a registered spine for
small.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from features import FeatureView, training_set
from warehouse import Location, Warehouse
from warehouse.schema import Column, feature_table

DAY = 86_400_000_000
START = int(datetime(2020, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def view_of(n_columns: int) -> FeatureView:
    """A view of so many numbers."""

    class Wide(FeatureView):
        name: ClassVar[str] = "wide"
        comment: ClassVar[str] = "Numbers."
        columns: ClassVar[tuple[Column, ...]] = tuple(
            Column(f"c{i}", "DOUBLE", "A number.") for i in range(n_columns)
        )
        inputs: ClassVar[str] = "SELECT movie_id FROM core.movies SEMI JOIN wanted USING (movie_id)"

    return Wide()


def times(microseconds: npt.NDArray[np.int64]) -> pa.Array:
    """Microseconds since 1970 as timestamps in UTC."""
    return pa.array(microseconds).cast(pa.timestamp("us", tz="UTC"))


def best(work: Callable[[], object]) -> tuple[float, float]:
    """(wall, processor) seconds, the least of three rounds each."""
    wall, processor = [], []
    for _ in range(3):
        started, used = time.perf_counter(), time.process_time()
        work()
        wall.append(time.perf_counter() - started)
        processor.append(time.process_time() - used)
    return min(wall), min(processor)


def main() -> None:
    """Fill a lake, and measure."""
    parser = argparse.ArgumentParser(description="training_set beside a bare ASOF join.")
    parser.add_argument("--spine", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--columns", type=int, default=20)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    n, movies, view = args.rows, args.rows // 4, view_of(args.columns)
    event = START + rng.integers(0, 1_000, n) * DAY
    table = {
        "movie_id": rng.integers(0, movies, n),
        "event_time": times(event),
        "known_time": times(event + rng.integers(0, 30, n) * DAY + np.arange(n)),
        **{column.name: rng.normal(size=n) for column in view.columns},
    }
    spine = pa.table(
        {
            "movie_id": rng.integers(0, movies, args.spine),
            "as_of": times(START + rng.integers(0, 1_100, args.spine) * DAY),
        }
    )
    names = ", ".join(f"rows.{column.name}" for column in view.columns)
    bare = f"""
        SELECT spine.*, {names} FROM spine
        ASOF LEFT JOIN (FROM features.wide WHERE view_version = $version) AS rows
        ON spine.movie_id = rows.movie_id AND spine.as_of >= rows.event_time
    """  # noqa: S608 — the names are made above
    with tempfile.TemporaryDirectory() as home, Warehouse.open(Location.under(Path(home))) as wh:
        wh.declare(feature_table(view.name, view.comment, view.columns))
        with wh.transaction() as tx:
            constants = {"view_version": view.version, "input_hash": "-", "present": True}
            tx.append("features.wide", pa.table(table), constants=constants)

        def asof() -> None:
            with wh.transaction() as tx:
                tx.execute("SET asof_loop_join_threshold = 0")
                tx.register("spine", spine)
                tx.query(bare, {"version": view.version})

        ours, theirs = best(lambda: training_set(wh, spine, [view])), best(asof)
        print(
            f"{args.spine:,} questions, {n:,} rows, {args.columns} columns: training_set {ours[0]:.2f} s "
            f"(processor {ours[1]:.2f}), bare ASOF join {theirs[0]:.2f} s ({theirs[1]:.2f}): "
            f"{ours[0] / theirs[0]:.2f} x ({ours[1] / theirs[1]:.2f} x)"
        )


if __name__ == "__main__":
    main()
