"""The registry, explanations and suspects on the command line."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import flows
from connectors.mirror import SyntheticCatalogue, serve
from tests.flows.conftest import MOVIES, Reelhouse
from tests.flows.lake import row, scalar

ROOT = Path(flows.__file__).parents[1]
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("models", "list", "--label-set", "netflix"), "unknown label set 'netflix'"),
        (("models", "rollback", "oracle"), "unknown model 'oracle'"),
        (("explain", "Heat", "--genre", "Sushi"), "unknown genre 'Sushi'"),
    ],
)
def test_names_that_there_are_not_are_wrong_usage(reelhouse: Reelhouse, arguments, said):
    result = reelhouse(*arguments)
    assert (result.returncode, result.stdout) == (2, "")
    assert said in result.stderr


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home after one night."""
    directory = tmp_path_factory.mktemp("registry") / "home"
    with serve(SyntheticCatalogue(movies=MOVIES, seed=11)) as running:
        run = command(directory, **running.env())
        assert run("nightly", "--local").returncode == 0
    return directory


def command(home: Path, **environment: str) -> Command:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELHOUSE_")}
    extra = {
        "REELHOUSE_HOME": str(home),
        "REELHOUSE_CONFIG": os.devnull,
        "REELHOUSE_LABEL_SETS": "movielens",
    }

    def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            env={**kept, **environment, **extra}, capture_output=True, text=True, check=False,
        )  # fmt: skip

    return run


@pytest.fixture
def run(home: Path) -> Iterator[Command]:
    yield command(home)


def said(result: "subprocess.CompletedProcess[str]"):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.slow
def test_the_registry_lists_and_shows_what_a_night_trained(run: Command):
    rows = said(run("models", "list", "--json"))
    assert {entry["model"] for entry in rows} == {"metadata", "tags", "text", "poster", "combined"}
    champion = next(entry for entry in rows if entry["model"] == "combined")
    assert champion["stage"] == "champion"
    shown = said(run("models", "show", "combined", "--json"))
    assert shown["model_version"] == champion["model_version"]
    assert set(shown["views"]) == {"metadata", "tags", "text", "words", "poster"}
    text = run("models", "show", "tags").stdout
    assert "Drama" in text
    assert "learnt from" in text
    curve = said(run("models", "show", "tags", "--json"))["metrics"]["curve"]
    assert [point["epoch"] for point in curve] == list(range(1, len(curve) + 1))


@pytest.mark.slow
def test_comparing_a_champion_with_itself_finds_no_difference(run: Command):
    version = next(e["model_version"] for e in said(run("models", "list", "--json")) if e["model"] == "tags")
    found = said(run("models", "compare", "tags", version, "--json"))
    assert (found["difference"], found["stage"]) == (0, "champion")


@pytest.mark.slow
def test_a_version_of_a_view_that_is_not_built_any_more_is_not_promoted(home: Path, run: Command):
    entry = next(e for e in said(run("models", "list", "--json")) if e["model"] == "poster")
    elsewhere = command(home, REELHOUSE_POSTER_ENCODER=str(ROOT / "features"))
    result = elsewhere("models", "promote", "poster", entry["model_version"])
    assert result.returncode == 1
    assert "was trained on another version of the view poster: train again" in result.stderr
    again = run("promote", "poster", entry["model_version"])
    assert "is champion" in again.stdout


@pytest.mark.slow
def test_rolling_back_the_first_model_says_that_there_is_none_before(run: Command):
    result = run("models", "rollback", "tags")
    assert result.returncode == 1
    assert "no earlier champion is registered" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.slow
def test_a_movie_is_explained_by_id_and_by_title_and_kept_for_sql(home: Path, run: Command):
    movie_id, title, year = row(
        home,
        "SELECT movie_id, title, year FROM core.movies SEMI JOIN features.text USING (movie_id) "
        "SEMI JOIN features.tags USING (movie_id) WHERE year IS NOT NULL ORDER BY movie_id LIMIT 1",
    )
    pieces = said(run("explain", str(movie_id), "--json", "--top", "3"))["pieces"]
    assert {"tags", "text", "combined"} <= {piece["model"] for piece in pieces}
    assert any(piece["piece"] == "words" for piece in pieces)
    assert scalar(home, "SELECT any_value(movie_id) FROM predictions.explanations") == movie_id
    told = run("explain", f"{title} ({year})")
    assert told.returncode == 0, told.stderr
    assert f"movie {movie_id}" in told.stdout
    lost = run("explain", "No Such Film At All")
    assert lost.returncode == 1
    assert "no movie 'No Such Film At All'" in lost.stderr


@pytest.mark.slow
def test_suspects_are_listed_the_most_doubtful_first(home: Path, run: Command):
    rows = said(run("suspects", "--limit", "8", "--json"))
    assert len(rows) == 8
    doubt = [r["probability"] if r["kind"] == "missing" else 1 - r["probability"] for r in rows]
    assert doubt == sorted(doubt, reverse=True)
    assert scalar(home, "SELECT count(*) FROM predictions.suspects") >= 8
