"""The shell of `reelhouse sql`: what it reads from a pipe and a terminal, what it completes and remembers."""

import io
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from flows.inspect.shell import HISTORY, Completer
from tests.flows.commandline import Run, runner
from warehouse import Location, Warehouse
from warehouse.sql import is_complete, open_read_only


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("shell") / "home"
    Warehouse.open(Location.under(made)).close()
    return made


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(home, monkeypatch, capfd)


@pytest.mark.parametrize(
    ("text", "complete"),
    [
        ("SELECT 1;", True),
        ("SELECT 1; -- done", True),
        ("SELECT 1 /* here; */;", True),
        ("SELECT 1", False),
        ("SELECT ';", False),
        ("SELECT 1 -- ;", False),
        ("SELECT /* ;", False),
        ("", False),
    ],
)
def test_a_query_is_complete_at_a_semicolon_outside_texts_and_comments(text, complete):
    assert is_complete(text) is complete


def test_a_pipe_is_answered_query_by_query_and_errors_do_not_stop_it(
    reelhouse: Run, monkeypatch: pytest.MonkeyPatch
):
    piped = "SELECT 1 AS a;\nSELECT\n  2 AS b;\nSELEC 3;\n.nonsense\nSELECT ';' AS c"
    monkeypatch.setattr(sys, "stdin", io.StringIO(piped))
    said = reelhouse("sql", "--format", "csv")
    assert said.out == "a\n1\nb\n2\nc\n;\n"
    assert said.code == 1
    assert "SELEC" in said.err.splitlines()[0]
    assert said.err.splitlines()[1] == "no command .nonsense: .help lists them"


def test_two_queries_on_a_line_are_both_answered(reelhouse: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("SELECT 1 AS a; SELECT 2 AS b;"))
    assert reelhouse("sql", "--format", "csv").out == "a\n1\n\nb\n2\n"


def test_dot_commands_say_what_there_is(reelhouse: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(
        sys, "stdin", io.StringIO(".tables movie_g\n.schema core.movie_genres\n.help\n.quit\nx")
    )
    said = reelhouse("sql")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].split()[:2] == ["core.movie_genres", "table"]
    assert "Genres of each movie as each source gives them" in lines[0]
    assert lines[2].split()[:2] == ["source", "VARCHAR"]
    assert ".schema NAME" in said.out
    monkeypatch.setattr(sys, "stdin", io.StringIO(".schema predictions.wide\n.schema nowhere\n"))
    said = reelhouse("sql")
    assert "The genres predicted, the likeliest first." in said.out
    assert said.err == "no table or view nowhere: .tables lists them, with their schemas\n"


@pytest.fixture(scope="module")
def completer(home: Path) -> Iterator[Completer]:
    with open_read_only(Location.under(home)) as connection:
        yield Completer(connection)


@pytest.mark.parametrize(
    ("text", "line", "found"),
    [
        ("core.movie_g", "FROM core.movie_g", ["core.movie_genres"]),
        ("predictions.cu", "SELECT * FROM predictions.cu", ["predictions.current"]),
        ("pred", "FROM pred", ["predictions.", "predicted"]),
        ("overv", "SELECT overv", ["overview"]),
        ("m.orig", "SELECT m.orig FROM core.movies m", ["m.original_language", "m.original_title"]),
        ("core.movies.overv", "SELECT core.movies.overv", ["core.movies.overview"]),
        ("QUALI", "SELECT 1 QUALI", ["QUALIFY"]),
        (".sch", ".sch", [".schema "]),
        ("core.movie_g", ".schema core.movie_g", ["core.movie_genres"]),
        ("zzz", "zzz", []),
    ],
)
def test_names_and_keywords_are_completed(completer: Completer, text, line, found):
    assert completer.candidates(text, line) == found


def test_the_columns_of_the_tables_named_in_the_line_come_first(completer: Completer):
    assert completer.candidates("pro", "SELECT pro FROM predictions.current")[0] == "probability"
    assert "array_agg(" in completer.candidates("array_ag", "SELECT array_ag")


class Terminal:
    """A shell on a terminal of its own."""

    def __init__(self, home: Path) -> None:
        self.master, slave = pty.openpty()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "flows.cli", "sql"],
            env={**os.environ, "REELHOUSE_HOME": str(home), "TERM": "dumb", "COLUMNS": "120"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.seen = ""

    def until(self, text: str) -> str:
        """What it prints up to `text`."""
        while text not in self.seen:
            ready, _, _ = select.select([self.master], [], [], 120)
            assert ready, f"{text!r} did not come after {self.seen!r}"
            self.seen += os.read(self.master, 65536).decode(errors="replace")
        before, _, self.seen = self.seen.partition(text)
        return before

    def type(self, text: str) -> None:
        """Send what a person types."""
        os.write(self.master, text.encode())

    def end(self) -> int:
        """Press Ctrl-D and return the exit code."""
        self.type("\x04")
        code = self.process.wait()
        os.close(self.master)
        return code


@pytest.mark.slow
def test_a_session_on_a_terminal_completes_stops_queries_and_remembers(home: Path):
    shell = Terminal(home)
    shell.until("reelhouse> ")
    shell.type("SELECT count(*) AS n FROM core.movie_g\t;\r")
    assert "core.movie_genres" in shell.until("(1 row)")
    shell.until("reelhouse> ")
    shell.type("SELECT count(*)\r")
    shell.until("...> ")
    shell.type("FROM range(1000000) a, range(90000000) b WHERE a.range * b.range = 3;\r")
    began = time.monotonic()
    while time.monotonic() - began < 3:
        time.sleep(0.2)
    os.killpg(os.getpgid(shell.process.pid), signal.SIGINT)
    shell.until("the query was stopped")
    shell.until("reelhouse> ")
    shell.type("SELECT 6 * 7 AS answer;\r")
    assert "42" in shell.until("(1 row)")
    shell.until("reelhouse> ")
    assert shell.end() == 0
    remembered = (home / HISTORY).read_text().splitlines()
    assert remembered[0] == "SELECT count(*) AS n FROM core.movie_genres;"
    assert remembered[1].startswith("SELECT count(*) FROM range(1000000) a")
    assert remembered[-1] == "SELECT 6 * 7 AS answer;"
    assert (home / HISTORY).stat().st_mode & 0o077 == 0
    again = Terminal(home)
    again.until("reelhouse> ")
    again.type("\x10\r")  # the query before
    assert "42" in again.until("(1 row)")
    again.until("reelhouse> ")
    assert again.end() == 0
