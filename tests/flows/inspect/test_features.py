"""The feature store on the command line: what it holds, what a build would do, and what may be dropped."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features import build_view
from features.metadata import Metadata
from features.tags import Tags
from tests.features.conftest import TIME, Core
from tests.flows.commandline import Run, runner
from warehouse import Location, Warehouse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with twelve movies: six with the tag `heist`, all of them Crime, and six with `island`."""
    directory = tmp_path / "home"
    with Warehouse.open(Location.under(directory)) as warehouse:
        core = Core(warehouse)
        core.movies(*({"movie_id": number, "title": f"Movie {number}"} for number in range(1, 13)))
        for number in range(1, 13):
            crime = number <= 6
            core.rows("movie_tags", number, {"tag": "heist" if crime else "island", "n_users": 2})
            core.rows("movie_genres", number, {"source": "movielens", "genre": "Crime" if crime else "Drama"})
        build_view(warehouse, Tags())
    return directory


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(home, monkeypatch, capfd)


def in_lake(home: Path, work: Callable[[Warehouse], Any]) -> Any:
    with Warehouse.open(Location.under(home)) as warehouse:
        return work(warehouse)


def register_model(home: Path) -> None:
    """A champion that was trained on the tags as they are."""
    row = {
        "label_set": "movielens", "model": "tags", "model_version": "abc123", "stage": "champion",
        "reason": "the first", "code_version": "1", "snapshot_id": 1, "seed": 1, "run_id": "r",
        "views": json.dumps({"tags": Tags().version}), "split": "{}", "metrics": "{}", "thresholds": "{}",
        "artefact_path": "x", "artefact_sha256": "0",
    }  # fmt: skip

    def work(warehouse: Warehouse) -> None:
        table = pa.Table.from_pylist([row])
        table = table.append_column("created_at", pa.array([warehouse.clock()], TIME))
        warehouse.commit(lambda tx: tx.append("ops.models", table))

    in_lake(home, work)


def test_a_plan_counts_what_would_be_computed_and_writes_nothing(home: Path, reelhouse: Run) -> None:
    before = in_lake(home, lambda warehouse: warehouse.snapshot_id)
    told = json.loads(reelhouse("features", "build", "tags", "metadata", "--plan", "--json").out)
    assert told["tags"] == {"version": Tags().version, "to_compute": 0, "to_remove": 0, "fresh": 12}
    assert told["metadata"]["fresh"] == 0  # never built, and its table is not there yet
    assert in_lake(home, lambda warehouse: warehouse.snapshot_id) == before

    in_lake(home, lambda warehouse: Core(warehouse).rows("movie_tags", 1, {"tag": "vault", "n_users": 1}))
    assert "computes 1 movies; 11 are fresh" in reelhouse("features", "--plan", "tags").out


def test_another_definition_is_shown_with_what_it_would_recompute(
    reelhouse: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "coverage     12 of 12 movies (100.0%)" in reelhouse("features", "show", "tags").out
    old = Tags().version
    monkeypatch.setattr(Tags, "revision", Tags.revision + 1)
    said = reelhouse("features", "show", "tags").out
    assert "computes 12 movies; 0 are fresh" in said
    assert f"new version  {old} differs in revision; its 12 rows" in said


def test_a_version_that_a_model_was_trained_on_is_dropped_by_force_only(home: Path, reelhouse: Run) -> None:
    register_model(home)
    (listed,) = json.loads(reelhouse("features", "list", "--json").out)
    assert (listed["version"], listed["state"], listed["rows"]) == (Tags().version, "current", 12)
    assert listed["models"] == ["movielens tags abc123 (champion)"]

    reelhouse("features", "metadata")
    unknown = reelhouse("features", "drop", "tags", "000").line
    assert unknown.endswith(f"no version 000 of the view tags: there are {Tags().version}")

    refused = reelhouse("features", "drop", "tags", Tags().version)
    assert (refused.code, refused.out) == (1, "")
    assert "movielens tags abc123 (champion)" in refused.line
    dropped = reelhouse("features", "drop", "tags", Tags().version, "--force")
    assert dropped.code == 0
    assert "12 rows" in dropped.out
    listed = json.loads(reelhouse("features", "list", "--json").out)
    assert {row["view"]: row["state"] for row in listed} == {"metadata": "current", "tags": "dropped"}
    (line,) = reelhouse("features", "drop", "tags", "000").err.splitlines()
    assert line.endswith("no version 000 of the view tags: none was built, or all were dropped")


def test_tags_are_listed_by_how_well_they_give_a_genre_away(reelhouse: Run) -> None:
    rows = json.loads(reelhouse("features", "audit", "--json").out)
    assert {(row["tag"], row["genre"]) for row in rows} == {("heist", "Crime"), ("island", "Drama")}
    assert all(row["precision"] == 1.0 for row in rows)
    assert "run `reelhouse nightly`" in reelhouse("features", "audit", "--source", "imdb").line


def test_a_dataset_is_written_and_made_again_from_its_manifest(
    home: Path, tmp_path: Path, reelhouse: Run
) -> None:
    out, again = tmp_path / "train.parquet", tmp_path / "again.parquet"
    query = "SELECT movie_id FROM core.movies WHERE movie_id <= 8 ORDER BY movie_id DESC"
    for _ in range(2):  # the second replaces the first
        result = reelhouse(
            "features", "dataset", "tags", "--sql", query, "--label-set", "movielens", "--out", out
        )
        assert result.code == 0, result.err
    assert "8 rows" in result.out
    table = pq.read_table(out)
    assert table.column_names == [
        "movie_id",
        "bucket",
        "genres",
        "tags__present",
        "tags__tags",
        "tags__weights",
    ]
    assert table["movie_id"].to_pylist() == list(range(8, 0, -1))
    assert table["genres"].to_pylist()[0] == ["Drama"]

    def change(warehouse: Warehouse) -> None:
        Core(warehouse).rows("movie_tags", 1, {"tag": "robot", "n_users": 2})
        Core(warehouse).rows("movie_genres", 1, {"source": "movielens", "genre": "War"})
        build_view(warehouse, Tags())

    in_lake(home, change)
    manifest = tmp_path / "train.parquet.manifest.json"
    assert reelhouse("features", "dataset", "--manifest", manifest, "--out", again).code == 0
    assert pq.read_table(again).equals(table)

    assert reelhouse("features", "drop", "tags", Tags().version).code == 0
    lost = reelhouse("features", "dataset", "--manifest", manifest, "--out", again)
    assert (lost.code, "history removed" in lost.line) == (1, True)


def test_a_dataset_that_cannot_be_made_says_why_in_a_line(reelhouse: Run) -> None:
    for arguments, code, message in (
        ((), 2, "--out FILE.parquet"),
        (("--out", "x", "--ids", "1", "--sql", "SELECT 1"), 2, "one of --ids"),
        (("--out", "x", "--ids", "tt1"), 2, "separated by commas"),
        (("--out", "x", "--ids", "9" * 19), 2, "separated by commas"),
        (("--out", "x", "--sql", "SELECT 1; SELECT 2"), 2, "takes one query"),
        (("--out", "/nowhere/x", "--sql", "SELECT nothing"), 1, "nothing"),
        (("--out", "/nowhere/x", "--sql", "SELECT 1 AS one", "--label-set", "tmdb"), 1, "needs the column"),
        (("--out", "x", "--manifest", "missing.manifest.json"), 1, "no manifest"),
        (("text", "--out", "x"), 1, "reelhouse features text"),
        (("--out", "/nowhere/x", "--ids", "1"), 1, "cannot write /nowhere/x"),
    ):
        said = reelhouse("features", "dataset", *arguments)
        assert said.code == code
        assert message in said.line


def test_a_dataset_explains_its_sql(reelhouse: Run) -> None:
    said = reelhouse("features", "dataset", "tags", "--explain")
    assert said.code == 0
    assert "known_time <= as_of" in said.out
    assert f"-- tags, $version = '{Tags().version}'" in said.out


def test_a_movies_row_says_whose_word_each_value_is(home: Path, reelhouse: Run) -> None:
    def film(warehouse: Warehouse) -> None:
        core = Core(warehouse)
        sources = json.dumps({"year": "imdb", "budget_usd": "tmdb"})
        core.movies({"movie_id": 50, "title": "One", "year": 1999, "budget_usd": 10**6, "sources": sources})
        core.rows("movie_people", 50, {"source": "imdb", "person_id": "nm1", "job": "director"})
        build_view(warehouse, Metadata(), movies=pa.array([50]))

    in_lake(home, film)
    said = reelhouse("features", "show", "metadata", "--movie", "50")
    lines = {line.split()[0]: line for line in said.out.splitlines()[2:]}
    assert lines["year"].split() == ["year", "1999", "(imdb)"]
    assert lines["log_budget"].endswith("(tmdb from budget_usd 1000000)")
    assert lines["decade"].endswith("(imdb from year 1999)")
    assert lines["n_directors"].endswith("1  (imdb)")
    assert lines["popularity"].split() == ["popularity"]
    (row,) = [each for each in json.loads(
        reelhouse("features", "show", "metadata", "--movie", "50", "--json").out
    )["values"] if each["column"] == "log_budget"]  # fmt: skip
    assert (row["core"], row["given"], row["source"]) == ("budget_usd", 10**6, "tmdb")
    assert "has no metadata" in reelhouse("features", "show", "metadata", "--movie", "1").line
