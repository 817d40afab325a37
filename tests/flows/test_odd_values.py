"""A home in which every place of every source holds every odd value: the night goes through to its end."""

import csv
import gzip
import io
import zipfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.imdb import LAYOUTS
from connectors.mirror import SyntheticCatalogue, serve
from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.run import Outcome, run_steps
from flows.steps.catalogue import nightly_steps
from tests.flows.commandline import Run, runner
from tests.flows.test_thirty_nights import settings_of
from tests.warehouse.landing import land_tmdb
from tests.warehouse.odd import JSON, answers_with
from warehouse import Location, Warehouse
from warehouse.live import LIVE_MOVIES

pytestmark = pytest.mark.slow

MOVIES = 150
FIRST_ODD = 50_000_000
ODD_ANSWERS = JSON[::3]
"""`tests/warehouse/test_odd_values.py` conforms all of them."""
ODD = (
    "99999", "0", "-1", "-5", "0.5", "1e30", "1e400", "-1e400", "99999999999999999999", "999999999",
    "-99999999999999999999", "999999999999999999", "99999999999", "-99999999999", "inf", "-inf", "nan", "NaN",
    "", " ", "\\N", "x", "true", "null", "[]", "{}", "\x00", "a\x07\x1b[31m", "\u202e\u2028", "0000", "||",
    ",",     '"', "Odd (0000)", "Odd (99999)", "a" * 20_000, "9" * 400,
)  # fmt: skip


class OddCatalogue(SyntheticCatalogue):
    """An invented catalogue whose files have, for each column and odd value, a line more."""

    def ids(self) -> Sequence[int]:
        """Return all ids: an export without those that were landed before would not be believed."""
        return (*super().ids(), *(row["tmdb_id"] for row in answers_with(FIRST_ODD, ODD_ANSWERS)))

    def movie(self, tmdb_id: int) -> dict[str, Any] | None:
        if tmdb_id < FIRST_ODD:
            return super().movie(tmdb_id)
        record = super().movie(super().ids()[0])
        return record and {**record, "id": tmdb_id, "imdb_id": None, "poster_path": None}

    def imdb_file(self, name: str) -> bytes | None:
        content = super().imdb_file(name)
        return content and gzip.compress(gzip.decompress(content) + "".join(self._imdb_lines(name)).encode())

    def _imdb_lines(self, name: str) -> Iterator[str]:
        headers = [column.header for column in LAYOUTS[name].columns]
        good = {"titleType": "movie", "primaryTitle": "Odd", "startYear": "1999", "averageRating": "5.0"}
        ids = iter(range(9_000_000, 9_900_000))
        for header in headers:
            for odd in ODD:
                number = next(ids)
                row = {"tconst": f"tt{number}", "titleId": f"tt{number}", "nconst": f"nm{number}", **good}
                yield "\t".join({**row, header: odd}.get(name, "\\N") for name in headers) + "\n"

    def movielens_zip(self, name: str) -> bytes | None:
        content = super().movielens_zip(name)
        if content is None:
            return None
        odd = io.BytesIO()
        with (
            zipfile.ZipFile(io.BytesIO(content)) as old,
            zipfile.ZipFile(odd, "w", zipfile.ZIP_DEFLATED) as new,
        ):
            for member in old.infolist():
                text = old.read(member).decode()
                odd_lines = self._movielens_lines(text) if member.filename.endswith(".csv") else ""
                new.writestr(member, text + odd_lines)
        return odd.getvalue()

    def _movielens_lines(self, text: str) -> str:
        headers, good, *_ = csv.reader(io.StringIO(text))
        lines = io.StringIO()
        ids = iter(range(9_000_000, 9_900_000))
        for place in range(len(headers)):
            for value in ODD:
                row = [
                    str(next(ids)) if header == "movieId" else old
                    for header, old in zip(headers, good, strict=True)
                ]
                csv.writer(lines, lineterminator="\n").writerow([*row[:place], value, *row[place + 1 :]])
        return lines.getvalue()


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
