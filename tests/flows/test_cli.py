"""The command line: one clear line for each mistake, and the right exit code."""

import sqlite3

import pytest

from tests.flows.conftest import Reelhouse


def one_line(text: str) -> str:
    """The only line of a text."""
    lines = text.strip().splitlines()
    assert len(lines) == 1, text
    return lines[0]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nightly", "--speed", "9"), "No such option: --speed"),
        (("nigthly",), "No such command 'nigthly'"),
        (("ingest", "netflix"), "unknown 'netflix'"),
        (("train", "astrology"), "unknown model 'astrology'"),
        (("features", "smell"), "unknown feature view 'smell'"),
        (("sql", "SELECT 1", "--format", "xml"), "unknown format 'xml'"),
        (("mirror",), "name a directory"),
        (("backfill",), "say which movies: --ids"),
        (("backfill", "--refresh"), "say which movies: --ids"),
        (("backfill", "--ids", "Heat"), "'Heat' is no TMDb id"),
        (("backfill", "--popular", "0"), "--popular takes 1 to 10000"),
        (("backfill", "--since", "soon"), "'soon' is no day"),
        (("backfill", "--released", "2026-02-01..2026-01-01"), "is empty"),
        (("features", "dataset", "--out", "x", "--released", "1999"), "'1999' is no range"),
        (("features", "dataset", "--explain", "--out", "x"), "leave out the other options"),
        (("quarantine", "show", "9" * 23), "no row has the number 999"),
        (("quarantine", "replay", "9" * 23), "no row has the number 999"),
        (("sql", "SELECT 1", "--attach"), "leave out query and options"),
        (("compare", "--document", "Z"), "no document 'Z'"),
        (("compare", "--plain", "--systems", "A18"), "--plain runs no published system"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(reelhouse: Reelhouse, arguments, said):
    result = reelhouse(*arguments)
    assert result.returncode == 2
    assert said.lower() in one_line(result.stderr).lower()
    assert result.stdout == ""


def test_a_missing_token_is_one_line_and_exit_code_2(reelhouse: Reelhouse):
    result = reelhouse("nightly", REELHOUSE_TMDB_TOKEN="")
    assert result.returncode == 2
    assert "REELHOUSE_TMDB_TOKEN" in one_line(result.stderr)


def test_a_directory_without_records_is_one_line(reelhouse: Reelhouse, tmp_path):
    result = reelhouse("mirror", str(tmp_path))
    assert result.returncode == 1
    assert str(tmp_path) in one_line(result.stderr)


@pytest.mark.parametrize("arguments", [("sql", "SELECT 1"), ("status",)])
def test_asking_an_empty_home_says_how_to_fill_it(reelhouse: Reelhouse, arguments):
    result = reelhouse(*arguments)
    assert result.returncode == 1
    assert "reelhouse" in one_line(result.stderr)


def test_a_misspelt_variable_is_noticed(reelhouse: Reelhouse):
    result = reelhouse("status", REELHOUSE_HOEM="x")
    assert "REELHOUSE_HOEM is no setting" in result.stderr


def test_every_command_has_help_with_an_example(reelhouse: Reelhouse):
    from flows.cli import app

    for command in app.registered_commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__.replace("_", "-")
        assert "Example: reelhouse" in (command.epilog or ""), name
        assert command.callback.__doc__, name


def test_a_home_written_by_a_newer_version_is_refused_and_left_as_it_is(
    reelhouse: Reelhouse, environment, tmp_path
):
    assert reelhouse("ingest", "movielens").returncode == 0
    catalog = tmp_path / "home" / "catalog.sqlite"
    _pretend_newer(environment, catalog)
    before = catalog.read_bytes()
    for arguments in (("ingest", "movielens"), ("sql", "SELECT 1"), ("status",)):
        result = reelhouse(*arguments)
        assert result.returncode == 1
        assert "newer" in one_line(result.stderr) or "later" in one_line(result.stderr)
    assert catalog.read_bytes() == before


def _pretend_newer(environment: dict[str, str], catalog) -> None:
    from pathlib import Path

    from warehouse import Location, Warehouse

    with Warehouse.open(Location.under(Path(environment["REELHOUSE_HOME"]))) as warehouse:
        warehouse.commit(
            lambda tx: tx.execute(
                "INSERT INTO ops.migrations (version, name, release, applied_at) "
                "VALUES (9999, 'x', '99.0', now())"
            )
        )
    with sqlite3.connect(catalog) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def test_an_unreachable_source_is_one_line_and_the_others_go_on(reelhouse: Reelhouse):
    result = reelhouse("ingest", REELHOUSE_IMDB_URL="http://127.0.0.1:9")
    assert result.returncode == 1
    failed = [line for line in result.stderr.splitlines() if "FAILED" in line]
    assert len(failed) == 3
    assert all("imdb" in line for line in failed)
    assert "http://127.0.0.1:9" in failed[0]
    assert "skipped: imdb cannot be reached" in failed[1]
    assert "Traceback" not in result.stderr
    rows = reelhouse("sql", "SELECT count(*) AS n FROM core.movies", "--format", "csv")
    assert int(rows.stdout.split()[1]) >= 100
    again = reelhouse("ingest")
    assert again.returncode == 0, again.stderr
