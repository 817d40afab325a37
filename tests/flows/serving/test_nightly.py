"""Whole nights against a real mirror: what is fetched, encoded, trained and scored, and what is not again."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.mirror import Mirror
from flows.engine.step import UPKEEP, StepResult
from tests.flows.conftest import MOVIES, Reelhouse
from tests.flows.lake import content, row, scalar


def steps(result: "subprocess.CompletedProcess[str]") -> dict[str, dict[str, int]]:
    """The counts of each step that a run printed as JSON."""
    assert result.returncode == 0, result.stderr
    found: dict[str, dict[str, int]] = json.loads(result.stdout)["steps"]
    return found


def movie_requests(mirror: Mirror) -> int:
    """How many movies were asked of the mirror since its log was cleared."""
    return sum(count for kind, count in mirror.log()["counts"].items() if kind == "GET details")


UNSCORED = """
SELECT count(*) FROM core.movies WHERE deleted_at IS NULL AND movie_id NOT IN (
    SELECT movie_id FROM predictions.current WHERE model = 'combined' AND label_set = 'movielens')
"""


def test_three_nights_fetch_encode_train_and_score_only_what_is_new(
    reelhouse: Reelhouse, mirror: Mirror, tmp_path: Path
):
    home = tmp_path / "home"
    first = steps(reelhouse("nightly", "--json"))
    assert first["ingest tmdb movies"]["fetched"] == len(mirror.app.catalogue.ids())
    assert first["train movielens"]["trained"] == 5
    assert first["features text"]["computed"] > MOVIES / 2
    assert first["score movielens"]["scored"] > MOVIES
    assert scalar(home, UNSCORED) == 0

    mirror.clear_log()
    second = reelhouse("nightly", "--json")
    assert "nothing to do: nothing fetched, encoded, trained or scored" in second.stderr
    assert movie_requests(mirror) == 0
    for name, counts in steps(second).items():
        if name == UPKEEP:  # it tidies up the night's own records
            continue
        assert StepResult("", {key: n for key, n in counts.items() if key != "note"}).did_nothing, name

    before = set(mirror.app.catalogue.ids())
    mirror.advance(1)
    mirror.clear_log()
    today = mirror.app.catalogue.today()
    changed = set(mirror.app.catalogue.changed(today, today)) | (before - set(mirror.app.catalogue.ids()))
    third = steps(reelhouse("nightly", "--json"))
    assert third["ingest tmdb movies"]["fetched"] == len(changed) == movie_requests(mirror)
    assert 0 < third["features text"]["computed"] <= len(changed)
    assert 0 < third["features metadata"]["computed"] < MOVIES
    assert "trained" not in third["train movielens"]
    assert 0 < third["score movielens"]["scored"] < first["score movielens"]["scored"] / 2


CONSISTENT = """
SELECT count(*), count(DISTINCT movie_id),
       (SELECT count(*) FROM core.movie_genres WHERE movie_id NOT IN (SELECT movie_id FROM core.movies))
FROM core.movies
"""


@pytest.mark.slow
def test_queries_answer_while_a_night_is_written(reelhouse: Reelhouse, environment, tmp_path: Path):
    home = tmp_path / "home"
    assert reelhouse("ingest", "movielens").returncode == 0
    night = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "nightly", "--local"],
        env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    answers = 0
    while night.poll() is None:
        movies, keys, orphans = row(home, CONSISTENT)
        assert keys == movies
        assert orphans == 0
        answers += 1
        if answers == 3:
            asked = reelhouse("sql", "SELECT count(*) AS n FROM core.movies", "--format", "csv")
            assert asked.returncode == 0, asked.stderr
            assert asked.stdout.startswith("n\n")
    _, errors = night.communicate()
    assert night.returncode == 0, errors
    assert answers > 3


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> dict:
    """What the same catalogue ends in when nobody interferes."""
    import os

    from connectors.mirror import SyntheticCatalogue, serve

    home = tmp_path_factory.mktemp("undisturbed")
    with serve(SyntheticCatalogue(movies=MOVIES, seed=11)) as running:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("REELHOUSE_")}
        extra = {
            "REELHOUSE_HOME": str(home),
            "REELHOUSE_CONFIG": os.devnull,
            "REELHOUSE_LABEL_SETS": "movielens",
        }
        result = subprocess.run(
            [sys.executable, "-m", "flows.cli", "nightly", "--local"],
            env={**kept, **running.env(), **extra}, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert result.returncode == 0, result.stderr
    return content(home)


def interrupt(environment, directory: Path, mirror: Mirror, after: str, how: signal.Signals) -> str:
    """Start a night and end it by a signal after a line of its output, or in the middle of TMDb's movies."""
    if after == "half of the movies":
        environment = {
            **environment,
            "REELHOUSE_TMDB_REQUESTS_PER_SECOND": "60",
            "REELHOUSE_RATE_SHARED": "off",
        }
    night = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", "nightly", "--local"],
        env=environment, cwd=directory, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert night.stderr is not None
    if after == "half of the movies":
        while movie_requests(mirror) < MOVIES / 2:
            assert night.poll() is None, night.stderr.read()
    else:
        for line in night.stderr:
            if after in line:
                break
    night.send_signal(how)
    return night.communicate()[1]


@pytest.mark.parametrize(
    "moments",
    [
        pytest.param(["half of the movies", "features text"], id="twice"),
        pytest.param(
            ["ingest movielens", "half of the movies", "conform", "features metadata", "train movielens"],
            id="five-times",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_night_killed_and_carried_on_ends_in_the_same_rows(
    reelhouse: Reelhouse, environment, mirror: Mirror, undisturbed, tmp_path: Path, moments
):
    for moment in moments:
        interrupt(environment, tmp_path, mirror, moment, signal.SIGKILL)
    assert movie_requests(mirror) <= len(mirror.app.catalogue.ids()) + 60  # one batch and what was under way
    result = reelhouse("nightly", "--local")
    assert result.returncode == 0, result.stderr
    found = content(tmp_path / "home")
    for name, rows in undisturbed.items():
        assert found[name] == rows, name
    states = scalar(tmp_path / "home", "SELECT list(state ORDER BY started_at) FROM ops.runs")
    assert states == ["crashed"] * len(moments) + ["completed"]


@pytest.mark.parametrize("how", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_ctrl_c_is_one_line_and_the_next_night_carries_on(
    reelhouse: Reelhouse, environment, mirror: Mirror, undisturbed, tmp_path: Path, how: signal.Signals
):
    errors = interrupt(environment, tmp_path, mirror, "half of the movies", how)
    assert "Traceback" not in errors
    assert "interrupted; what was committed stays" in errors.strip().splitlines()[-1]
    result = reelhouse("nightly", "--local")
    assert result.returncode == 0, result.stderr
    assert content(tmp_path / "home") == undisturbed


def test_a_second_night_at_once_is_refused(reelhouse: Reelhouse, environment, tmp_path: Path):
    from flows.engine.locks import exclusive

    home = Path(environment["REELHOUSE_HOME"])
    home.mkdir(exist_ok=True)
    with exclusive(home, "nightly"):
        result = reelhouse("nightly", "--local")
    assert result.returncode == 1
    assert "another nightly run" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


DISK = """
set -e
mount -t tmpfs -o size=6m tmpfs "$REELHOUSE_HOME"
status=0; "$@" || status=$?
cp -r "$REELHOUSE_HOME" "$REELHOUSE_HOME-kept"
exit $status
"""


def test_a_full_disk_is_one_line_and_damages_nothing(environment, reelhouse: Reelhouse, tmp_path: Path):
    home = tmp_path / "home"
    home.mkdir()
    isolated = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", DISK, "sh"]
    if subprocess.run(["unshare", "--user", "--map-root-user", "--mount", "true"], check=False).returncode:
        pytest.skip("this machine does not let a test mount a small disk of its own")
    result = subprocess.run(
        [*isolated, sys.executable, "-m", "flows.cli", "nightly", "--local"],
        env=environment, cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert "disk is full" in result.stderr or "no space" in result.stderr.lower()
    (tmp_path / "home").rmdir()
    (tmp_path / "home-kept").rename(home)
    carried_on = reelhouse("nightly", "--local")
    assert carried_on.returncode == 0, carried_on.stderr
