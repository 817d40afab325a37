"""Peak memory while the metadata and tags of a million movies are built.

    python -m tests.benchmarks.bench_features_million [--movies 1000000] [--home DIR]

Puts generated movies into `core` (eight people, four keywords, three tags, two companies each), builds the
two views in fresh processes, from nothing, and again when nothing has changed. Printed for each: rows,
seconds, rows per second, and the process's peak resident memory beside the limit.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from features import build_view
from features.metadata import Metadata
from features.tags import Tags
from warehouse import Location, Warehouse

LIMIT_GB = 4
CHUNK = 100_000
TIME = pa.timestamp("us", tz="UTC")


def spread(rng: np.random.Generator, ids: Any, each: int, n_values: int, prefix: str) -> dict[str, Any]:
    """`each` values per movie, drawn so that a few are common and most are rare, and none comes twice."""
    first = (n_values * rng.random(len(ids)) ** 3).astype(np.int64)
    number = (first[:, None] + np.arange(each) * 7_919) % n_values
    return {"movie_id": np.repeat(ids, each), "number": number.ravel(), "name": named(prefix, number.ravel())}


def named(prefix: str, numbers: Any) -> pa.Array:
    """The numbers with a word in front."""
    return pa.array([f"{prefix} {number}" for number in numbers.tolist()])


def tables(start: int, end: int) -> Iterator[tuple[str, pa.Table]]:
    """The rows of `core` of some movies, table by table."""
    rng = np.random.default_rng(start)
    n = end - start
    ids = rng.permutation(np.arange(start, end)) * 4_001 + 17
    now = pa.array([datetime(2026, 1, 1, tzinfo=UTC)] * n, TIME)
    yield (
        "core.movies",
        pa.table(
            {
                "movie_id": ids,
                "title": named("A Film Called", ids),
                "year": pa.array(rng.integers(1920, 2026, n), pa.int32()),
                "runtime_minutes": pa.array(rng.integers(60, 200, n), pa.int32()),
                "budget_usd": rng.integers(10_000, 10**8, n),
                "popularity": rng.random(n) * 100,
                "original_language": rng.choice(["en", "fr", "de", "ja", "hi"], n).tolist(),
                "overview": ["A thief falls in love with a clock that somebody else stole. " * 4] * n,
                "split_key": named("tt", ids),
                "bucket": pa.array(ids % 10, pa.int8()),
                "event_time": now,
                "known_time": now,
            }
        ),
    )
    people = spread(rng, ids, 8, 500_000, "nm")
    jobs = pa.array(np.tile(["director", "writer", *["actor"] * 6], n))
    place = pa.array(np.tile(np.arange(8), n), pa.int32())
    yield (
        "core.movie_people",
        pa.table(
            {
                "movie_id": people["movie_id"],
                "source": ["imdb"] * (8 * n),
                "person_id": people["name"],
                "job": jobs,
                "position": place,
            }
        ),
    )
    keywords = spread(rng, ids, 4, 50_000, "keyword")
    yield (
        "core.movie_keywords",
        pa.table(
            {"movie_id": keywords["movie_id"], "keyword_id": keywords["number"], "keyword": keywords["name"]}
        ),
    )
    tags = spread(rng, ids, 3, 80_000, "tag")
    users = rng.integers(1, 50, 3 * n)
    yield "core.movie_tags", pa.table({"movie_id": tags["movie_id"], "tag": tags["name"], "n_users": users})
    made = spread(rng, ids, 2, 30_000, "Company")
    yield "core.movie_companies", pa.table({"movie_id": made["movie_id"], "company": made["name"]})
    yield "core.movie_countries", pa.table({"movie_id": ids, "country": rng.choice(["US", "FR"], n).tolist()})
    yield (
        "core.movie_languages",
        pa.table({"movie_id": ids, "language": rng.choice(["en", "fr"], n).tolist()}),
    )


def fill(home: Path, movies: int) -> None:
    """Put the movies, a chunk at a time."""
    with Warehouse.open(Location.under(home)) as wh:
        for start in range(0, movies, CHUNK):
            with wh.transaction() as tx:
                for name, rows in tables(start, min(movies, start + CHUNK)):
                    tx.append(name, rows)


def build(home: Path, name: str) -> None:
    """Build one view, and print what that took of this process."""
    view = {"metadata": Metadata, "tags": Tags}[name]()
    began = time.perf_counter()
    with Warehouse.open(Location.under(home)) as wh:
        result = build_view(wh, view)
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "linux" else 2**30)
    rows = result.computed + result.unchanged
    print(
        f"{name:10} {result.computed:>10,} {result.unchanged:>10,} {seconds:9.1f} {rows / seconds:10,.0f} "
        f"{peak:8.2f} {'' if peak < LIMIT_GB else 'OVER THE LIMIT'}",
        flush=True,
    )


def main() -> None:
    """Fill a lake, and build each view twice, each time in a process of its own."""
    parser = argparse.ArgumentParser(description="Memory of building two views of a million movies.")
    parser.add_argument("--movies", type=int, default=1_000_000)
    parser.add_argument("--home", type=Path, help="keep the lake here, and use what is there")
    parser.add_argument("--build", choices=["metadata", "tags"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.build:
        build(args.home, args.build)
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = args.home or Path(temporary)
        if not (home / "lake").exists():
            fill(home, args.movies)
        print(
            f"{'view':10} {'computed':>10} {'unchanged':>10} {'seconds':>9} {'rows/s':>10} {'peak GB':>8}"
            f"   (limit {LIMIT_GB} GB)",
            flush=True,
        )
        program = [sys.executable, "-m", "tests.benchmarks.bench_features_million", "--home", str(home)]
        for name in ("metadata", "tags"):
            for _ in range(2):
                subprocess.run([*program, "--build", name], check=True)


if __name__ == "__main__":
    main()
