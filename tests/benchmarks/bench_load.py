"""Loading IMDb's two largest files beside a bare DuckDB `COPY` of the same file to Parquet.

    python -m tests.benchmarks.bench_load [--basics 11000000] [--principals 20000000] [--rounds 2]
    python -m tests.benchmarks.bench_load --small 1000000 --dlt-python PATH

Generated files in IMDb's layout, `title.basics.tsv.gz` and `title.principals.tsv.gz`, are landed as
`reelhouse ingest imdb` does once a file has been fetched: unpacked, parsed and judged by the connector,
checked against the table's contract, with their origin, into a new DuckLake, and committed. Bare is
`COPY (FROM read_csv(...)) TO ... (FORMAT parquet)` with the columns' types given. Each runs in a process of
its own, in turns; printed are the best seconds of the rounds, the ratio, the same of processor time, which a
busy machine changes less, and the process's peak memory.

With --dlt-python (of an environment with dlt[duckdb], pandas and pyarrow) also dlt's Arrow path into DuckDB
and pandas into Parquet, with --small rows of title.basics.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from connectors import BulkFile
from connectors.imdb.client import reader
from connectors.imdb.layouts import LAYOUTS
from tests.benchmarks.imdb_files import write
from warehouse import Location, Transaction, Warehouse
from warehouse.land import land_bulk

TYPES = {"text": "VARCHAR", "int32": "INTEGER", "int64": "BIGINT", "double": "DOUBLE", "flag": "BOOLEAN"}
LIMIT = 1.3
Took = tuple[float, float]
MEMORY = 4_000
"""Megabytes."""


def clocks() -> Took:
    """The time, and this process's processor time, in seconds."""
    return time.perf_counter(), time.process_time()


def since(started: Took) -> Took:
    """What has passed of both."""
    now = clocks()
    return now[0] - started[0], now[1] - started[1]


def bare(file: Path, name: str, work: Path) -> Took:
    """What DuckDB takes alone."""
    columns = ", ".join(f"'{column.header}': '{TYPES[column.kind]}'" for column in LAYOUTS[name].columns)
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        started = clocks()
        connection.execute(
            f"COPY (FROM read_csv('{file}', delim = '\t', header = true, quote = '', escape = '', "
            f"nullstr = '\\N', auto_detect = false, columns = {{{columns}}})) "
            f"TO '{work / 'bare.parquet'}' (FORMAT parquet)"
        )
        return since(started)


def ours(file: Path, name: str, work: Path) -> Took:
    """What it takes from the file to a committed table of the lake."""
    found = BulkFile(
        source="imdb",
        dataset=name,
        path=file,
        cursor={"etag": "1"},
        request=f"GET {name}.tsv.gz",
        fetched_at=datetime.now(UTC),
        source_hash="0" * 64,
        readers={name: lambda: reader(file, name)},
    )

    def land(tx: Transaction) -> int:
        batch_id = tx.batch(None, "imdb", name, found.request, found.source_hash)
        landed = land_bulk(
            tx, "imdb", name, name, found.read(name),
            batch_id=batch_id, request=found.request, fetched_at=found.fetched_at,
        )  # fmt: skip
        tx.set_cursor("imdb", name, found.cursor)
        return landed.rows_landed

    with Warehouse.open(Location.under(work)) as wh:
        started = clocks()
        rows = wh.commit(land)
        took = since(started)
        assert wh.scalar(f"SELECT count(*) FROM raw.imdb_{name.replace('.', '_')}") == rows  # noqa: S608
    return took


PARTS: dict[str, Callable[[Path, str, Path], Took]] = {"bare": bare, "ours": ours}


def peak_memory() -> float:
    """The most that this process had in memory, in megabytes."""
    # Not ru_maxrss, which a process inherits from the one that started it.
    (kilobytes,) = re.findall(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(kilobytes) / 1000


def measured(command: list[str]) -> dict[str, float]:
    """What a process printed as the last line: seconds, and its peak memory in megabytes."""
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def beside(name: str, rows: int, directory: Path, rounds: int) -> bool:
    """Print what loading one file takes; return whether that is within the limits."""
    file = generated(name, rows, directory)
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for part in PARTS:
            with tempfile.TemporaryDirectory(dir=directory) as work:
                here = [sys.executable, "-m", "tests.benchmarks.bench_load"]
                found = measured([*here, "--part", part, name, str(file), work])
            before = best.get(part, found)
            best[part] = {
                "seconds": min(before["seconds"], found["seconds"]),
                "processor": min(before["processor"], found["processor"]),
                "megabytes": max(before["megabytes"], found["megabytes"]),
            }
    alone, landed = best["bare"], best["ours"]
    ratio = landed["seconds"] / alone["seconds"]
    good = ratio <= LIMIT and landed["megabytes"] < MEMORY
    print(
        f"{name}, {rows:,} rows, {file.stat().st_size / 1e6:,.0f} MB: landed in {landed['seconds']:.1f} s, "
        f"bare COPY {alone['seconds']:.1f} s: {ratio:.2f} x; of a processor {landed['processor']:.1f} s, "
        f"{alone['processor']:.1f} s: {landed['processor'] / alone['processor']:.2f} x; "
        f"peak memory {landed['megabytes']:,.0f} MB "
        f"(bare {alone['megabytes']:,.0f}) {'' if good else f'OVER {LIMIT} x or {MEMORY:,} MB'}",
        flush=True,
    )
    return good


def others(rows: int, directory: Path, python: Path | None) -> None:
    """Print what dlt and pandas take for the same file."""
    if python is None:
        print("dlt and pandas: left out, give --dlt-python (pip install 'dlt[duckdb]' pandas pyarrow)")
        return
    file = generated("title.basics", rows, directory)
    side = str(Path(__file__).with_name("dlt_side.py"))
    for part in ("dlt", "pandas"):
        with tempfile.TemporaryDirectory(dir=directory) as work:
            found = measured([str(python), side, part, str(file), work])
        print(
            f"title.basics, {rows:,} rows: {part} {found['version']} {found['seconds']:.1f} s, "
            f"peak memory {found['megabytes']:,.0f} MB",
            flush=True,
        )


def generated(name: str, rows: int, directory: Path) -> Path:
    """The generated file; it is kept in the directory."""
    file = directory / f"{name}.{rows}.tsv.gz"
    if not file.exists():
        started = time.perf_counter()
        write(name, rows, file)
        print(f"(generated {file.name} in {time.perf_counter() - started:.0f} s)", flush=True)
    return file


def main() -> None:
    """Generate, load in turns, print the ratios; exit 1 where one is over its limit."""
    parser = argparse.ArgumentParser(description="Loading IMDb's files beside a bare COPY.")
    parser.add_argument("--basics", type=int, default=11_000_000, help="rows of title.basics")
    parser.add_argument("--principals", type=int, default=20_000_000, help="rows of title.principals")
    parser.add_argument("--small", type=int, default=1_000_000, help="rows for dlt and pandas; 0: neither")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--dlt-python", type=Path, help="python of an environment with dlt and pandas")
    parser.add_argument("--directory", type=Path, help="where the generated files stay (default: nowhere)")
    parser.add_argument("--part", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.part:
        part, name, file, work = args.part
        seconds, processor = PARTS[part](Path(file), name, Path(work))
        print(json.dumps({"seconds": seconds, "processor": processor, "megabytes": peak_memory()}))
        return
    with tempfile.TemporaryDirectory() as temporary:
        directory = args.directory or Path(temporary)
        files = {"title.basics": args.basics, "title.principals": args.principals}
        good = [beside(name, rows, directory, args.rounds) for name, rows in files.items() if rows]
        if args.small:
            good.append(beside("title.basics", args.small, directory, args.rounds))
            others(args.small, directory, args.dlt_python)
    if not all(good):
        sys.exit(1)


if __name__ == "__main__":
    main()
