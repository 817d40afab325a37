"""`reelhouse import`: tables that others collected, with all that is wrong in them."""

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from flows.errors import FlowError
from flows.steps.importing import read
from tests.flows.commandline import Run, runner
from tests.flows.steps.odd_tables import (
    BOMBS,
    BROKEN_LINES,
    ODD_COLUMNS,
    ODD_NUMBERS,
    write_bomb,
    write_odd_numbers,
)
from warehouse import Location, Warehouse

TABLE = """movie_title,movie_imdb_link,title_year,genres,imdb_score,num_voted_users
Avatar\u00a0,http://www.imdb.com/title/tt0499549/?ref_=fn,2009,Action|Sci-Fi,7.9,886204
Avatar\u00a0,http://www.imdb.com/title/tt0499549/?ref_=fn,2009,Action|Sci-Fi,7.9,886204
Avatar\u00a0,http://www.imdb.com/title/tt0499549/?ref_=fn,2009,Action|Sci-Fi,7.9,886205
"Comma, The",tt0000002,,-,,
Nameless link,http://www.imdb.com/,2001,Drama,5,10
\u00a0,tt0000003,2001,Drama,5,10
Wordy,tt0000004,soon,Drama,5,10
Short,tt0000005
"Half, a",tt0000007,1999.5,Drama,5,10
Plain,tt0000006,1999.0,\\N,6.5,12
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("REELHOUSE_CONFIG", os.devnull)
    return runner(home, monkeypatch, capfd)


def test_good_rows_are_in_core_and_bad_ones_in_quarantine_with_their_reason(
    reelhouse: Run, home: Path, tmp_path: Path
):
    file = tmp_path / "movies.csv.gz"
    file.write_bytes(gzip.compress(TABLE.encode()))
    said = reelhouse("import", file, "--json")
    assert said.code == 0, said.err
    counts = json.loads(said.out)["steps"]["import"]
    assert (counts["landed"], counts["known_already"], counts["quarantined"]) == (5, 0, 7)
    again = json.loads(reelhouse("import", file, "--json").out)["steps"]["import"]
    assert (again["landed"], again["known_already"]) == (0, 5)
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        movies = warehouse.query(
            "SELECT imdb_id, title, year, imdb_rating FROM core.movies ORDER BY imdb_id"
        ).to_pylist()
        genres = warehouse.query("SELECT genre FROM core.movie_genres ORDER BY 1")["genre"].to_pylist()
        reasons = warehouse.query("SELECT reason FROM ops.quarantine ORDER BY 1")["reason"].to_pylist()
        originals = warehouse.query("SELECT original FROM ops.quarantine")["original"].to_pylist()
    assert [tuple(movie.values()) for movie in movies] == [
        ("tt0000002", "Comma, The", None, None),
        ("tt0000004", "Wordy", None, 5),
        ("tt0000006", "Plain", 1999, 6.5),
        ("tt0000007", "Half, a", None, 5),
        ("tt0499549", "Avatar", 2009, 7.9),
    ]
    assert genres == ["Action", "Drama", "Drama", "Sci-Fi"]
    assert reasons == [
        "2 fields instead of 6",
        "no IMDb id",
        "no title",
        "repeats an earlier row",
        "repeats an earlier row's IMDb id",
        "start_year is not a whole number from 1870 to 2100; the row is kept without it",
        "start_year is not a whole number from 1870 to 2100; the row is kept without it",
    ]
    assert '"Half, a",tt0000007,1999.5,Drama,5,10' in originals, "as it stands in the file"


def test_every_row_with_an_id_lands_and_odd_values_are_in_quarantine(
    reelhouse: Run, home: Path, tmp_path: Path
):
    file = tmp_path / "movies.csv"
    rows = write_odd_numbers(file)
    result = reelhouse("import", file, "--json")
    assert result.code == 0, result.err
    counts = json.loads(result.out)["steps"]["import"]
    plain = 1  # 0.5 is a rating
    assert counts["landed"] == rows
    assert counts["quarantined"] == len(ODD_COLUMNS) * len(ODD_NUMBERS) - plain
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        rows = warehouse.query(
            "SELECT year, runtime_minutes, imdb_rating, imdb_votes FROM core.movies WHERE title = 'Odd'"
        ).to_pylist()
        entries = warehouse.query("SELECT original, reason FROM ops.quarantine").to_pylist()
    unrated = len(ODD_NUMBERS) - plain  # votes alone are not landed
    assert Counter(list(row.values()).count(None) for row in rows) == {
        0: plain,
        1: 3 * len(ODD_NUMBERS),
        2: unrated,
    }
    assert {entry["original"] for entry in entries} >= {"tt0000002,Odd,99999999999999999999,90,6.5,10"}
    assert all(entry["reason"].endswith("; the row is kept without it") for entry in entries)


def test_a_line_that_is_no_row_costs_no_other(reelhouse: Run, home: Path, tmp_path: Path):
    file = tmp_path / "movies.csv"
    file.write_bytes(BROKEN_LINES)
    result = reelhouse("import", file, "--json")
    assert result.code == 0, result.err
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        titles = warehouse.query("SELECT title FROM core.movies ORDER BY imdb_id")["title"].to_pylist()
        entries = warehouse.query("SELECT left(original, 21) AS o, reason FROM ops.quarantine ORDER BY 1")
    assert titles == ["After", "Two\nlines", "Last"]
    assert [tuple(entry.values()) for entry in entries.to_pylist()] == [
        ('tt0000001,"Open,1999', "2 fields instead of 3"),
        ("tt0000004,Caf\\xe9,199", "not UTF-8: invalid continuation byte"),
        ("tt0000005,AAAAAAAAAAA", "field larger than field limit (131072)"),
        ("tt0000006,BBBBBBBBBBB", "a line longer than 1,048,576 bytes"),
    ]


IMPORT = """
import resource, sys
from pathlib import Path
from flows.errors import FlowError
from flows.steps.importing import read
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
try:
    read(Path(sys.argv[1]))
except FlowError as error:
    print(error)
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("piece", "message"),
    BOMBS.values(),
    ids=BOMBS,
)
def test_a_table_that_unpacks_to_gigabytes_is_refused_in_bounded_memory(
    tmp_path: Path, piece: bytes, message: str
):
    write_bomb(tmp_path / "bomb.csv.gz", piece)
    run = subprocess.run(
        [sys.executable, "-c", IMPORT, str(tmp_path / "bomb.csv.gz")],
        capture_output=True,
        text=True,
        check=True,
    )
    line, peak = run.stdout.splitlines()
    assert message in line
    assert int(peak) < 400 * 2**20


def test_lines_of_an_imported_file_stay_in_quarantine_when_it_is_replayed(
    reelhouse: Run, home: Path, tmp_path: Path
):
    file = tmp_path / "movies.csv"
    file.write_text(TABLE)
    assert reelhouse("import", file).code == 0
    result = reelhouse("quarantine", "replay", "--json")
    assert result.code == 0, result.err
    counts = json.loads(result.out)["steps"]["replay"]
    assert counts["landed"] == counts["lines_landed"] == 0
    assert counts["set_aside_again"] + counts["not_replayable"] == 7
    assert "import the file again" in counts["note"]
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        assert warehouse.table_counts()["ops.quarantine"] == 7


def test_rows_without_ids_are_about_the_known_movies_of_their_title_and_year(
    reelhouse: Run, home: Path, tmp_path: Path
):
    known = tmp_path / "known.csv"
    known.write_text(
        "tconst,title,year,runtime,rating\n"
        "tt0000001,Amélie,2001,122,8\ntt0000002,The Promise,2016,134,6\ntt0000003,The Promise,2016,90,6\n"
        "tt0000004,Twin,1999,100,5\ntt0000005,Twin,1999,100,5\n"
    )
    assert reelhouse("import", known).code == 0
    file = tmp_path / "statistics.csv"
    file.write_text(
        "movie_title,production_date,runtime_minutes,movie_averageRating,movie_numerOfVotes\n"
        "The Promise,2016-09-11,134,6.1,100\n"
        "Twin,1999-01-01,100,5,1\n"
        "Unheard of,2020-01-01,90,5,1\n"
        "Amelie,2001-05-01,99,3,7\n"
        "No day,,90,5,1\n"
        "amelie!,2001-04-25,122.0,8.3,700000\n"
    )
    counts = json.loads(reelhouse("import", file, "--json").out)["steps"]["import"]
    assert (counts["landed"], counts["known_already"], counts["quarantined"]) == (0, 2, 4)
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        rated = warehouse.query(
            "SELECT imdb_id, imdb_rating FROM core.movies WHERE imdb_votes > 0 ORDER BY 1"
        )
        aside = warehouse.query("SELECT original, reason FROM ops.quarantine ORDER BY 2, 1").to_pylist()
    assert rated.to_pylist() == [
        {"imdb_id": "tt0000001", "imdb_rating": 8.3},
        {"imdb_id": "tt0000002", "imdb_rating": 6.1},
    ]
    assert [(row["original"][:6], row["reason"]) for row in aside] == [
        ("Amelie", "another row means the same movie"),
        ("Unhear", "no known movie has this title and year"),
        ("No day", "no year"),
        ("Twin,1", "several movies have this title and year"),
    ]


def test_a_file_that_cannot_be_read_is_one_line(reelhouse: Run, tmp_path: Path):
    (tmp_path / "numbers.csv").write_text("a,b\n1,2\n")
    assert "has no column for IMDb ids" in reelhouse("import", tmp_path / "numbers.csv").line
    assert "cannot be read: No such file" in reelhouse("import", tmp_path / "nothing.csv").line


@pytest.mark.real_data
def test_every_row_of_the_published_tables_is_accounted_for(shared_data: Path):
    found = read(shared_data / "seeds/cs109b/imdb5000.csv.gz")
    assert len(found.rows) == 4_919
    assert Counter(reason for _, reason in found.rejects) == {
        "repeats an earlier row": 45,
        "repeats an earlier row's IMDb id": 79,
    }
    assert all(row["primary_title"] == row["primary_title"].strip() for row in found.rows)
    titled = read(shared_data / "seeds/uvg/movie_statistic_dataset.csv.gz")
    assert titled.titled
    assert len(titled.rows) + len(titled.rejects) == 4_380
    assert Counter(reason for _, reason in titled.rejects) == {
        "repeats an earlier row's title, year and running time": 3
    }
    for file in sorted((shared_data / "seeds/uvg").glob("final_data*")):  # numbers only
        with pytest.raises(FlowError, match="do not say which movies they are about"):
            read(file)


@pytest.mark.slow
@pytest.mark.real_data
def test_the_published_table_lands_whole(reelhouse: Run, home: Path, shared_data: Path):
    said = reelhouse("import", shared_data / "seeds/cs109b/imdb5000.csv.gz")
    assert said.code == 0, said.err
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        assert warehouse.scalar("SELECT count(*) FROM core.movies") == 4_919
        assert warehouse.scalar("SELECT count(*) FROM core.movies WHERE title LIKE '%\u00a0'") == 0
        assert warehouse.scalar("SELECT count(*) FROM ops.quarantine") == 124
