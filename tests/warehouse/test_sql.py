"""What people may do on the read-only connection, and what is refused."""

from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.warehouse.refused_statements import STATEMENTS
from warehouse import Location, Warehouse, extensions, storage
from warehouse.errors import NoWarehouse, QueryFailed
from warehouse.sql import attach_statement, open_read_only, parse_as_of


@pytest.fixture
def filled(wh: Warehouse) -> Location:
    for count in (20, 40):
        with wh.transaction() as tx:
            tx.replace(
                "core.movie_genres",
                pa.table({"movie_id": range(count), "source": ["tmdb"] * count, "genre": ["Drama"] * count}),
                {},
            )
    return wh.location


def test_tables_and_views_answer_without_a_prefix(filled: Location) -> None:
    with open_read_only(filled) as sql:
        assert sql.execute("SELECT count(*) FROM core.movie_genres").fetchone() == (40,)
        assert sql.execute("FROM predictions.current").fetchall() == []
        assert sql.execute("SELECT current_setting('TimeZone')").fetchone() == ("UTC",)
        assert sql.execute("SELECT current_setting('enable_progress_bar')").fetchone() == (False,)
        reader = sql.execute("SELECT genre FROM core.movie_genres ORDER BY ALL").to_arrow_reader(10)
        assert reader.read_all().num_rows == 40


@pytest.mark.parametrize(
    "statement",
    STATEMENTS,
)
def test_whatever_could_change_or_leave_the_lake_is_refused(filled: Location, statement: str) -> None:
    home = filled.home
    before = storage.sizes(filled)
    with open_read_only(filled) as sql, pytest.raises(QueryFailed):
        sql.execute(statement.format(home=home))
    assert storage.sizes(filled) == before
    assert not (home / "out.csv").exists()


def test_reading_statements_of_every_kind_are_let_through(filled: Location) -> None:
    with open_read_only(filled) as sql:
        for statement in (
            "EXPLAIN SELECT count(*) FROM core.movies",
            "EXPLAIN ANALYZE SELECT count(*) FROM core.movies",
            "DESCRIBE core.movies",
            "SUMMARIZE core.movie_genres",
            "SHOW ALL TABLES",
            "WITH q AS (SELECT 1 AS query) SELECT query FROM q",
            "PIVOT core.movie_genres ON genre USING count(*)",
            "CREATE TEMP TABLE mine AS FROM core.movie_genres; SELECT count(*) FROM mine",
            "FROM lake.snapshots()",
            "SELECT '/* not a comment', 'query(', 1 -- query()",
        ):
            assert sql.execute(statement).fetchall(), statement


def test_a_sort_larger_than_memory_still_spills(filled: Location) -> None:
    with open_read_only(filled, memory_limit="100MB") as sql:
        sql.execute("SELECT i, md5(i::VARCHAR) AS m FROM range(2_000_000) t(i) ORDER BY m")
        assert sum(batch.num_rows for batch in sql.to_arrow_reader()) == 2_000_000
    assert not list(filled.home.glob(".spill-*"))


def test_as_of_reads_the_lake_as_it_was(filled: Location) -> None:
    with open_read_only(filled) as sql:
        snapshots = sql.execute(
            "SELECT snapshot_id, snapshot_time FROM lake.snapshots() ORDER BY 1"
        ).fetchall()
    (number, time) = snapshots[-2]
    for as_of in (number, time):
        with open_read_only(filled, as_of) as sql:
            assert sql.execute("SELECT count(*) FROM core.movie_genres").fetchone() == (20,)


def test_a_snapshot_that_never_was_is_named_with_those_that_are(filled: Location) -> None:
    with pytest.raises(QueryFailed, match=r"no snapshot 999: it keeps 0 \(.* to \d+ \("):
        open_read_only(filled, 999)
    with pytest.raises(QueryFailed, match="no snapshot as of 2001"):
        open_read_only(filled, parse_as_of("2001-01-01"))


def test_a_home_without_a_warehouse_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(NoWarehouse, match="reelhouse demo"):
        open_read_only(Location.under(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.local_files
def test_the_attach_lines_work_in_a_plain_duckdb_client(filled: Location) -> None:
    lines = attach_statement(filled).splitlines()
    assert lines[0] == "INSTALL ducklake; INSTALL sqlite;"
    with duckdb.connect() as client:
        # What the first two lines fetch from the network.
        extensions.load(client, filled, ["ducklake", "sqlite_scanner"])
        for line in lines[2:]:
            client.execute(line)
        assert client.execute("SELECT count(*) FROM core.movie_genres").fetchone() == (40,)
        assert client.execute("FROM predictions.history").fetchall() == []
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            client.execute("DROP TABLE core.movies")
