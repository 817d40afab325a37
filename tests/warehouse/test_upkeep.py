"""Compaction, retention and clean-up, under readers."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pyarrow as pa
import pytest

from tests.warehouse.landing import genres
from tests.warehouse.planted import append_steps, lose_file, swap_files
from warehouse import Location, Transaction, Warehouse, catalogue_copies, connection, storage
from warehouse.connection import CATALOGUE
from warehouse.errors import DamagedLake, QueryFailed
from warehouse.snapshots import resolve
from warehouse.sql import open_read_only
from warehouse.upkeep import upkeep

NOTHING = timedelta(0)


def files(wh: Warehouse, table: str = "") -> list[str]:
    return sorted(name for name in storage.sizes(wh.location) if table in name)


def nights(wh: Warehouse, count: int) -> None:
    for night in range(count):
        with wh.transaction() as tx:
            tx.batch("run", "tmdb", "movies")
            tx.append("core.movie_genres", genres(100 * night))
        with wh.transaction() as tx:
            tx.replace_keys("core.movie_genres", genres(100 * night, 60, "War"), ["movie_id"])


def test_files_stay_few_and_rows_stay_the_same(wh: Warehouse) -> None:
    nights(wh, 4)
    before = wh.query("FROM core.movie_genres ORDER BY ALL")
    assert len(files(wh, "movie_genres")) >= 8
    report = upkeep(wh, keep=NOTHING, grace=NOTHING)
    assert report.postponed == []
    assert report.files_merged > 1
    assert report.snapshots_expired > 1
    assert len(files(wh, "movie_genres")) == 1
    assert report.files_after < report.files_before
    assert report.bytes_after < report.bytes_before
    assert wh.query("FROM core.movie_genres ORDER BY ALL").equals(before)
    again = upkeep(wh, keep=NOTHING, grace=NOTHING)
    assert (again.files_merged, again.files_rewritten, again.rows_flushed) == (0, 0, 0)


@pytest.mark.parametrize(("each", "files"), [(1_000_000, [0, 0, 0]), (1, [1, 2, 3])])
def test_a_table_is_rewritten_before_queries_open_many_files_of_deletions(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch, each: int, files: list[int]
) -> None:
    monkeypatch.setattr("warehouse.compaction.SCATTERED_BYTES", each)
    live = (
        f"SELECT count(*) FROM {CATALOGUE}.ducklake_delete_file d "  # noqa: S608 - the name is a constant
        f"JOIN {CATALOGUE}.ducklake_data_file f USING (data_file_id) "
        "WHERE d.end_snapshot IS NULL AND f.end_snapshot IS NULL"
    )
    found = []
    for night in range(3):
        with wh.transaction() as tx:
            tx.append("core.movie_genres", genres(100 * night))
        with wh.transaction() as tx:  # too few of a file's rows for their share to matter
            tx.replace_keys("core.movie_genres", genres(100 * night, 5, "War"), ["movie_id"])
        before = wh.query("FROM core.movie_genres ORDER BY ALL")
        upkeep(wh, grace=NOTHING)
        assert wh.query("FROM core.movie_genres ORDER BY ALL").equals(before)
        found.append(wh.scalar(live))
    assert found == files


def test_kept_snapshots_still_answer(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", genres(0))
    then = wh.snapshot_id
    nights(wh, 2)
    upkeep(wh, keep=timedelta(days=1), grace=NOTHING)
    with open_read_only(wh.location, then) as past:
        assert past.execute("SELECT count(*) FROM core.movie_genres").fetchone() == (100,)
    upkeep(wh, keep=NOTHING, grace=NOTHING)
    with pytest.raises(QueryFailed, match="it keeps"):
        resolve(wh.location, then)


def test_earlier_snapshots_keep_their_columns_in_the_process_that_does_the_upkeep(wh: Warehouse) -> None:
    genres_before = wh.query("FROM core.movie_genres LIMIT 0").column_names
    wh.commit(lambda tx: tx.execute("CREATE TABLE core.written_after (a INT)"))
    earlier = wh.snapshot_id
    rename = "ALTER TABLE core.movie_genres RENAME COLUMN genre TO kind"
    wh.commit(lambda tx: tx.execute(rename))
    for i in range(2):
        wh.commit(lambda tx, i=i: tx.execute("INSERT INTO core.written_after VALUES (?)", [i]))  # type: ignore[misc]
    with Warehouse.open(wh.location) as other:
        assert upkeep(other).files_merged
        then = other.query(f"FROM core.movie_genres AT (VERSION => {earlier}) LIMIT 0")
    assert then.column_names == genres_before


def kept(wh: Warehouse) -> set[int]:
    return set(wh.query("SELECT snapshot_id FROM lake.snapshots()")["snapshot_id"].to_pylist())


def steps(wh: Warehouse) -> tuple[set[int], set[int]]:
    """Make snapshots that somebody refers to, and others; return both."""

    def done(work: Callable[[Transaction], object]) -> int:
        wh.commit(work)
        return wh.snapshot_id

    passing = {done(lambda tx: tx.append("core.movie_genres", genres(0)))}
    learnt_from = done(lambda tx: tx.append("core.movie_genres", genres(100)))
    model = {"label_set": "tmdb", "model": "tags", "model_version": "v1", "stage": "champion"}
    model |= {"snapshot_id": learnt_from, "created_at": wh.clock()}
    passing.add(done(lambda tx: tx.append("ops.models", pa.Table.from_pylist([model]))))
    run = {"run_id": "r", "flow": "nightly", "state": "completed", "started_at": wh.clock()}
    run["ended_at"] = wh.clock()
    run_end = done(lambda tx: tx.append("ops.runs", pa.Table.from_pylist([run])))
    passing.add(done(lambda tx: tx.append("core.movie_genres", genres(300))))
    return {learnt_from, run_end}, passing


def test_of_older_snapshots_those_stay_that_somebody_refers_to(wh: Warehouse) -> None:
    named, passing = steps(wh)
    counts = {}
    for number in named:
        with open_read_only(wh.location, number) as past:
            counts[number] = past.execute("SELECT count(*) FROM core.movie_genres").fetchall()
    upkeep(wh, grace=NOTHING)
    assert named | passing <= kept(wh), "two days have not passed"
    upkeep(wh, whole=NOTHING, grace=NOTHING)
    assert named <= kept(wh)
    assert not passing & kept(wh)
    for number, count in counts.items():
        with open_read_only(wh.location, number) as past:
            assert past.execute("SELECT count(*) FROM core.movie_genres").fetchall() == count
    upkeep(wh, keep=NOTHING, whole=NOTHING, grace=NOTHING)
    assert not named & kept(wh)


def test_older_snapshots_that_lasted_stay(wh: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.upkeep.BRIEF", NOTHING)
    named, passing = steps(wh)
    upkeep(wh, whole=NOTHING, grace=NOTHING)
    assert named | passing <= kept(wh)


def test_files_are_left_alone_for_the_readers_until_grace_is_over(wh: Warehouse) -> None:
    nights(wh, 2)
    before = files(wh)
    report = upkeep(wh, keep=NOTHING, grace=timedelta(hours=1))
    assert report.files_removed == 0
    assert set(before) <= set(files(wh))


def test_a_reader_goes_on_while_files_are_merged(wh: Warehouse) -> None:
    nights(wh, 3)
    expected = wh.scalar("SELECT count(*) FROM core.movie_genres")
    with Warehouse.open(wh.location, read_only=True) as reader:
        batches = reader.batches("SELECT movie_id FROM core.movie_genres", rows=10)
        seen = next(batches).num_rows
        upkeep(wh, keep=NOTHING)
        assert seen + sum(batch.num_rows for batch in batches) == expected
        assert reader.scalar("SELECT count(*) FROM core.movie_genres") == expected


@pytest.mark.local_files
def test_a_file_that_vanishes_while_files_are_counted_stops_nothing(wh: Warehouse) -> None:
    before = storage.sizes(wh.location)
    gone = wh.location.home / "lake" / "vanished.parquet"
    gone.symlink_to(gone.with_name("taken away"))  # listed, but not there to be looked at
    assert storage.sizes(wh.location) == before


def test_files_that_no_snapshot_knows_are_removed(wh: Warehouse, tmp_path: Path) -> None:
    nights(wh, 1)
    orphan = "core/movie_genres/ducklake-left-by-a-killed-writer.parquet"
    with storage.opened(wh.location) as stored:
        stored.fetch(files(wh, "movie_genres")[0], tmp_path / "copy")
        stored.store(tmp_path / "copy", orphan)
    assert upkeep(wh).orphans_removed == 0, "it may be a writer's that has not committed yet"
    assert upkeep(wh, grace=NOTHING).orphans_removed == 1
    assert orphan not in files(wh)


def test_rows_that_another_client_left_in_the_catalogue_move_to_parquet(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours = connection.attach_options
    monkeypatch.setattr(
        connection, "attach_options", lambda *of, **how: [o for o in ours(*of, **how) if "INLINING" not in o]
    )
    with connection.connect(wh.location) as other:
        for number in range(5):
            other.execute("INSERT INTO ops.cursors VALUES ('tmdb', ?, '{}', now())", [str(number)])
    assert files(wh, "cursors") == []
    report = upkeep(wh, keep=NOTHING, grace=NOTHING)
    assert report.rows_flushed >= 5
    assert len(files(wh, "cursors")) == 1
    assert wh.cursor("tmdb", "3") == {}


def test_the_catalogue_gives_free_pages_back_under_the_eyes_of_its_users(wh: Warehouse) -> None:
    assert catalogue_copies.pack(wh.location) is False
    texts = [str(number) * 2000 for number in range(9)]
    for text in texts:
        wh.commit(lambda tx, t=text: tx.set_cursor("tmdb", t[:10], {"long": t}))
    upkeep(wh, keep=NOTHING, grace=NOTHING)
    assert wh.table_counts()["ops.cursors"] == len(texts)
    wh.commit(lambda tx: tx.set_cursor("tmdb", "after", {}))
    assert wh.cursor("tmdb", "after") == {}


@pytest.mark.local_files
@pytest.mark.parametrize("way", ["moved", "through a link", "by a winding path"])
def test_a_lake_reached_another_way_keeps_its_files(wh: Warehouse, tmp_path: Path, way: str) -> None:
    nights(wh, 1)
    expected = wh.query("FROM core.movie_genres ORDER BY ALL")
    wh.close()
    home = wh.location.catalog.path.parent
    if way == "moved":
        other = home.rename(tmp_path / "moved")
    elif way == "through a link":
        other = tmp_path / "link"
        other.symlink_to(home)
    else:
        other = home / "lake" / ".." / ".." / home.name
    with Warehouse.open(Location.under(other)) as found:
        assert upkeep(found, keep=NOTHING, grace=NOTHING).orphans_removed == 0
        assert found.query("FROM core.movie_genres ORDER BY ALL").equals(expected)


def test_readers_from_before_a_change_of_layout_go_on_after_the_rows_moved(wh: Warehouse) -> None:
    # DuckLake drops the old layout's table of small rows, and other connections go on looking for it.
    wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {}))
    wh.commit(lambda tx: tx.execute("ALTER TABLE ops.cursors ADD COLUMN note VARCHAR"))
    wh.commit(lambda tx: tx.set_cursor("imdb", "title.basics", {}))
    count = "SELECT count(*) FROM ops.cursors"
    with (
        open_read_only(wh.location) as people,
        Warehouse.open(wh.location, read_only=True) as reader,
    ):
        assert people.execute(count).fetchall() == [(2,)]
        assert reader.scalar(count) == 2
        upkeep(wh)
        for _ in range(2):
            assert people.execute(count).fetchall() == [(2,)]
            assert reader.scalar(count) == 2
            assert reader.query("FROM ops.cursors").num_rows == 2


def test_statistics_survive_upkeep(wh: Warehouse) -> None:
    """DuckLake's own rewrite forgets a nullable column's bounds; the next insert then sets wrong ones."""

    def steps(**rows_in: int | None) -> None:
        row = {"run_id": "r", "attempt": 1, "state": "completed", "started_at": wh.clock()}
        rows = [{**row, "step": name, "rows_in": number} for name, number in rows_in.items()]
        typed = pa.Table.from_pylist(rows).set_column(5, "rows_in", pa.array(rows_in.values(), pa.int64()))
        wh.commit(lambda tx: tx.append("ops.steps", typed))

    steps(a=5, b=50, c=65536)
    steps(d=None)
    wh.commit(lambda tx: tx.execute("DELETE FROM ops.steps WHERE step = 'c'"))
    assert upkeep(wh).files_rewritten == 1
    steps(e=7)
    assert wh.scalar("SELECT count(*) FROM ops.steps WHERE rows_in = 50") == 1
    ordered = wh.query("SELECT rows_in FROM ops.steps ORDER BY step")["rows_in"].to_pylist()
    assert ordered == [5, 50, None, 7]


def test_rows_that_are_told_apart_by_their_arrival_are_never_written_anew(wh: Warehouse) -> None:
    link = {
        "dataset": "d",
        "movielens_id": 1,
        "source": "movielens",
        "fetched_at": wh.clock(),
        "batch_id": "b",
    }
    for n in (1, 2, 3):
        wh.commit(lambda tx: tx.append("raw.movielens_links", pa.Table.from_pylist([{**link, "tmdb_id": n}])))  # noqa: B023
    wh.commit(lambda tx: tx.execute("DELETE FROM raw.movielens_links WHERE tmdb_id = 2"))
    upkeep(wh, grace=NOTHING)
    wh.commit(lambda tx: tx.execute("DELETE FROM raw.movielens_links WHERE tmdb_id = 3"))
    places = wh.query("SELECT rowid, snapshot_id, tmdb_id FROM raw.movielens_links ORDER BY rowid")
    upkeep(wh, keep=NOTHING, grace=NOTHING)
    assert wh.query("SELECT rowid, snapshot_id, tmdb_id FROM raw.movielens_links ORDER BY rowid") == places


def test_open_readers_and_writers_go_on_while_files_are_written_anew(wh: Warehouse) -> None:
    with wh.transaction() as tx:
        tx.append("core.movie_genres", genres(0))
    with Warehouse.open(wh.location) as other, open_read_only(wh.location) as reader:
        assert other.table_counts()["core.movie_genres"] == 100
        other.commit(lambda tx: tx.delete_keys("core.movie_genres", pa.table({"movie_id": list(range(60))})))
        assert upkeep(wh, grace=NOTHING).files_rewritten == 1
        other.commit(lambda tx: tx.append("core.movie_genres", genres(500)))
        wh.commit(lambda tx: tx.delete_keys("core.movie_genres", pa.table({"movie_id": [500]})))
        for ask in (wh.scalar, other.scalar, lambda sql: reader.execute(sql).fetchone()[0]):  # type: ignore[index]
            assert ask("SELECT count(*) FROM core.movie_genres") == 139
            assert ask("SELECT min(movie_id) FROM core.movie_genres") == 60
            assert ask("SELECT count(*) FROM core.movie_genres WHERE movie_id = 599") == 1


@pytest.mark.local_files
@pytest.mark.parametrize("plant", [lose_file, swap_files])
def test_upkeep_leaves_a_lake_alone_whose_files_are_not_those_of_the_catalogue(
    wh: Warehouse, plant: Callable[[Location, str], str]
) -> None:
    append_steps(wh, a=5, b=6, c=7)
    append_steps(wh, d=50)
    name = plant(wh.location, "ops.steps")
    before = wh.snapshot_id
    with pytest.raises(DamagedLake, match=rf"{name} of ops\.steps (is gone|has \d+ bytes, not \d+)"):
        upkeep(wh, grace=NOTHING)
    assert wh.snapshot_id == before
