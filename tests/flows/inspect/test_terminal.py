"""Whatever the text of a source and of a lake holds: no reading command lets it command the terminal."""

# ruff: noqa: S608 — the statements are those of this test

import io
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows.engine.console import Reporter
from flows.engine.terminal import printable
from tests.flows.commandline import Run, runner
from tests.warehouse.landing import answer, land_rows, land_tmdb
from warehouse import Location, Warehouse
from warehouse.conform import conform

HOSTILE = "\x1b[31m\x1b]0;owned\x07\r\nNEXT\x00\x7f\x9b1m\x85\u202e\u2066\u2028"
TITLE = f"Lagaan{HOSTILE}end"
NAME = f"odd{HOSTILE.replace(chr(0), '')}"
MODEL = {
    "label_set": "movielens", "model": "tags", "model_version": "abc123", "stage": "champion",
    "reason": TITLE, "code_version": TITLE, "snapshot_id": 1, "seed": 1, "run_id": TITLE, "views": "{}",
    "split": "{}", "metrics": "{}", "thresholds": json.dumps({TITLE: 0.5}), "artefact_path": TITLE,
    "artefact_sha256": TITLE, "created_at": datetime(2026, 1, 1, tzinfo=UTC),
}  # fmt: skip


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("terminal") / "home"
    with Warehouse.open(Location.under(directory)) as warehouse:
        warehouse.commit(lambda tx: tx.execute(f'CREATE TABLE core."{NAME}" ("{NAME}" INTEGER)'))
        warehouse.commit(lambda tx: tx.execute(f'CREATE VIEW core."view {NAME}" AS SELECT 1 AS "{NAME}"'))
        fields = {"genres": [{"id": 1, "name": TITLE}], "overview": TITLE, "tagline": TITLE}
        fields["keywords"] = {"keywords": [{"id": 1, "name": TITLE}]}
        fields["production_companies"] = [{"id": 1, "name": TITLE}]
        land_tmdb(warehouse, [answer(19666, imdb_id="tt0169102", title=TITLE, **fields)])
        land_rows(warehouse, "movielens", "ml-latest-small", "movies", [(6776, f"{TITLE} (2001)", TITLE)])
        land_rows(warehouse, "movielens", "ml-latest-small", "links", [(6776, "0282674", 19666)])
        conform(warehouse, None)
        run = warehouse.start_run("nightly", {})
        warehouse.finish_run(run, "failed", error=TITLE)

        def write(tx):
            tx.execute("UPDATE core.id_conflicts SET reason = ?", [TITLE])
            tx.execute(
                "INSERT INTO ops.quarantine BY NAME SELECT 7 AS id, ? AS source, ? AS table_name, "
                "? AS reason, ? AS original, ? AS batch_id, now() AS seen_at",
                [TITLE] * 5,
            )
            marks = ", ".join(f"? AS {name}" for name in MODEL)
            tx.execute(f"INSERT INTO ops.models BY NAME SELECT {marks}", list(MODEL.values()))

        warehouse.commit(write)
    return directory


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(home, monkeypatch, capfd)


def assert_harmless(text: str) -> None:
    assert [hex(ord(character)) for character in text if printable(character) != character != "\n"] == []
    assert [line for line in text.splitlines() if line.startswith("NEXT")] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("status",),
        ("check",),
        ("diff", "1"),
        ("conflicts", "list"),
        ("quarantine", "list"),
        ("quarantine", "show"),
        ("models", "list"),
        ("models", "show", "tags"),
        ("features", "list"),
        ("features", "show", "metadata"),
        ("features", "show", "metadata", "--movie", "tt0169102"),
        ("suspects",),
        ("explain", "tt0169102"),
        ("explain", TITLE.replace("\x00", "")),
        ("sql", f'FROM core."{NAME}"'),
        ("sql", f'FROM core."view {NAME}"'),
        ("sql", f'SELECT "{NAME}x" FROM core."{NAME}"'),
        ("sql", f'FROM "{NAME}x"'),
        ("sql", "SELECT title, reason FROM core.movies, ops.quarantine"),
        ("sql", "SELECT error(title) FROM core.movies"),
    ],
    ids=lambda arguments: " ".join(map(repr, arguments[:3]))[:40],
)
def test_a_reading_command_prints_no_control_character(reelhouse: Run, arguments: tuple[str, ...]):
    result = reelhouse(*arguments)
    assert result.out + result.err
    assert_harmless(result.out)
    assert_harmless(result.err)


def test_the_shell_prints_no_control_character(reelhouse: Run, monkeypatch: pytest.MonkeyPatch):
    name = NAME.replace("\n", "").replace("\r", "")
    commands = [".tables", ".tables nothing", f".schema core.{name}", f".{name}", f'FROM "{name}";']
    lines = "\n".join([*commands, "SELECT error(title) FROM core.movies;"])
    monkeypatch.setattr(sys, "stdin", io.StringIO(lines))
    result = reelhouse("sql")
    assert "odd" in result.out
    assert_harmless(result.out)
    assert_harmless(result.err)


def test_a_step_reports_no_control_character():
    stream = io.StringIO()
    reporter = Reporter(stream=stream)
    reporter.done("import", {"rows": 1}, TITLE, 1.0)
    reporter.failed("import", TITLE)
    assert stream.getvalue().count("\n") == 2
    assert_harmless(stream.getvalue())


def test_csv_and_json_stay_as_they_are(reelhouse: Run):
    query = "SELECT chr(27) || '[31m' || chr(8238) AS title"
    assert reelhouse("sql", query, "--format", "csv").out == "title\n\x1b[31m\u202e\n"
    assert json.loads(reelhouse("sql", query, "--format", "json").out) == [{"title": "\x1b[31m\u202e"}]
