"""The layout of a lake follows the declarations, once, whoever opens it first."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from warehouse import Location, Warehouse, migrations
from warehouse.errors import Busy, NewerVersion
from warehouse.migrations import MIGRATIONS, Migration
from warehouse.schema import SCHEMAS, TABLES, VIEWS


def test_the_lake_has_what_is_declared_with_types_and_comments(wh: Warehouse) -> None:
    found = {
        (row["name"], row["column_name"]): (row["data_type"], row["comment"])
        for row in wh.query(
            "SELECT schema_name || '.' || table_name AS name, column_name, data_type, comment "
            "FROM duckdb_columns() c WHERE database_name = 'lake' AND NOT EXISTS (FROM duckdb_views() v "
            "WHERE v.schema_name = c.schema_name AND v.view_name = c.table_name)"
        ).to_pylist()
    }
    names = {"TIMESTAMPTZ": "TIMESTAMP WITH TIME ZONE"}
    declared = {
        (table.name, column.name): (names.get(column.type, column.type), column.comment)
        for table in TABLES
        for column in table.columns
    }
    assert found == declared


def test_views_answer_with_the_columns_they_declare(wh: Warehouse) -> None:
    for view in VIEWS:
        rows = wh.query(f"FROM {view.name}")
        assert rows.column_names == [name for name, _ in view.columns], view.name


def test_every_schema_table_view_and_column_says_what_it_means() -> None:
    said = [*SCHEMAS.values(), *(t.comment for t in TABLES), *(v.comment for v in VIEWS)]
    said += [column.comment for table in TABLES for column in table.columns]
    said += [comment for view in VIEWS for _, comment in view.columns]
    assert [text for text in said if not (text.endswith(".") and text[0].isalnum())] == []
    assert {table.schema for table in TABLES} <= set(SCHEMAS)


def test_ops_columns_describes_views_and_tables(wh: Warehouse) -> None:
    rows = wh.query("SELECT column_name, comment FROM ops.columns WHERE table_name = 'predictions.current'")
    described = dict(zip(rows["column_name"].to_pylist(), rows["comment"].to_pylist(), strict=True))
    assert described["title"] == "Title for display."
    assert described[None] == "The champion's latest score per movie, label set, model and genre."


def test_opening_again_changes_nothing(wh: Warehouse) -> None:
    before = wh.snapshot_id
    with Warehouse.open(wh.location) as again:
        assert again.snapshot_id == before


def test_an_older_lake_gets_the_missing_migrations_in_order_and_once(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rename(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("UPDATE ops.cursors SET source = 'tmdb' WHERE source = 'themoviedb'")

    def count(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("UPDATE ops.cursors SET stream = stream || '+' WHERE source = 'tmdb'")

    wh.commit(lambda tx: tx.set_cursor("themoviedb", "movies", {"n": 1}))
    last = MIGRATIONS[-1].version
    added = (Migration(last + 1, "rename", rename), Migration(last + 2, "+", count))
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, *added))
    for _ in range(2):
        with Warehouse.open(wh.location) as opened:
            assert opened.cursor("tmdb", "movies+") == {"n": 1}
    assert wh.query("SELECT version FROM ops.migrations ORDER BY 1")["version"].to_pylist() == list(
        range(1, last + 3)
    )


def test_a_migration_that_fails_leaves_the_lake_as_it_was(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def half(connection: duckdb.DuckDBPyConnection) -> None:
        connection.execute("INSERT INTO ops.cursors VALUES ('a', 'b', '{}', now())")
        raise RuntimeError("half way")

    last = MIGRATIONS[-1].version
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, Migration(last + 1, "half", half)))
    with pytest.raises(RuntimeError, match="half way"):
        Warehouse.open(wh.location)
    assert wh.table_counts()["ops.cursors"] == 0
    assert wh.scalar("SELECT max(version) FROM ops.migrations") == last


def test_a_lake_is_not_migrated_under_a_run_of_an_earlier_release(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The earlier one would go on writing by the layout that it found."""
    run_id = wh.start_run("nightly")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as earlier:
        change = "UPDATE ops.runs SET pid = ?, started_at = now() + INTERVAL 1 MINUTE WHERE run_id = ?"
        wh.commit(lambda tx: tx.execute(change, [earlier.pid, run_id]))
        later = Migration(MIGRATIONS[-1].version + 1, "nothing", lambda connection: None)
        with Warehouse.open(wh.location):  # of the same release, and so beside it
            pass
        monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, later))
        with pytest.raises(Busy, match=rf"a nightly run of an earlier release .*process {earlier.pid}"):
            Warehouse.open(wh.location)
        with Warehouse.open(wh.location, read_only=True) as reader:
            assert reader.scalar("SELECT max(version) FROM ops.migrations") == later.version - 1
        earlier.communicate(b"\n")
    with Warehouse.open(wh.location) as opened:
        assert opened.scalar("SELECT max(version) FROM ops.migrations") == later.version


def test_another_process_of_that_number_keeps_no_lake_from_being_migrated(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after a restart of the machine in the midst of a night."""
    wh.start_run("nightly")
    change = "UPDATE ops.runs SET pid = ?, started_at = now() - INTERVAL 30 YEAR"
    wh.commit(lambda tx: tx.execute(change, [os.getppid()]))
    later = Migration(MIGRATIONS[-1].version + 1, "nothing", lambda connection: None)
    monkeypatch.setattr(migrations, "MIGRATIONS", (*MIGRATIONS, later))
    with Warehouse.open(wh.location) as opened:
        assert opened.scalar("SELECT max(version) FROM ops.migrations") == later.version


@pytest.mark.parametrize("read_only", [False, True])
def test_a_lake_from_a_newer_release_is_refused_and_left_alone(wh: Warehouse, read_only: bool) -> None:
    wh.commit(
        lambda tx: tx.execute(
            "INSERT INTO ops.migrations VALUES (99, 'from the future', 'x', '9.1.0', now())"
        )
    )
    before = wh.snapshot_id
    with pytest.raises(
        NewerVersion, match=r"written by Reelhouse 9\.1\.0.*install Reelhouse 9\.1\.0 or later"
    ) as caught:
        Warehouse.open(wh.location, read_only=read_only)
    assert "\n" not in str(caught.value)
    assert wh.snapshot_id == before


def test_missing_columns_and_stale_comments_are_brought_up(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    wh.commit(lambda tx: tx.execute("ALTER TABLE core.movies DROP COLUMN tagline"))
    wh.commit(lambda tx: tx.execute("COMMENT ON COLUMN core.movies.title IS 'stale'"))
    wh.commit(lambda tx: tx.execute("UPDATE ops.migrations SET layout = 'an earlier one'"))
    with Warehouse.open(wh.location) as opened:
        comments = dict(
            opened._connection.execute(
                "SELECT column_name, comment FROM duckdb_columns() "
                "WHERE table_name = 'movies' AND schema_name = 'core'"
            ).fetchall()
        )
    assert comments["title"] == "Title for display."
    assert comments["tagline"] == "TMDb's tagline."


OPEN = """
import sys
from pathlib import Path
from warehouse import Location, Warehouse
with Warehouse.open(Location.under(Path(sys.argv[1]))) as wh:
    print(wh.scalar("SELECT count(*) FROM ops.migrations"), len(wh.table_counts()))
"""


def test_processes_that_open_a_fresh_home_at_once_do_not_race(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPEN, str(tmp_path / "home")]
    started = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)
    ]
    answers = []
    for process in started:
        out, err = process.communicate()
        assert process.returncode == 0, err
        answers.append(out)
    assert answers == [f"{len(MIGRATIONS)} {len(TABLES)}\n"] * 3
    with Warehouse.open(Location.under(tmp_path / "home")) as wh:
        assert wh.snapshot_id <= 2, "laid out once"


def test_steps_of_an_older_lake_say_what_their_names_said(wh: Warehouse) -> None:
    names = {
        "ingest movielens ml-latest-small": ("ingest", "movielens", "ml-latest-small"),
        "ingest tmdb posters": ("ingest", "tmdb", "posters"),
        "backfill tmdb movies 2 of 11": ("backfill", "tmdb", "movies"),
        "select tmdb movies": ("select", "tmdb", "movies"),
        "conform": ("conform", None, None),
        "conform posters 1 of 2": ("conform", None, "posters"),
        "features text 10 of 12": ("features", None, "text"),
        "train tmdb": ("train", None, "tmdb"),
        "upkeep": ("upkeep", None, None),
    }
    run_id = wh.start_run("nightly")
    for name in names:
        with wh.step(run_id, "", name=name) as step:
            step.counts["landed"] = 3
    wh.commit(
        lambda tx: tx.execute(
            'UPDATE ops.steps SET kind = NULL, counts = json_merge_patch(counts, \'{"note": "all new"}\') '
            "WHERE step <> 'upkeep'"
        )
    )
    wh.commit(lambda tx: tx.execute("UPDATE ops.steps SET kind = NULL, counts = NULL WHERE step = 'upkeep'"))
    wh.commit(lambda tx: tx.execute("DELETE FROM ops.migrations WHERE version >= 5"))
    for column in ("kind", "source", "subject", "note"):
        wh.call(f"ALTER TABLE ops.steps DROP COLUMN {column}")
    with Warehouse.open(wh.location) as migrated:
        rows = {
            row["step"]: row
            for row in migrated.query("SELECT * EXCLUDE (started_at, ended_at) FROM ops.steps").to_pylist()
        }
    assert {name: (row["kind"], row["source"], row["subject"]) for name, row in rows.items()} == names
    assert {(row["note"], row["counts"]) for row in rows.values()} == {
        ("all new", '{"landed":3}'),
        (None, None),
    }
