"""`training_set` beside Feast's DuckDB offline store, for the same question over the same rows.

    python -m tests.benchmarks.bench_feast --feast-python PATH [--spine 300000] [--rows 600000] [--columns 20]
    python -m tests.benchmarks.bench_feast --install

Feast runs in an environment of its own: the one whose python is given, or with --install a temporary one with
``feast[duckdb]==0.67.*``. It filters by event time only, which is what it does unless asked otherwise; ours
filters by both times as always. Every row is known when it becomes true, so that the answers must be equal,
which is checked. Feast reads a Parquet file, ours the lake. Printed: seconds of each, the best of the rounds,
and their ratio.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from features import training_set
from tests.benchmarks.bench_training_set import DAY, START, times, view_of
from warehouse import Location, Warehouse
from warehouse.schema import feature_table

FEAST = "feast[duckdb]==0.67.*"


def installed(directory: Path) -> Path:
    """The python of a new environment with Feast."""
    venv.create(directory, with_pip=True)
    python = directory / "bin" / "python"
    subprocess.run([str(python), "-m", "pip", "install", "--quiet", FEAST], check=True)
    return python


def same(ours: pa.Table, theirs: pa.Table, columns: list[str]) -> bool:
    """Whether two answers hold the same values, whatever the order of their rows."""
    order = [("n", "ascending")]
    ours, theirs = ours.sort_by(order), theirs.sort_by(order)
    return ours["n"].equals(theirs["n"]) and all(
        np.array_equal(ours[f"wide__{c}"].to_numpy(), theirs[c].to_numpy(), equal_nan=True) for c in columns
    )


def main() -> None:
    """Write the rows down twice, ask both, compare."""
    parser = argparse.ArgumentParser(description="training_set beside Feast's DuckDB offline store.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--feast-python", type=Path, help="python of an environment with Feast")
    where.add_argument("--install", action="store_true", help="make a temporary environment with Feast")
    parser.add_argument("--spine", type=int, default=300_000)
    parser.add_argument("--rows", type=int, default=600_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    rng = np.random.default_rng(0)
    n, movies, view = args.rows, args.rows // 4, view_of(args.columns)
    event = times(START + rng.integers(0, 1_000, n) * DAY + np.arange(n))
    values = {column.name: rng.normal(size=n) for column in view.columns}
    rows = pa.table({"movie_id": rng.integers(0, movies, n), "event_time": event, **values})
    asked = times(START + rng.integers(0, 1_100, args.spine) * DAY)
    spine = pa.table({"movie_id": rng.integers(0, movies, args.spine), "n": np.arange(args.spine)})
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        python = installed(home / "venv") if args.install else args.feast_python
        pq.write_table(rows, home / "rows.parquet")
        pq.write_table(spine.append_column("event_timestamp", asked), home / "spine.parquet")
        side = Path(__file__).with_name("feast_side.py")
        done = subprocess.run(
            [str(python), str(side), str(home), str(args.rounds)],
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        feast = json.loads(done.stdout.splitlines()[-1])
        theirs = pq.read_table(home / "answer.parquet")
        with Warehouse.open(Location.under(home / "lake")) as wh:
            wh.declare(feature_table(view.name, view.comment, view.columns))
            constants = {"view_version": view.version, "input_hash": "-", "present": True}
            with wh.transaction() as tx:
                tx.append("features.wide", rows.append_column("known_time", event), constants=constants)
            seconds = []
            for _ in range(args.rounds):
                started = time.perf_counter()
                ours = training_set(wh, spine.append_column("as_of", asked), [view]).table
                seconds.append(time.perf_counter() - started)
    equal = same(ours, theirs, [column.name for column in view.columns])
    print(
        f"{args.spine:,} questions, {n:,} rows, {args.columns} columns: training_set {min(seconds):.2f} s, "
        f"Feast {feast['feast']} with DuckDB {feast['duckdb']} {min(feast['seconds']):.2f} s: "
        f"{min(feast['seconds']) / min(seconds):.1f} x; the answers are {'equal' if equal else 'NOT EQUAL'}"
    )
    if not equal:
        sys.exit(1)


if __name__ == "__main__":
    main()
