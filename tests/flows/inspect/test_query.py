"""`reelhouse sql`: what it answers, in which form, and what it refuses."""

import csv
import io
import json
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.flows.commandline import Run, runner
from tests.warehouse.places import ROOT
from tests.warehouse.refused_statements import QUERIES
from warehouse import Location, Warehouse


def genres(count: int) -> pa.Table:
    return pa.table({"movie_id": range(count), "source": ["tmdb"] * count, "genre": ["Drama"] * count})


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose last commit but one had 20 genres, and whose last has 40."""
    made = tmp_path_factory.mktemp("asked") / "home"
    with Warehouse.open(Location.under(made)) as warehouse:
        for count in (20, 40):
            warehouse.commit(lambda tx, n=count: tx.replace("core.movie_genres", genres(n), {}))
    with sqlite3.connect(made.parent / "other.sqlite") as other:
        other.execute("CREATE TABLE secrets AS SELECT 'secret' AS a")
    other.close()
    return made


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(home, monkeypatch, capfd)


def lake_files(home: Path) -> set[Path]:
    passing = (".sqlite-shm", ".sqlite-wal")
    return {p for p in home.parent.rglob("*") if ".spill" not in p.name and not p.name.endswith(passing)}


@pytest.mark.parametrize("query", QUERIES)
def test_what_may_not_or_cannot_be_done_is_one_line_and_changes_nothing(reelhouse: Run, home: Path, query):
    before = lake_files(home)
    result = reelhouse("sql", query.format(home=home) if "{home}" in query else query)
    assert result.code == 1
    assert result.out == ""
    assert QUERIES[query] in result.line
    assert lake_files(home) == before
    assert not Path("/etc/x").exists()


def test_files_are_read_where_that_is_asked_for(reelhouse: Run, home: Path):
    (home.parent / "mine.csv").write_text("movie_id,note\n7,good\n")
    query = f"FROM '{home.parent}/mine.csv' SEMI JOIN core.movie_genres USING (movie_id) SELECT note"
    assert reelhouse("sql", query).code == 1
    assert reelhouse("sql", query, "--files", "--format", "csv").out == "note\ngood\n"
    other = f"FROM sqlite_scan('{home.parent}/other.sqlite', 'secrets')"
    assert reelhouse("sql", other, "--files", "--format", "csv").code == 0
    refused = reelhouse("sql", f"COPY (SELECT 1) TO '{home.parent}/written.csv'", "--files")
    assert "COPY writes files" in refused.line
    assert not (home.parent / "written.csv").exists()


def test_several_statements_answer_with_the_last(reelhouse: Run):
    query = "CREATE TEMP TABLE mine AS FROM core.movie_genres; SELECT count(*) AS n FROM mine;"
    assert reelhouse("sql", query, "--format", "csv").out == "n\n40\n"


def test_each_of_several_queries_is_answered(reelhouse: Run):
    result = reelhouse("sql", "SELECT ';' AS a; CREATE TEMP TABLE mine AS SELECT 1; SELECT 2 AS b;; -- done")
    assert result.code == 0, result.err
    first, second = result.out.split("\n\n")
    assert (first.split()[0], second.split()[0]) == ("a", "b")
    pivot = "PIVOT (SELECT 1 AS n, 'x' AS k) ON k USING sum(n)"
    assert reelhouse("sql", pivot, "--format", "csv").out == "x\n1\n"


def test_of_several_queries_those_before_a_failing_one_are_answered(reelhouse: Run, home: Path):
    before = lake_files(home)
    result = reelhouse("sql", "SELECT 1 AS a; DROP TABLE core.movies")
    assert result.code == 1
    assert result.out.split()[0] == "a"
    assert "attached in read-only mode" in result.line
    assert lake_files(home) == before
    whole = reelhouse("sql", "SELECT 1 AS a; COPY (SELECT 1) TO 'x'")
    assert (whole.code, whole.out) == (1, "")


@pytest.mark.parametrize(
    "arguments", [("--format", "csv"), ("--format", "json"), ("-o", "x"), ("--format", "parquet", "-o", "x")]
)
def test_a_form_for_one_answer_refuses_several_queries(
    reelhouse: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments
):
    monkeypatch.chdir(tmp_path)
    result = reelhouse("sql", "SELECT 1 AS a; SELECT 2 AS b", *arguments)
    assert (result.code, result.out) == (2, "")
    assert "there are 2 queries" in result.line
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("form", ["csv", "json", "parquet", "table"])
def test_a_file_appears_whole_or_not_at_all(reelhouse: Run, tmp_path: Path, form):
    good, bad = tmp_path / "good", tmp_path / "bad"
    assert reelhouse("sql", "SELECT 1 AS a", "--format", form, "-o", good).out == ""
    assert good.stat().st_size
    failing = "SELECT CASE WHEN i < 90000 THEN i ELSE error('too far') END AS a FROM range(100000) t(i)"
    result = reelhouse("sql", failing, "--format", form, "-o", bad)
    if form != "table":  # which stops after 200 rows
        assert result.code == 1
        assert "too far" in result.line
        assert [path.name for path in tmp_path.iterdir()] == ["good"]


def test_every_type_has_its_form(reelhouse: Run):
    query = """SELECT 1::HUGEINT AS huge, 1.5::DECIMAL(9,2) AS dec, 'nan'::DOUBLE AS nan, true AS flag,
        DATE '2026-01-02' AS day, TIME '03:04:05' AS clock, TIMESTAMPTZ '2026-01-02 03:04:05Z' AS moment,
        INTERVAL 1 DAY AS span, uuid '00000000-0000-0000-0000-000000000001' AS uuid, 'x'::BLOB AS raw,
        [1, 2] AS list, {'a': DATE '2026-01-02'} AS made, MAP {'k': 0.5} AS map, NULL AS nothing,
        'He said "no", twice' AS text"""
    (row,) = json.loads(reelhouse("sql", query, "--format", "json").out)
    assert row["nan"] is None
    assert row["map"] == {"k": 0.5}
    assert row["made"] == {"a": "2026-01-02"}
    assert (row["day"], row["clock"], row["raw"]) == ("2026-01-02", "03:04:05", "78")
    assert row["moment"] == "2026-01-02T03:04:05+00:00"
    (cells,) = csv.DictReader(io.StringIO(reelhouse("sql", query, "--format", "csv").out))
    assert cells["text"] == 'He said "no", twice'
    assert cells["map"] == '{"k": 0.5}'
    assert cells["nothing"] == ""
    assert reelhouse("sql", query).code == 0


LATE = {
    "a conversion": (
        "CAST(CASE WHEN i = 700000 THEN 'x' ELSE '1' END AS INT)",
        "Could not convert string 'x'",
    ),
    "an error of the query's own": ("CASE WHEN i = 700000 THEN error('no luck') END", "no luck"),
    "an overflow": ("i + 9223372036854775807 - 700000", "Overflow in addition"),
}


@pytest.mark.parametrize("form", ["csv", "json", "parquet"])
@pytest.mark.parametrize("kind", LATE)
def test_a_query_that_fails_behind_its_first_rows_is_one_line(
    reelhouse: Run, tmp_path: Path, kind: str, form: str
):
    value, message = LATE[kind]
    into = ["--output", str(tmp_path / "rows")] if form == "parquet" else []
    query = f"SELECT {value} AS n FROM range(1000000) t(i)"  # noqa: S608 - ours
    result = reelhouse("sql", query, "--format", form, *into)
    assert result.code == 1
    # Of several threads of DuckDB's, one that was stopped for another's failure may be the one that tells.
    assert message in result.line or "the query failed, and DuckDB did not say why" in result.line
    assert not list(tmp_path.iterdir())


def test_a_title_cannot_command_the_terminal(reelhouse: Run):
    result = reelhouse("sql", "SELECT chr(27) || '[31mred' || chr(10) || chr(7) AS title")
    assert "\x1b" not in result.out
    assert "\x07" not in result.out
    assert "[31mred" in result.out


def test_a_query_that_needs_more_memory_than_it_may_take_is_one_line(reelhouse: Run):
    result = reelhouse("sql", "SELECT list(i) FROM range(100000000) t(i)", "--memory", "100MB")
    assert result.code == 1
    assert "needs more memory or temporary space than there is" in result.line
    assert reelhouse("sql", "SELECT 1", "--memory", "lots").code == 2


SMALL_DISK = """
set -e
mount -t tmpfs -o size=24m tmpfs "$1"
cp -r "$2/." "$1"
status=0; "$3" -m flows.cli sql "$4" --memory 100MB --format csv --home "$1" || status=$?
"$3" -m flows.cli sql "SELECT count(*) FROM core.movie_genres" --format json --home "$1"
find "$1" -name '.spill-*'
exit $status
"""


def test_what_a_query_spills_fills_no_disk_for_good(home: Path, tmp_path: Path):
    isolated = ["unshare", "--user", "--map-root-user", "--mount"]
    if subprocess.run([*isolated, "true"], check=False, capture_output=True).returncode:
        pytest.skip("this machine does not let a test mount a small disk of its own")
    (tmp_path / "small").mkdir()
    query = "SELECT range, hash(range) AS h, repeat('x', 100) AS t FROM range(5000000) ORDER BY h"
    ended = subprocess.run(
        [*isolated, "sh", "-c", SMALL_DISK, "sh", tmp_path / "small", home, sys.executable, query],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "needs more memory or temporary space than there is" in line
    assert "SET" not in line
    (count,) = json.loads(ended.stdout)  # and nothing is left of what it spilled
    assert list(count.values()) == [40]


@pytest.mark.parametrize(
    ("as_of", "code", "message"),
    [
        ("99999", 1, "has no snapshot 99999: it keeps 0 ("),
        ("1999-12-31", 1, "has no snapshot as of 1999-12-31 00:00:00 UTC: it keeps 0 ("),
        ("2999-01-01", 1, "2999-01-01 00:00:00 UTC is still to come"),
        ("last tuesday", 2, "not a snapshot or a time: 'last tuesday'"),
        ("-3", 2, "not a snapshot or a time: '-3'"),
        ("99999999999999999999", 2, "not a snapshot or a time"),
    ],
)
def test_a_moment_that_the_lake_does_not_have_is_one_line(reelhouse: Run, as_of, code, message):
    result = reelhouse("sql", "SELECT 1", "--as-of", as_of)
    assert result.code == code
    assert message in result.line


def test_the_lake_answers_as_it_was(reelhouse: Run, home: Path):
    def count(*options: str) -> str:
        return reelhouse(
            "sql", "SELECT count(*) AS n FROM core.movie_genres", "--format", "csv", *options
        ).out

    snapshots = "SELECT snapshot_id, snapshot_time::VARCHAR AS at FROM snapshots() ORDER BY snapshot_id"
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        before = warehouse.query(snapshots).to_pylist()[-2]
    assert count() == "n\n40\n"
    assert count("--as-of", "now") == "n\n40\n"
    assert count("--as-of", str(before["snapshot_id"])) == "n\n20\n"
    assert count("--as-of", before["at"]) == "n\n20\n"
    result = reelhouse("sql", "FROM core.movies", "--as-of", "0")
    assert result.code == 1
    assert "does not exist" in result.line


@pytest.mark.parametrize(
    "arguments",
    [
        ("SELECT 1", "--format", "xml"),
        ("SELECT 1", "--format", "parquet"),
        ("--output", "x.csv"),
    ],
)
def test_wrong_usage_is_told_before_anything_runs(reelhouse: Run, arguments):
    result = reelhouse("sql", *arguments)
    assert result.code == 2
    assert result.line.startswith("reelhouse sql: ")


def test_a_file_that_cannot_be_written_is_one_line(reelhouse: Run, tmp_path: Path):
    result = reelhouse("sql", "SELECT 1", "--format", "csv", "-o", tmp_path / "no" / "x.csv")
    assert result.code == 1
    assert "cannot write" in result.line


# --- in a process of its own


@pytest.mark.parametrize(
    ("query", "closed", "message"),
    [
        ((), "<&-", "standard input is closed: give the query as an argument"),
        (("SELECT 1",), ">&-", "standard output is closed: name a file with --output"),
    ],
)
def test_a_closed_stream_is_one_line(home: Path, query: tuple[str, ...], closed: str, message: str):
    command = [sys.executable, "-m", "flows.cli", "sql", *query, "--home", str(home)]
    done = subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"reelhouse: {message}\n")


def started(home: Path, query: str, *options: str, **streams: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "sql", query, *options],
        env={**os.environ, "REELHOUSE_HOME": str(home)},
        text=True,
        **streams,  # type: ignore[call-overload]
    )


ENDLESS = {
    "one that counts": "SELECT count(*) FROM range(1000000) a, range(90000000) b WHERE a.range * b.range = 3",
    "one whose rows are far between": "SELECT a.range FROM range(1000000) a, range(90000000) b "
    "WHERE a.range * b.range = 3 AND a.range > 5",
    "one that sorts": "SELECT i FROM range(100000000000) t(i) ORDER BY hash(i)",
}


@pytest.mark.slow
@pytest.mark.parametrize("query", ENDLESS.values(), ids=list(ENDLESS))
def test_ctrl_c_stops_an_endless_query_within_a_second_of_work(home: Path, query):
    process = started(home, query, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    spent = 0.0
    while spent < 3:  # seconds of its own work, so that it is past its start whatever else runs here
        time.sleep(0.1)
        spent = cpu_seconds(process.pid)
    before = children_seconds()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()
    assert (process.returncode, out, err) == (1, "", "reelhouse: the query was stopped\n")
    assert children_seconds() - before - spent < 3  # with what ends the process
    assert not list(home.glob(".spill-*"))


def children_seconds() -> float:
    """The processor time of the processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@pytest.mark.slow
def test_ten_million_rows_pass_through_bounded_memory(home: Path, tmp_path: Path):
    query = "SELECT i, 'Movie ' || i AS title FROM range({}) t(i)"

    def peak(rows: int, form: str) -> int:
        code = (
            "import resource, subprocess, sys\n"
            "subprocess.run(sys.argv[1:], check=True)\n"
            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        )
        command = [sys.executable, "-m", "flows.cli", "sql", query.format(rows), "--format", form]
        done = subprocess.run(
            [sys.executable, "-c", code, *command, "-o", str(tmp_path / form)],
            env={**os.environ, "REELHOUSE_HOME": str(home)},
            capture_output=True,
            text=True,
            check=True,
        )
        return int(done.stdout)

    small = peak(1, "csv")
    for form in ("csv", "json", "parquet", "table"):
        assert peak(10_000_000, form) < small + 100_000, form
    with (tmp_path / "csv").open() as lines:
        assert sum(1 for _ in lines) == 10_000_001
    with (tmp_path / "json").open() as lines:
        assert sum(1 for line in lines if line.lstrip().startswith("{")) == 10_000_000
    assert pq.ParquetFile(tmp_path / "parquet").metadata.num_rows == 10_000_000
    table = (tmp_path / "table").read_text()
    assert re.search(r"Movie 199\b", table)
    assert "(first 200 rows; --format csv writes them all)" in table
