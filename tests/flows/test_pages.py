"""The SQL that the pages show runs, on a lake with every table in it."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.reference import PAGES
from warehouse import Location, Warehouse
from warehouse.sql import ReadOnlyConnection, attach_statement, open_read_only

QUERIES = re.findall(r"^```sql\n(.*?)^```", (PAGES / "analyst-sql.md").read_text(), re.S | re.M)
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake with two movies, their genres, two champions and their scores."""
    made = tmp_path_factory.mktemp("home")
    with Warehouse.open(Location.under(made)) as warehouse:
        run_id = warehouse.start_run("nightly")
        warehouse.commit(lambda tx: [tx.execute(sql.replace("$run", f"'{run_id}'")) for sql in ROWS])
        warehouse.finish_run(run_id, "completed")
    return made


ROWS = (
    """INSERT INTO core.movies (movie_id, imdb_id, title, year, imdb_rating, split_key, bucket, event_time,
                                 known_time)
       SELECT i, CASE i WHEN 1 THEN 'tt0113101' END, 'Movie ' || i, 1995, 7.5, i::VARCHAR, 0, now(),
              now() + INTERVAL 1 MINUTE
       FROM range(1, 4) t(i)""",
    "INSERT INTO core.movie_genres VALUES (1, 'movielens', 'Drama'), (1, 'imdb', 'Drama')",
    """INSERT INTO core.movie_people (movie_id, source, person_id, name, job)
       SELECT i, 'tmdb', 'tmdb:1', 'Somebody', 'director' FROM range(1, 4) t(i)""",
    """INSERT INTO ops.models (label_set, model, model_version, stage, created_at, metrics)
       SELECT 'movielens', model, 'v1', 'champion', now(), '{"auc": 0.8}'
       FROM (SELECT unnest(['text', 'poster', 'combined']) AS model)""",
    """INSERT INTO predictions.scores (movie_id, label_set, model, model_version, genre, probability,
                                       threshold, predicted, run_id, scored_at)
       SELECT i, 'movielens', model, 'v1', genre, 0.9, 0.5, true, $run, now()
       FROM range(1, 3) t(i), (SELECT unnest(['text', 'poster', 'combined']) AS model),
            (SELECT unnest(['Sci-Fi', 'Comedy']) AS genre)""",
)


@pytest.fixture
def connection(home: Path) -> Iterator[ReadOnlyConnection]:
    with open_read_only(Location.under(home)) as opened:
        yield opened


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_each_query_of_the_analysts_page_runs_and_finds_something(connection, query):
    assert connection.execute(query).fetchall(), query


def test_there_are_ten_queries_besides_those_about_columns_and_snapshots():
    assert len(QUERIES) == 12


def test_the_page_attaches_as_the_command_does(home):
    page = (PAGES / "analyst-sql.md").read_text()
    location = Location.under(home)
    for line in attach_statement(location).splitlines():
        assert line.replace(str(home), "/srv/reelhouse") in page, line


def test_a_table_is_read_as_it_was(connection):
    (newest,) = connection.execute("SELECT max(snapshot_id) FROM snapshots()").fetchone() or (None,)
    page = (PAGES / "analyst-sql.md").read_text()
    (example,) = re.findall(r"^SELECT .* AT \(VERSION => 42\);$", page, re.M)
    assert connection.execute(example.replace("42", str(newest))).fetchone() == (3,)
