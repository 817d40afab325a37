"""A home in which every place of every source holds every odd value: the night goes through to its end."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.mirror import serve
from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.run import Outcome, run_steps
from flows.steps.catalogue import nightly_steps
from tests.flows.commandline import Run, runner
from tests.flows.odd_catalogue import FIRST_ODD, ODD_ANSWERS, OddCatalogue
from tests.flows.test_thirty_nights import settings_of
from tests.warehouse.landing import land_tmdb
from tests.warehouse.odd import answers_with
from warehouse import Location, Warehouse
from warehouse.live import LIVE_MOVIES

pytestmark = pytest.mark.slow

MOVIES = 150


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("odd") / "home"


@pytest.fixture(scope="module")
def answers() -> Sequence[int]:
    return [row["tmdb_id"] for row in answers_with(FIRST_ODD, ODD_ANSWERS)]


@pytest.fixture(scope="module")
def catalogue() -> OddCatalogue:
    return OddCatalogue(movies=MOVIES, seed=11)


@pytest.fixture(scope="module")
def night(home: Path, catalogue: OddCatalogue) -> Outcome:
    """A night whose home holds all of it: answers that Python's JSON cannot write are landed before."""
    with serve(catalogue) as mirror:
        settings = settings_of(mirror, home)
        later = datetime(2099, 1, 1, tzinfo=UTC)  # after any export, so that they are not taken for deleted
        with Warehouse.open(location(settings)) as warehouse:
            land_tmdb(
                warehouse, [{**row, "source_time": later} for row in answers_with(FIRST_ODD, ODD_ANSWERS)]
            )
        return run_steps(settings, "nightly", nightly_steps(settings), Reporter(quiet=True))


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("REELHOUSE_CONFIG", "/dev/null")
    return runner(home, monkeypatch, capfd)


def test_every_step_of_the_night_is_done(night: Outcome) -> None:
    assert night.failures == {}
    assert night.state == "completed"


def test_every_movie_is_conformed_featurised_and_scored(
    night: Outcome, home: Path, catalogue: OddCatalogue, answers: Sequence[int]
) -> None:
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        ids = warehouse.query("SELECT source_id FROM core.id_map WHERE source = 'tmdb'")["source_id"]
        assert set(catalogue.ids()) <= set(map(int, ids.to_pylist()))
        live = f"SELECT count(*) FROM {LIVE_MOVIES} AS m"  # noqa: S608 - a constant
        assert warehouse.scalar(live) > len(answers) + MOVIES
        for table in ("features.metadata", "predictions.current"):  # of all that have more than a title
            missing = f"{live} ANTI JOIN {table} AS t USING (movie_id) WHERE m.year > 0 OR m.tmdb_id > 0"
            assert warehouse.scalar(missing) == 0, table
        assert warehouse.scalar("SELECT count(*) FROM core.movies WHERE title = 'Odd'") > 90
        assert warehouse.scalar("SELECT count(*) FROM ops.quarantine WHERE source = 'imdb'") > 100
        assert warehouse.scalar("SELECT count(*) FROM ops.quarantine WHERE source = 'movielens'") > 50


@pytest.mark.parametrize("kind", ["table", "csv", "json", "parquet"])
def test_every_table_is_printed(night: Outcome, reelhouse: Run, tmp_path: Path, kind: str) -> None:
    for table in (
        "core.movies",
        "core.movie_tags",
        "raw.movielens_tags",
        "raw.imdb_title_basics",
        "ops.quarantine",
    ):
        arguments = (
            ["--format", kind, "-o", str(tmp_path / "out")] if kind == "parquet" else ["--format", kind]
        )
        result = reelhouse("sql", f"SELECT * FROM {table}", *arguments)  # noqa: S608 - above
        assert result.code == 0, (table, result.err)


def test_everything_is_exported_and_the_report_renders(
    night: Outcome, reelhouse: Run, tmp_path: Path
) -> None:
    for command in (
        ["export", tmp_path / "files"],
        ["export", tmp_path / "out.duckdb"],
        ["report", "-o", tmp_path / "report.html"],
        ["status"],
        ["quarantine", "list"],
        ["quarantine", "show", "--limit", "1000"],
    ):
        result = reelhouse(*command)
        assert result.code == 0, (command, result.err)
