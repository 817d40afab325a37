"""Writers and readers in processes of their own, at once, and writers that are killed."""

import random
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress

import pyarrow as pa
import pytest

from tests.warehouse.places import ROOT, told
from warehouse import Transaction, Warehouse
from warehouse.errors import Conflict
from warehouse.file_reader import opened

WRITER = """
import sys
import pyarrow as pa
from tests.warehouse.places import place
from warehouse import Warehouse
name, location, rounds = sys.argv[1], place(sys.argv[2]), int(sys.argv[3])
with Warehouse.open(location) as wh:
    print("open", flush=True)
    run_id = wh.start_run(name)
    for i in range(rounds):
        keys = [f"{name}-{i}-{k}" for k in range(20)]
        genres = pa.table({"movie_id": [i] * 20, "source": ["tmdb"] * 20, "genre": keys})
        def work(tx):
            tx.batch(run_id, "tmdb", "movies")
            tx.append("core.movie_genres", genres)
            print("appended", flush=True)
            tx.set_cursor("tmdb", name, {"round": i})
            print("cursor set", flush=True)
        with wh.step(run_id, "land"):
            wh.commit(work)
            print("committed", flush=True)
    wh.finish_run(run_id, "completed")
"""

READER = """
import sys
from tests.warehouse.places import place
from warehouse import Warehouse
location = place(sys.argv[1])
home = location.home
reads = 0
print("open", flush=True)
while not (home / "stop").exists():
    with Warehouse.open(location, read_only=True) as wh:
        for _ in range(10):
            row = wh.query(
                "SELECT (SELECT count(*) FROM core.movie_genres) AS rows, "
                "(SELECT coalesce(sum(rows_landed), 0) FROM ops.batches) AS landed"
            ).to_pylist()[0]
            assert row["rows"] == row["landed"], row
            reads += 1
print(reads)
"""


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", script, *(str(argument) for argument in arguments)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_two_writers_and_a_reader_at_once_lose_nothing(wh: Warehouse) -> None:
    where = told(wh.location)
    reader = start(READER, where)
    writers = [start(WRITER, name, where, 5) for name in ("nightly", "backfill")]
    for writer in writers:
        _, err = writer.communicate()
        assert writer.returncode == 0, err
    (wh.location.home / "stop").touch()
    out, err = reader.communicate()
    assert reader.returncode == 0, err
    assert int(out.split()[1]) > 0
    assert wh.scalar("SELECT count(*) FROM core.movie_genres") == 2 * 5 * 20
    assert wh.scalar("SELECT count(DISTINCT genre) FROM core.movie_genres") == 2 * 5 * 20
    assert wh.cursor("tmdb", "nightly") == wh.cursor("tmdb", "backfill") == {"round": 4}
    assert wh.query("SELECT DISTINCT state FROM ops.steps")["state"].to_pylist() == ["completed"]
    assert wh.query("SELECT DISTINCT state FROM ops.runs")["state"].to_pylist() == ["completed"]


def test_a_conflict_is_named_and_tried_again(wh: Warehouse) -> None:
    wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 0}))
    tries = []

    def work() -> None:
        with wh.transaction() as tx:
            tx.set_cursor("tmdb", "movies", {"n": 1})
            tries.append(1)
            if len(tries) == 1:  # another writer commits in between
                wh.commit(lambda other: other.set_cursor("tmdb", "movies", {"n": 2}))

    with pytest.raises(Conflict, match="another process changed"):
        work()
    assert wh.cursor("tmdb", "movies") == {"n": 2}
    tries.clear()
    wh.retrying(work)
    assert len(tries) == 2
    assert wh.cursor("tmdb", "movies") == {"n": 1}


def test_deletions_at_once_from_a_file_that_has_deletions_lose_nothing(wh: Warehouse) -> None:
    entries = pa.table({"source": ["tmdb"] * 8, "stream": list("abcdefgh"), "cursor": ["{}"] * 8})
    entries = entries.append_column("updated_at", pa.array([wh.clock()] * 8))
    wh.commit(lambda tx: tx.append("ops.cursors", entries))
    wh.forget_cursor("tmdb", "a")
    with Warehouse.open(wh.location) as other:
        attempts = []

        def forget(tx: Transaction) -> None:
            attempts.append(tx.execute("DELETE FROM ops.cursors WHERE stream IN ('b', 'c')"))
            if len(attempts) == 1:
                with suppress(Conflict):  # a catalogue in SQLite has one writer at a time
                    other.commit(
                        lambda tx: tx.execute("DELETE FROM ops.cursors WHERE stream = 'd'"), attempts=1
                    )

        wh.commit(forget)
        other.forget_cursor("tmdb", "d")
    assert wh.query("SELECT stream FROM ops.cursors ORDER BY ALL")["stream"].to_pylist() == list("efgh")
    with opened(wh.location) as reader:
        assert sorted(reader.read_table("ops.cursors")["stream"].to_pylist()) == list("efgh")


def test_a_stream_that_an_undone_attempt_has_read_is_not_taken_for_an_empty_one(wh: Warehouse) -> None:
    wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 0}))
    genres = pa.table({"movie_id": [1], "source": ["tmdb"], "genre": ["War"]})
    tries = []

    def work(tx: Transaction, make: Callable[[], pa.RecordBatchReader]) -> None:
        tx.append("core.movie_genres", make())
        tx.set_cursor("tmdb", "movies", {"n": 1})
        tries.append(1)
        if len(tries) == 1:
            wh.commit(lambda other: other.set_cursor("tmdb", "movies", {"n": 2}))

    once = genres.to_reader()
    with pytest.raises(RuntimeError, match="make it anew"):
        wh.commit(lambda tx: work(tx, lambda: once))
    assert wh.table_counts()["core.movie_genres"] == 0
    tries.clear()
    wh.commit(lambda tx: work(tx, genres.to_reader))
    assert wh.table_counts()["core.movie_genres"] == 1


def test_a_conflict_that_never_ends_is_raised(wh: Warehouse) -> None:
    tries = []

    def work() -> None:
        tries.append(1)
        raise Conflict("again")

    with pytest.raises(Conflict, match="again"):
        wh.retrying(work, attempts=2)
    assert len(tries) == 2


MIDWAY = """
import os, signal, sys
import pyarrow as pa
from tests.warehouse.places import place
from warehouse import Warehouse
wh = Warehouse.open(place(sys.argv[1]))
with wh.transaction() as tx:
    tx.batch("run", "tmdb", "movies")
    n = 50_000
    genres = pa.table({"movie_id": range(n), "source": ["tmdb"] * n, "genre": ["x"] * n})
    tx.append("core.movie_genres", genres)
    tx.set_cursor("tmdb", "movies", {"n": n})
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_kill_before_commit_leaves_nothing(wh: Warehouse) -> None:
    before = wh.snapshot_id
    killed = start(MIDWAY, told(wh.location))
    killed.communicate()
    assert killed.returncode == -9
    assert wh.snapshot_id == before
    counts = wh.table_counts()
    assert (counts["core.movie_genres"], counts["ops.batches"], counts["ops.cursors"]) == (0, 0, 0)


def assert_whole(wh: Warehouse) -> int:
    """Check that rows, ledger and cursor agree; return how many batches there are."""
    batches = wh.scalar("SELECT count(*) FROM ops.batches")
    assert wh.scalar("SELECT count(*) FROM core.movie_genres") == 20 * batches
    cursor = wh.cursor("tmdb", "killed")
    assert (cursor["round"] + 1 if cursor else 0) == batches
    return int(batches)


def test_kills_at_any_moment_leave_all_or_nothing_of_each_batch(wh: Warehouse) -> None:
    chance = random.Random(2026)  # noqa: S311 - a moment, not a secret
    moments = [1, 2, 3, chance.randint(4, 20)]  # lines that it prints before it is killed
    for moment in moments:
        with wh.transaction() as tx:
            for table in ("core.movie_genres", "ops.batches", "ops.cursors"):
                tx.execute(f"DELETE FROM {table}")  # noqa: S608 - named above
        writer = start(WRITER, "killed", told(wh.location), 1000)
        assert writer.stdout is not None
        for _ in range(1 + moment):
            assert writer.stdout.readline()
        writer.kill()
        writer.communicate()
        with Warehouse.open(wh.location) as after:
            assert_whole(after)
    wh.start_run("next")
    states = wh.query("SELECT state, count(*) AS n FROM ops.runs GROUP BY state").to_pylist()
    assert {row["state"]: row["n"] for row in states} == {"crashed": len(moments), "running": 1}


def test_what_a_killed_process_spilled_is_swept_away(wh: Warehouse) -> None:
    gone = start("pass")
    gone.communicate()
    left = wh.location.home / f".spill-{gone.pid}-abcd"
    left.mkdir()
    (left / "duckdb_temp_storage_DEFAULT-0.tmp").write_bytes(b"x")
    Warehouse.open(wh.location).close()
    assert not left.exists()
