"""Readers, writers, a backfill and upkeep at once: no error, and no reader sees half of anything."""

import subprocess
import sys

import pytest

from warehouse import Warehouse
from warehouse.checks import check

pytestmark = pytest.mark.slow

WRITER = """
import sys
from pathlib import Path
import pyarrow as pa
from warehouse import Location, Warehouse
name, home, rounds, start = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
with Warehouse.open(Location.under(home)) as wh:
    run_id = wh.start_run(name)
    for i in range(rounds):
        # Each movie has as many genres as its position says, whichever round wrote it last.
        ids = [start + n for n in range(20) for _ in range(n % 3 + 1)]
        words = [f"{name}-{i}-{k}" for k in range(len(ids))]
        genres = pa.table({"movie_id": ids, "source": ["tmdb"] * len(ids), "genre": words})
        def work(tx):
            tx.batch(run_id, "tmdb", "movies")
            tx.replace_keys("core.movie_genres", genres, ["movie_id"])
            tx.set_cursor("tmdb", name, {"round": i})
        with wh.step(run_id, "land") as step:
            wh.commit(work, attempts=50)
            step.rows_out = len(ids)
    wh.finish_run(run_id, "completed")
"""

READER = """
import sys
from pathlib import Path
from warehouse import Location
from warehouse.sql import open_read_only
home = Path(sys.argv[1])
reads = 0
while not (home / "stop").exists():
    with open_read_only(Location.under(home)) as sql:
        for _ in range(20):
            genres, movies, words = sql.execute(
                "SELECT count(*), count(DISTINCT movie_id), count(DISTINCT split_part(genre, '-', 2) || "
                "'/' || movie_id) FROM core.movie_genres"
            ).fetchone()
            assert genres * 20 == movies * 39, (genres, movies)  # 39 rows for 20 movies, always
            assert words == movies, "a movie's rows are all of one round"
            reads += 1
print(reads)
"""

UPKEEP = """
import sys
from datetime import timedelta
from pathlib import Path
from warehouse import Location, Warehouse
from warehouse.upkeep import upkeep
home = Path(sys.argv[1])
with Warehouse.open(Location.under(home)) as wh:
    rounds = 0
    while not (home / "stop").exists():
        upkeep(wh, keep=timedelta(seconds=1), grace=timedelta(hours=1))
        rounds += 1
print(rounds)
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_readers_writers_and_upkeep_at_once(wh: Warehouse) -> None:
    home = wh.location.catalog.parent
    others = [start(READER, home) for _ in range(3)] + [start(UPKEEP, home)]
    writers = [
        start(WRITER, name, home, 12, 1000 * n) for n, name in enumerate(("nightly", "second", "backfill"))
    ]
    try:
        for writer in writers:
            _, err = writer.communicate()
            assert writer.returncode == 0, err
    finally:
        (home / "stop").touch()
    for other in others:
        out, err = other.communicate()
        assert other.returncode == 0, err
        assert int(out) > 0
    assert wh.scalar("SELECT count(*) FROM core.movie_genres") == 3 * 39
    assert wh.scalar("SELECT count(*) FROM ops.batches") == 3 * 12
    assert wh.query("SELECT DISTINCT state FROM ops.steps")["state"].to_pylist() == ["completed"]
    assert [
        result for result in check(wh, ["ops.runs", "ops.steps", "ops.batches"]) if not result.passed
    ] == []
