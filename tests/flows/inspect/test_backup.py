"""`reelhouse export`, `backup`, `restore`, `diff` and `quarantine`, as a person types them."""

import json
import os
import random
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tests.flows.commandline import Run, runner
from tests.warehouse.places import ROOT
from tests.warehouse.restore_killed import KILLED
from warehouse import Location, Warehouse

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def movie(number: int, title: str) -> dict[str, object]:
    return {
        "movie_id": number,
        "title": title,
        "split_key": f"tt{number:07d}",
        "bucket": 5,
        "row_hash": title,
        "event_time": NOON,
        "known_time": NOON,
    }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a model, a poster, two movies, of which one changed, and four rows in quarantine."""
    home = tmp_path_factory.mktemp("kept") / "home"
    with Warehouse.open(Location.under(home)) as warehouse:
        for titles in (["Old", "Same"], ["New", "Same"]):
            rows = pa.Table.from_pylist([movie(n, title) for n, title in enumerate(titles, start=1)])
            warehouse.commit(lambda tx, rows=rows: tx.replace_keys("core.movies", rows, ["movie_id"]))

        def dirty(tx):
            batch = tx.batch(None, "imdb", "title.ratings", "GET title.ratings.tsv.gz")
            rows = {"tconst": ["tt1", "tt0000002"], "average_rating": [7.5, 70.0], "num_votes": [10, 20]}
            constants = {"source": "imdb", "fetched_at": NOON, "batch_id": batch}
            tx.append("raw.imdb_title_ratings", pa.table(rows), constants=constants)
            tx.quarantine(
                "tmdb", "core.movies", set_aside('{"id": 5, "imdb_id": "x"}', "imdb_id is odd"), batch
            )
            tx.quarantine("tmdb", "raw.tmdb_movies", set_aside('{"id": 9}', "it is about another id"), batch)

        warehouse.commit(dirty)
    for name in ("models/tmdb/text/v1/model.json", "posters/ab/abcd.jpg"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(name)
    return home


def set_aside(original: str, reason: str) -> pa.Table:
    return pa.table({"original": [original], "reason": [reason]})


@pytest.fixture
def home(filled: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(filled, tmp_path / "home"))


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(home, monkeypatch, capfd)


def test_an_export_is_one_duckdb_file_or_a_directory_of_parquet(reelhouse: Run, tmp_path: Path):
    file = tmp_path / "all.duckdb"
    result = reelhouse("export", file, "--json")
    assert result.code == 0, result.err
    assert json.loads(result.out)["rows"]["core.movies"] == 2
    with duckdb.connect(str(file), read_only=True) as plain:
        assert plain.execute("SELECT list(title ORDER BY movie_id) FROM core.movies").fetchone() == (
            ["New", "Same"],
        )
    assert reelhouse("export", tmp_path / "out", "core.movies").code == 0
    assert [path.name for path in (tmp_path / "out").rglob("*.*")] == ["movies.parquet"]


def test_an_export_that_cannot_be_is_one_line(reelhouse: Run, home: Path, tmp_path: Path):
    (tmp_path / "there.duckdb").touch()
    (tmp_path / "file").touch()
    for output, code, message in (
        (tmp_path / "there.duckdb", 1, "exists: name another file"),
        (tmp_path / "file", 1, "is a file: name a directory"),
        (home / "lake" / "mine", 1, "lies among the warehouse's own files"),
        (home, 1, "holds a warehouse or a backup"),
    ):
        result = reelhouse("export", output)
        assert (result.code, result.out) == (code, "")
        assert message in result.line
    result = reelhouse("export", tmp_path / "out", "core.nothing")
    assert "no table or view core.nothing" in result.line


def test_a_backup_is_noted_in_the_lake(reelhouse: Run, tmp_path: Path):
    made = json.loads(reelhouse("backup", tmp_path / "kept", "--json").out)
    values = "state, parameters->>'snapshot_id', parameters->>'directory'"
    query = f"SELECT {values} FROM ops.runs WHERE flow = 'backup'"  # noqa: S608
    noted = reelhouse("sql", query, "--format", "csv").out.splitlines()[1]
    assert noted == f"completed,{made['snapshot_id']},{tmp_path / 'kept'}"


def test_a_backup_restores_to_the_same_answers_models_and_posters(reelhouse: Run, home: Path, tmp_path: Path):
    query = ("sql", "FROM core.movies ORDER BY movie_id", "--format", "csv")
    before = reelhouse(*query).out
    first = json.loads(reelhouse("backup", tmp_path / "kept", "--json").out)
    assert first["files_copied"] > 0
    assert first["other_files_copied"] == 2
    again = json.loads(reelhouse("backup", tmp_path / "kept", "--json").out)
    assert again["files_copied"] <= 2  # the note of the backup before
    assert again["other_files_copied"] == 0
    result = reelhouse("restore", tmp_path / "kept")
    assert result.code == 1
    assert "there is a warehouse at" in result.line
    shutil.rmtree(home)
    result = reelhouse("restore", tmp_path / "kept")
    assert result.code == 0, result.err
    assert reelhouse(*query).out == before
    assert (home / "posters/ab/abcd.jpg").read_text() == "posters/ab/abcd.jpg"
    assert (home / "models/tmdb/text/v1/model.json").exists()


def test_a_backup_has_the_latest_of_what_was_learnt_again(reelhouse: Run, home: Path, tmp_path: Path):
    taste, kept = home / "encoders" / "taste.safetensors", tmp_path / "kept"
    taste.parent.mkdir()
    for content in ("learnt", "better"):  # of one size
        taste.write_text(content)
        assert reelhouse("backup", kept).code == 0
        assert (kept / "encoders" / "taste.safetensors").read_text() == content
    shutil.rmtree(home)
    assert reelhouse("restore", kept).code == 0
    assert taste.read_text() == "better"


def test_a_backup_that_cannot_be_is_one_line(reelhouse: Run, home: Path, tmp_path: Path):
    (tmp_path / "file").touch()
    assert "is a file" in reelhouse("backup", tmp_path / "file").line
    inside = reelhouse("backup", home / "kept")
    assert (inside.code, "lies in the home itself" in inside.line) == (1, True)
    nowhere = reelhouse("backup", tmp_path / "file" / "kept")
    assert nowhere.line.endswith("Not a directory; choose another place")
    assert "no backup in" in reelhouse("restore", tmp_path, "--home", tmp_path / "other").line


@pytest.mark.slow
def test_a_restore_that_was_killed_is_repeated(reelhouse: Run, home: Path, tmp_path: Path):
    query = ("sql", "FROM core.movies ORDER BY movie_id", "--format", "csv")
    before = reelhouse(*query).out
    assert reelhouse("backup", tmp_path / "kept").code == 0
    shutil.rmtree(home)
    for moment in ("1", "4", "catalogue"):
        command = [sys.executable, "-m", "tests.warehouse.restore_killed", tmp_path / "kept", home, moment]
        assert subprocess.run(command, cwd=ROOT, check=False).returncode == KILLED
        result = reelhouse("sql", "FROM core.movies")
        assert result.code == 1, "half a home is no warehouse"
    result = reelhouse("restore", tmp_path / "kept")
    assert result.code == 0, result.err
    assert reelhouse(*query).out == before
    assert (home / "posters/ab/abcd.jpg").read_text() == "posters/ab/abcd.jpg"
    assert not [path for path in (home / "lake").rglob("*") if path.suffix == ".part"]
    assert "there is a warehouse at" in reelhouse("restore", tmp_path / "kept").line


def test_what_a_backup_has_beside_the_lake_is_checked_before_a_byte_is_written(
    reelhouse: Run, home: Path, tmp_path: Path
):
    kept, other = tmp_path / "kept", tmp_path / "other"
    assert reelhouse("backup", kept).code == 0
    poster = kept / "posters/ab/abcd.jpg"
    poster.unlink()
    poster.symlink_to("/etc/hostname")
    result = reelhouse("restore", kept, "--home", other)
    assert (result.code, other.exists()) == (1, False)
    assert "abcd.jpg' is no regular file" in result.line
    poster.unlink()
    os.mkfifo(poster)
    assert "is no regular file" in reelhouse("restore", kept, "--home", other).line
    shutil.rmtree(kept / "posters")
    (kept / "posters").symlink_to(home / "posters")
    assert "posters is no directory" in reelhouse("restore", kept, "--home", other).line
    assert not other.exists()


def test_a_directory_of_something_else_is_no_home_to_restore_to(reelhouse: Run, tmp_path: Path):
    assert reelhouse("backup", tmp_path / "kept").code == 0
    mine = tmp_path / "project" / "models" / "mine.bin"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    result = reelhouse("restore", tmp_path / "kept", "--home", tmp_path / "project")
    assert result.code == 1
    assert "models is not of a warehouse" in result.line
    assert [path.name for path in (tmp_path / "project").rglob("*")] == ["models", "mine.bin"]


def test_data_files_of_another_warehouse_are_not_restored_over(reelhouse: Run, home: Path, tmp_path: Path):
    assert reelhouse("backup", tmp_path / "kept").code == 0
    (home / "catalog.sqlite").unlink()
    (home / "lake" / "core" / "ducklake-1-later.parquet").write_text("of a snapshot after the backup")
    result = reelhouse("restore", tmp_path / "kept")
    assert result.code == 1
    assert "data files in" in result.line
    assert "such as core/ducklake-1-later.parquet" in result.line
    for file in (home / "lake").rglob("*.parquet"):
        if not (tmp_path / "kept" / file.relative_to(home)).exists():
            file.unlink()
    assert reelhouse("restore", tmp_path / "kept").code == 0


LIMITED = """
import resource, sys
from flows.cli import main
most = int(sys.argv.pop(1))
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
main()
"""


@pytest.mark.parametrize(
    ("command", "target", "most"),
    [
        ("backup", "full", 100_000),
        # These read a copy of the catalogue, which must still fit.
        ("export", "full.duckdb", 3_000_000),
        ("export", "full", 3_000_000),
        ("sql", "full", 3_000_000),
    ],
)
def test_a_target_that_takes_no_more_is_named_and_left_without_a_part(
    home: Path, tmp_path: Path, command: str, target: str, most: int
):
    if command == "export":
        rows = pa.table(
            {"movie_id": range(400_000), "source": ["tmdb"] * 400_000, "genre": random_words(400_000)}
        )
        with Warehouse.open(Location.under(home)) as warehouse:
            warehouse.commit(lambda tx: tx.append("core.movie_genres", rows))
    options = {"sql": ["--format", "csv", "--output"]}.get(command, [])
    query = ["SELECT range FROM range(1000000)"] * (command == "sql")
    arguments = [command, *query, *options, tmp_path / target, "--home", home]
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, str(most), *arguments],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ended.returncode == 1
    (line,) = [line for line in ended.stderr.splitlines() if line.startswith("reelhouse: ")]
    assert f"cannot write {tmp_path / target}" in line
    assert str(home) not in line
    assert not [path for path in tmp_path.rglob("*.part*") if not path.is_relative_to(home)]


def random_words(count: int) -> list[str]:
    """Return words that Parquet cannot make smaller."""
    generator = random.Random(7)  # noqa: S311 - nothing secret
    return [f"{generator.getrandbits(64):x}" for _ in range(count)]


def test_a_backup_to_no_place_for_files_names_that_place(reelhouse: Run):
    result = reelhouse("backup", "/proc/reelhouse")
    assert result.code == 1
    assert "cannot write /proc/reelhouse" in result.line
    assert "REELHOUSE_HOME" not in result.line


def test_what_changed_is_told_for_people_and_for_scripts(reelhouse: Run, home: Path):
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        numbers = warehouse.query("SELECT snapshot_id FROM snapshots() ORDER BY 1")["snapshot_id"].to_pylist()
    earlier, later = str(numbers[-3]), str(numbers[-2])
    result = reelhouse("diff", earlier, later)
    assert result.code == 0, result.err
    assert "movies: 0 added, 1 changed, 0 deleted" in result.out
    assert "New: title: Old → New" in result.out
    found = json.loads(reelhouse("diff", earlier, later, "--json").out)
    assert found["fields"] == [
        {"movie_id": 1, "title": "New", "field": "title", "before": "Old", "after": "New"}
    ]
    assert (found["earlier"]["snapshot_id"], found["later"]["snapshot_id"]) == (int(earlier), int(later))
    assert "nothing changed" in reelhouse("diff", later, later).out


def test_a_comparison_that_cannot_be_is_one_line(reelhouse: Run):
    assert "give the earlier one first" in reelhouse("diff", "3", "2").line
    assert "has no snapshot as of" in reelhouse("diff", "yesterday").line
    assert "is from before the tables were made" in reelhouse("diff", "0").line
    result = reelhouse("diff", "tuesday")
    assert result.code == 2
    assert "not a snapshot or a time" in result.line


def test_the_quarantine_is_counted_and_shown(reelhouse: Run):
    listed = json.loads(reelhouse("quarantine", "list", "--json").out)
    assert {(row["table_name"], row["reason"]): row["rows"] for row in listed} == {
        ("raw.imdb_title_ratings", "tconst does not look like tt\\d{7,10}"): 1,
        ("raw.imdb_title_ratings", "average_rating is above 10"): 1,
        ("core.movies", "imdb_id is odd"): 1,
        ("raw.tmdb_movies", "it is about another id"): 1,
    }
    assert "1  raw.imdb_title_ratings  average_rating is above 10" in reelhouse("quarantine", "list").out
    (row,) = json.loads(reelhouse("quarantine", "show", "--reason", "above 10", "--json").out)
    assert json.loads(row["original"])["average_rating"] == 70.0
    result = reelhouse("quarantine", "show", str(row["id"]))
    assert "tt0000002" in result.out
    assert "row 999999999 is not in quarantine" in reelhouse("quarantine", "show", "999999999").line
    assert reelhouse("quarantine").code == 2


def test_a_replay_lands_what_is_good_now_and_leaves_the_rest(
    reelhouse: Run, home: Path, monkeypatch: pytest.MonkeyPatch
):
    result = reelhouse("quarantine", "replay", "--json")
    assert result.code == 0, result.err
    counts = json.loads(result.out)["steps"]["replay"]
    assert (counts["landed"], counts["set_aside_again"], counts["not_replayable"]) == (0, 2, 2)
    with Warehouse.open(Location.under(home)) as warehouse:  # the fix: the rating is out of 100 after all
        better = "SET original = replace(original, '70.0', '7.0') WHERE contains(reason, 'above 10')"
        warehouse.commit(lambda tx: tx.execute(f"UPDATE ops.quarantine {better}"))
        fetched = {"source_id": ["9"], "source": ["tmdb"], "status": [200], "checked_at": [warehouse.clock()]}
        warehouse.commit(lambda tx: tx.append("ops.source_state", pa.table(fetched)))
    counts = json.loads(reelhouse("quarantine", "replay", "--json").out)["steps"]["replay"]
    assert (counts["landed"], counts["settled"], counts["set_aside_again"]) == (1, 1, 1)
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        (row,) = warehouse.query("FROM raw.imdb_title_ratings").to_pylist()
        assert (row["tconst"], row["average_rating"], row["deleted"]) == ("tt0000002", 7.0, False)
        assert row["request"] == "GET title.ratings.tsv.gz"
        assert warehouse.scalar("SELECT count(*) FROM ops.quarantine") == 2


def test_a_row_whose_key_has_arrived_since_stays_in_quarantine(reelhouse: Run, home: Path):
    with Warehouse.open(Location.under(home)) as warehouse:
        batch = warehouse.commit(lambda tx: tx.batch(None, "imdb", "title.ratings"))
        good = pa.table({"tconst": ["tt0000003"], "average_rating": [5.0], "deleted": [False]})
        constants = {"source": "imdb", "fetched_at": NOON, "batch_id": batch}
        warehouse.commit(lambda tx: tx.append("raw.imdb_title_ratings", good, constants=constants))
        again = set_aside('{"tconst": "tt0000003", "average_rating": 4.0}', "repeats an earlier row's tconst")
        warehouse.commit(lambda tx: tx.quarantine("imdb", "raw.imdb_title_ratings", again, batch))
    counts = json.loads(reelhouse("quarantine", "replay", "--reason", "repeats", "--json").out)["steps"][
        "replay"
    ]
    assert (counts["landed"], counts["set_aside_again"]) == (0, 1)
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        rating = "SELECT average_rating FROM raw.imdb_title_ratings WHERE tconst = 'tt0000003'"
        assert warehouse.query(rating)["average_rating"].to_pylist() == [5.0]
