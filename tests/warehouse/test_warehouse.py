"""Opening, reading and describing a lake."""

import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pyarrow as pa
import pytest

from tests.warehouse.places import ROOT, told
from warehouse import Column, Location, Warehouse, WarehouseError, feature_table
from warehouse.errors import (
    DamagedLake,
    DiskFull,
    NoWarehouse,
    QueryFailed,
    Refused,
    SchemaMismatch,
    Unwritable,
)

GENRES = pa.table({"movie_id": [1, 1, 2], "source": ["tmdb"] * 3, "genre": ["Drama", "Crime", "Drama"]})


@pytest.mark.local_files
def test_open_makes_the_directories_and_the_lake(location: Location) -> None:
    with Warehouse.open(location) as wh:
        assert wh.table_counts()["core.movies"] == 0
    assert location.catalog.path.exists()
    assert location.data_path.path.is_dir()


def test_read_only_open_of_nothing_says_what_to_run_and_makes_nothing(location: Location) -> None:
    with pytest.raises(NoWarehouse, match="reelhouse demo"):
        Warehouse.open(location, read_only=True)
    assert not location.home.exists()


def test_read_only_reads_and_refuses_to_write(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", GENRES)
    with Warehouse.open(wh.location, read_only=True) as reader:
        assert reader.scalar("SELECT count(*) FROM core.movie_genres") == 3
        with pytest.raises(Refused, match="read-only"), reader.transaction() as tx:
            tx.append("core.movie_genres", GENRES)


def test_query_batches_and_scalar_agree(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", GENRES)
    sql = "SELECT genre FROM core.movie_genres WHERE movie_id = ? ORDER BY genre"
    assert wh.query(sql, [1])["genre"].to_pylist() == ["Crime", "Drama"]
    assert [row for batch in wh.batches(sql, [1], rows=1) for row in batch["genre"].to_pylist()] == [
        "Crime",
        "Drama",
    ]
    assert wh.scalar(sql, [1]) == "Crime"
    assert wh.scalar(sql, [99]) is None
    assert wh.scalar("SELECT current_setting('enable_progress_bar')") is False, "stdout is for results"


def test_each_commit_makes_a_snapshot_and_a_mere_look_makes_none(wh: Warehouse) -> None:
    before = wh.snapshot_id
    with wh.transaction() as tx:
        tx.query("SELECT count(*) FROM core.movies")
    assert wh.snapshot_id == before
    with wh.transaction() as tx:
        tx.append("core.movie_genres", GENRES)
    assert wh.snapshot_id == before + 1


def test_threads_read_and_write_at_once(wh: Warehouse) -> None:
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            for _ in range(3):
                wh.commit(lambda tx: tx.set_cursor("tmdb", f"stream-{number}", {"at": number}))
                assert wh.cursor("tmdb", f"stream-{number}") == {"at": number}
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert wh.table_counts()["ops.cursors"] == 4


LONG = "SELECT count(*) FROM range(100_000_000_000) t(i) WHERE i % 7 = 3"
INTERRUPTED = """
import signal, sys
from tests.warehouse.places import place
from warehouse import Warehouse
from warehouse.sql import open_read_only
location, way, long = place(sys.argv[1]), sys.argv[2], sys.argv[3]
wh = Warehouse.open(location)
reader = open_read_only(location)
signal.signal(signal.SIGALRM, signal.default_int_handler)  # as Ctrl-C would
signal.setitimer(signal.ITIMER_REAL, 0.5)
try:
    if way == "query":
        wh.query(long)
    elif way == "transaction":
        with wh.transaction() as tx:
            tx.set_cursor("tmdb", "movies", {})
            tx.query(long)
    else:
        reader.execute(long).fetchall()
except KeyboardInterrupt:
    assert wh.cursor("tmdb", "movies") is None
    reader.close()
    wh.close()
    print("stopped")
"""


@pytest.mark.parametrize("way", ["query", "transaction", "read-only"])
def test_ctrl_c_stops_an_endless_query(wh: Warehouse, way: str) -> None:
    command = [sys.executable, "-c", INTERRUPTED, told(wh.location), way, LONG]
    done = subprocess.run(command, check=False, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "stopped\n"), done.stderr


def test_what_a_block_raises_itself_passes_through(wh: Warehouse) -> None:
    with pytest.raises(FileNotFoundError, match="elsewhere"), wh.transaction() as tx:
        tx.set_cursor("tmdb", "movies", {})
        raise FileNotFoundError("elsewhere")
    assert wh.cursor("tmdb", "movies") is None


def test_python_variables_are_not_tables(wh: Warehouse) -> None:
    genres = GENRES
    with pytest.raises(QueryFailed, match="genres does not exist"):
        wh.query("FROM genres")
    assert genres.num_rows == 3


@pytest.mark.local_files
def test_a_moved_home_still_finds_its_files(wh: Warehouse, tmp_path: Path) -> None:
    many = pa.table({"movie_id": range(1000), "source": ["tmdb"] * 1000, "genre": ["Drama"] * 1000})
    with wh.transaction() as tx:
        tx.append("core.movie_genres", many)
    wh.close()
    wh.location.catalog.path.parent.rename(tmp_path / "elsewhere")
    with Warehouse.open(Location.under(tmp_path / "elsewhere")) as moved:
        assert moved.scalar("SELECT sum(movie_id) FROM core.movie_genres") == sum(range(1000))


def test_declared_feature_tables_appear_with_comments_and_gain_columns(wh: Warehouse) -> None:
    tags = Column("tags", "VARCHAR[]", "The tags.")
    wh.declare(feature_table("tags", "Bag of tags.", [tags]))
    before = wh.snapshot_id
    wh.declare(feature_table("tags", "Bag of tags.", [tags]))
    assert wh.snapshot_id == before, "nothing was new"
    wh.declare(feature_table("tags", "Bag of tags.", [tags, Column("weights", "FLOAT[]", "Their weights.")]))
    sql = "SELECT column_name, comment FROM duckdb_columns() WHERE schema_name = ? AND table_name = ?"
    described = {
        row["column_name"]: row["comment"] for row in wh.query(sql, ["features", "tags"]).to_pylist()
    }
    assert described["weights"] == "Their weights."
    assert described["movie_id"] == "The movie, as in core.movies."


def test_a_table_that_nobody_declared_is_refused(wh: Warehouse) -> None:
    with (
        pytest.raises(SchemaMismatch, match=r"no table features\.unheard is declared"),
        wh.transaction() as tx,
    ):
        tx.append("features.unheard", GENRES)


@pytest.mark.local_files
def test_a_catalogue_that_is_no_database_is_reported_as_damaged(location: Location) -> None:
    location.catalog.path.parent.mkdir(parents=True)
    location.catalog.path.write_text("these are not the bytes of a database" * 100)
    with pytest.raises(DamagedLake, match="restore a backup") as caught:
        Warehouse.open(location)
    assert "\n" not in str(caught.value)


@pytest.mark.local_files
def test_a_catalogue_with_broken_pages_is_reported_as_damaged(wh: Warehouse) -> None:
    wh.close()
    with sqlite3.connect(wh.location.catalog) as catalog:
        catalog.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    catalog.close()
    content = bytearray(wh.location.catalog.path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    wh.location.catalog.path.write_bytes(content)
    with pytest.raises(WarehouseError) as caught:
        Warehouse.open(wh.location)
    assert isinstance(caught.value, DamagedLake), caught.value


@pytest.mark.local_files
def test_a_lost_data_file_is_reported_as_damaged(wh: Warehouse) -> None:
    many = pa.table({"movie_id": range(1000), "source": ["tmdb"] * 1000, "genre": ["Drama"] * 1000})
    with wh.transaction() as tx:
        tx.append("core.movie_genres", many)
    for path in wh.location.data_path.path.rglob("*.parquet"):
        if "movie_genres" in str(path):
            path.unlink()
    with pytest.raises(DamagedLake, match="parquet"):
        wh.scalar("SELECT sum(movie_id) FROM core.movie_genres")


def test_a_file_in_the_place_of_the_home_is_reported(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(Unwritable, match="cannot write to") as caught:
        Warehouse.open(Location.under(tmp_path / "home"))
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_without_permission_is_reported(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(Unwritable, match="choose another directory"):
        Warehouse.open(Location.under(tmp_path / "home"))


FILL = """
import sys
from pathlib import Path
import pyarrow as pa
from warehouse import Location, Warehouse
from warehouse.errors import DiskFull
wh = Warehouse.open(Location.under(Path(sys.argv[1])))
rows = int(sys.argv[2])
whole = 0
try:
    while True:
        keys = [f"{whole}-{n}" for n in range(rows)]
        genres = pa.table({"movie_id": range(rows), "source": ["tmdb"] * rows, "genre": keys})
        with wh.transaction() as tx:
            tx.append("core.movie_genres", genres)
            tx.set_cursor("tmdb", "fill", {"whole": whole + 1})
        whole += 1
except DiskFull as error:
    assert "\\n" not in str(error), error
    assert "free some space" in str(error)
assert wh.scalar("SELECT count(*) FROM core.movie_genres") == whole * rows
assert wh.cursor("tmdb", "fill") == {"whole": whole}
print("full after", whole)
"""


@pytest.mark.parametrize("rows", [5, 100_000], ids=["catalogue", "data file"])
def test_a_full_disk_keeps_whole_transactions_and_says_so(tmp_path: Path, rows: int) -> None:
    """On a real file system of a few megabytes, in a mount namespace of its own."""
    script = tmp_path / "fill.py"
    script.write_text(FILL)
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["unshare", "-rm", "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine gives no mount namespace to make a small file system in")
    command = (
        f'mount -t tmpfs -o size=6m tmpfs "{small}" && "{sys.executable}" "{script}" "{small}/home" {rows}'
    )
    done = subprocess.run(
        ["unshare", "-rm", "sh", "-c", command], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("full after")


@pytest.mark.local_files
def test_every_disk_full_message_is_recognised(location: Location) -> None:
    from warehouse.failures import translated

    assert isinstance(translated(OSError(28, "No space left on device"), location), DiskFull)
