"""Peak memory while the largest bulk files stream through.

    python -m tests.benchmarks.bench_memory [--principals 2000000] [--ratings 5000000]

Generates a principals file of IMDb and a set of MovieLens ratings of that many rows, reads each in a fresh
process batch by batch, and prints rows, seconds and the process's peak resident memory, beside that of a
process that only imports the connectors.
"""

import argparse
import gzip
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

from connectors.bulk_file import BulkFile
from connectors.imdb import IMDb
from connectors.mirror import serve
from connectors.movielens import MovieLens
from tests.connectors.sources import SmallCatalogue

LIMIT_MB = 500


def principals(rows: int) -> Iterator[bytes]:
    """A principals file, 1,000 lines at a time."""
    yield b"tconst\tordering\tnconst\tcategory\tjob\tcharacters\n"
    jobs = [b'actor\t\\N\t["Somebody Else"]', b"director\t\\N\t\\N", b"producer\tproducer\t\\N"]
    for start in range(0, rows, 1000):
        lines = (
            b"tt%07d\t%d\tnm%07d\t%s\n" % (n // 10, n % 10 + 1, n * 7919 % 9_999_991, jobs[n % 3])
            for n in range(start, min(rows, start + 1000))
        )
        yield b"".join(lines)


def ratings(rows: int) -> Iterator[bytes]:
    """A ratings file, 1,000 lines at a time."""
    yield b"userId,movieId,rating,timestamp\r\n"
    for start in range(0, rows, 1000):
        lines = (
            b"%d,%d,%d.5,%d\r\n" % (n // 100, n * 7919 % 60_013, n % 5, 1_000_000_000 + n)
            for n in range(start, min(rows, start + 1000))
        )
        yield b"".join(lines)


def read(file: BulkFile | None, table: str) -> int:
    """Stream the table and return its rows."""
    assert file is not None
    return sum(batch.num_rows for batch in file.read(table))


def generate(directory: Path, principals_rows: int, ratings_rows: int) -> None:
    """Write both files."""
    with gzip.open(directory / "title.principals.tsv.gz", "wb", compresslevel=1) as packed:
        for block in principals(principals_rows):
            packed.write(block)
    with (
        zipfile.ZipFile(directory / "ml-25m.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("ml-25m/ratings.csv", "w") as member,
    ):
        for block in ratings(ratings_rows):
            member.write(block)


def main() -> None:
    """Generate, read in processes of their own, and print the table."""
    parser = argparse.ArgumentParser(description="Peak memory while the largest bulk files stream through.")
    parser.add_argument("--principals", type=int, default=2_000_000)
    parser.add_argument("--ratings", type=int, default=5_000_000)
    parser.add_argument("--read", choices=["nothing", "principals", "ratings"])
    parser.add_argument("--url")
    given = parser.parse_args()
    if given.read is None:
        compare(given.principals, given.ratings)
        return
    began = time.perf_counter()
    rows = 0
    with tempfile.TemporaryDirectory() as directory:
        if given.read == "principals":
            rows = read(
                IMDb(f"{given.url}/imdb", Path(directory)).fetch("title.principals"), "title.principals"
            )
        elif given.read == "ratings":
            rows = read(MovieLens(f"{given.url}/movielens", Path(directory)).fetch("ml-25m"), "ratings")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform == "linux" else 2**20)
    print(f"{given.read:12} {rows:11,} {time.perf_counter() - began:9.1f} {peak:9.0f}")


def compare(principals_rows: int, ratings_rows: int) -> None:
    """Serve both files and read each in a process of its own."""
    with tempfile.TemporaryDirectory() as directory:
        generate(Path(directory), principals_rows, ratings_rows)
        catalogue = OnDisk(Path(directory))
        with serve(catalogue) as mirror:
            print(
                f"{'read':12} {'rows':>11} {'seconds':>9} {'peak MB':>9}   (limit {LIMIT_MB} MB)", flush=True
            )
            program = [sys.executable, "-m", "tests.benchmarks.bench_memory", "--url", mirror.url]
            for part in ("nothing", "principals", "ratings"):
                subprocess.run([*program, "--read", part], check=True)


class OnDisk(SmallCatalogue):
    """A catalogue whose bulk files lie in a directory."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory

    def imdb_file(self, name: str) -> Path | None:  # type: ignore[override]
        path = self._directory / f"{name}.tsv.gz"
        return path if path.exists() else None

    def movielens_zip(self, name: str) -> Path | None:  # type: ignore[override]
        path = self._directory / f"{name}.zip"
        return path if path.exists() else None


if __name__ == "__main__":
    main()
