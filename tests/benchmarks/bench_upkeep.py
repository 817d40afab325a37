"""What upkeep takes with our own rewriting, beside the engine's function for it.

    python -m tests.benchmarks.bench_upkeep [--rounds 5] [--nights 30] [--rows 2000000] [--home HOME]

Two lakes: one of many nights that had no upkeep yet, or the one of HOME (such as `tests.clean_load --keep`
leaves); and one large table of which 30 % were deleted. In each round upkeep runs on two copies of each lake,
in turns: once as it is (`warehouse/compaction.py`), once with `ducklake_rewrite_data_files`, as upkeep did
before. That function makes later answers wrong, which is why the copies are thrown away.

Printed: processor time of all threads, bytes written, bytes of the lake afterwards; the medians and their
ratio. A ratio of processor times does not depend on what else the machine does.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa

from warehouse import Column, Location, Table, Warehouse, compaction
from warehouse.compaction import DELETED_SHARE, SCATTERED_BYTES, Crowded
from warehouse.connection import CATALOGUE
from warehouse.identifiers import literal
from warehouse.upkeep import upkeep

DELETED = 30
"""Percent of the large table's rows."""
COLUMNS = (
    Column("movie_id", "BIGINT", "A number.", required=True),
    Column("title", "VARCHAR", "A text."),
    Column("year", "INTEGER", "A small number, some unknown."),
    Column("popularity", "DOUBLE", "A fraction."),
    Column("rating", "DOUBLE", "A fraction of few values."),
    Column("votes", "BIGINT", "A number, some unknown."),
)
_SCATTERED = f"""
    WITH deletions AS (
        SELECT table_id, count(*) AS n FROM {CATALOGUE}.ducklake_delete_file
        WHERE end_snapshot IS NULL GROUP BY table_id
    ), sizes AS (
        SELECT table_id, sum(file_size_bytes) AS bytes FROM {CATALOGUE}.ducklake_data_file
        WHERE end_snapshot IS NULL GROUP BY table_id
    )
    SELECT schema_name, table_name FROM deletions JOIN sizes USING (table_id)
    JOIN {CATALOGUE}.ducklake_table AS tables USING (table_id)
    JOIN {CATALOGUE}.ducklake_schema AS schemas USING (schema_id)
    WHERE tables.end_snapshot IS NULL AND schemas.end_snapshot IS NULL AND n * $each > bytes ORDER BY ALL
"""  # noqa: S608 - the name is a constant
"""Small tables with files of deletions, which upkeep wrote anew besides."""


@dataclass(frozen=True)
class Cost:
    """What one upkeep took."""

    processor_seconds: float
    seconds: float
    bytes_written: int
    bytes_after: int


def engines(wh: Warehouse) -> Iterator[Crowded]:
    """Write files anew by the engine's function in place of ours; leave nothing to do for ours."""
    wh.call(f"CALL ducklake_rewrite_data_files('lake', delete_threshold => {DELETED_SHARE})")
    for row in wh.query(_SCATTERED, {"each": SCATTERED_BYTES}).to_pylist():
        table, schema = literal(row["table_name"]), literal(row["schema_name"])
        wh.call(
            f"CALL ducklake_rewrite_data_files('lake', {table}, schema => {schema}, delete_threshold => 0)"
        )
    yield from ()


def cost(home: Path, rewriting: AbstractContextManager[object]) -> Cost:
    """Run upkeep on a copy of a home's lake."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(shutil.copytree(home, Path(name) / "copy"))
        with Warehouse.open(Location.under(copy)) as wh, rewriting:
            wh.table_counts()
            written, busy, started = _written(), time.process_time(), time.monotonic()
            report = upkeep(wh, grace=timedelta(0))
            return Cost(
                time.process_time() - busy,
                time.monotonic() - started,
                _written() - written,
                report.bytes_after,
            )


def _written() -> int:
    """Return how many bytes this process has written so far, its journals included; Linux alone knows."""
    lines = Path("/proc/self/io").read_text(encoding="ascii").splitlines()
    return int(dict(line.split(": ") for line in lines)["wchar"])


def rows(rng: np.random.Generator, ids: np.ndarray) -> pa.Table:
    """Return invented rows of these ids."""
    n = len(ids)
    return pa.table(
        {
            "movie_id": pa.array(ids, pa.int64()),
            "title": pa.array([f"The film number {number}" for number in rng.integers(0, 10**9, n)]),
            "year": pa.array(rng.integers(1900, 2030, n).astype(np.int32), mask=rng.random(n) < 0.1),
            "popularity": rng.random(n) * 100,
            "rating": np.round(rng.random(n) * 10, 1),
            "votes": pa.array(rng.integers(0, 10**6, n), mask=rng.random(n) < 0.1),
        }
    )


def many_nights(home: Path, nights: int) -> None:
    """Make a lake of nights without upkeep: in each, a few rows of four tables are replaced."""
    rng = np.random.default_rng(11)
    with Warehouse.open(Location.under(home)) as wh:
        tables = [Table(f"raw.bench_{i}", "Invented.", COLUMNS, unique=("movie_id",)) for i in range(4)]
        wh.declare(*tables)
        for night in range(nights):
            for table, size in zip(tables, (300, 3_000, 20_000, 20_000), strict=True):
                changed = np.arange(size) if not night else rng.choice(size, size // 50, replace=False)
                batch = rows(rng, changed)
                wh.commit(lambda tx, t=table.name, b=batch: tx.replace_keys(t, b, ["movie_id"]))


def one_large(home: Path, n_rows: int) -> None:
    """Make a lake with one table of which every file has lost 30 % of its rows."""
    rng = np.random.default_rng(11)
    table = Table("raw.bench_large", "Invented.", COLUMNS, unique=("movie_id",))
    with Warehouse.open(Location.under(home)) as wh:
        wh.declare(table)
        for part in np.array_split(np.arange(n_rows), max(n_rows // 500_000, 1)):
            batch = rows(rng, part)
            wh.commit(lambda tx, b=batch: tx.append(table.name, b))
        wh.commit(
            lambda tx: tx.execute("DELETE FROM raw.bench_large WHERE hash(movie_id) % 100 < ?", [DELETED])
        )


def measure(what: str, home: Path, rounds: int) -> None:
    """Run both kinds of upkeep on copies in turns, and print the medians."""
    kinds = {"own": nullcontext(), "engine's": patch.object(compaction, "crowded", engines)}
    costs: dict[str, list[Cost]] = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind in sorted(kinds, reverse=bool(number % 2)):
            costs[kind].append(cost(home, kinds[kind]))
    print(what)
    medians = {
        kind: [statistics.median(column) for column in zip(*map(_values, each), strict=True)]
        for kind, each in costs.items()
    }
    for kind, (busy, seconds, written, after) in medians.items():
        print(
            f"  {kind:<9} {busy:7.2f} s of processors, {seconds:7.2f} s, "
            f"{written / 1e6:8.2f} MB written, {after / 1e6:8.2f} MB afterwards"
        )
    busy, seconds, written, after = (
        own / other for own, other in zip(medians["own"], medians["engine's"], strict=True)
    )
    more = (medians["own"][2] - medians["engine's"][2]) / 1e6
    print(
        f"  own / engine's: {busy:.2f} of processor time, {seconds:.2f} of time, {written:.2f} of the bytes "
        f"written ({more:+.2f} MB), {after:.2f} of the bytes afterwards",
        flush=True,
    )


def _values(each: Cost) -> tuple[float, ...]:
    return (each.processor_seconds, each.seconds, each.bytes_written, each.bytes_after)


def main() -> None:
    """Make the lakes, measure, print."""
    parser = argparse.ArgumentParser(description="Upkeep by our own rewriting and by the engine's.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--nights", type=int, default=30)
    parser.add_argument("--rows", type=int, default=2_000_000)
    parser.add_argument("--home", type=Path, help="a home whose lake to take for that of many nights")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        nights, large = args.home or Path(name) / "nights", Path(name) / "large"
        if args.home is None:
            many_nights(nights, args.nights)
        measure(f"a lake of {args.home or f'{args.nights} nights without upkeep'}", nights, args.rounds)
        one_large(large, args.rows)
        measure(f"{args.rows} rows of which {DELETED} % are deleted", large, args.rounds)


if __name__ == "__main__":
    main()
