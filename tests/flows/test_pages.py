"""The SQL that the pages show runs, on a lake that is always the same, and answers what they say."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.flows.questions import PAGE, WORKED, answer, build
from warehouse import Location
from warehouse.sql import ReadOnlyConnection, attach_statement, open_read_only

TEXT = PAGE.read_text(encoding="utf-8")
QUERIES = re.findall(r"^```sql\n(.*?)^```", TEXT, re.S | re.M)
ANSWERED = [(found["query"], found["answer"]) for found in WORKED.finditer(TEXT)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small invented warehouse whose answers the page prints."""
    return build(tmp_path_factory.mktemp("home"))


@pytest.fixture
def connection(home: Path) -> Iterator[ReadOnlyConnection]:
    with open_read_only(Location.under(home)) as opened:
        yield opened


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_each_query_of_the_analysts_page_runs_and_finds_something(connection, query):
    assert connection.execute(query).fetchall(), query


@pytest.mark.parametrize(("query", "said"), ANSWERED, ids=range(len(ANSWERED)))
def test_each_worked_question_has_the_answer_that_the_page_prints(home, query, said):
    assert answer(home, query) == said, "run: python -m tests.flows.questions"


def test_ten_questions_are_worked():
    assert len(ANSWERED) == 10


def test_the_page_attaches_as_the_command_does(home):
    location = Location.under(home)
    for line in attach_statement(location).splitlines():
        assert line.replace(str(home), "/srv/reelhouse") in TEXT, line


def test_a_table_is_read_as_it_was(connection):
    (newest,) = connection.execute("SELECT max(snapshot_id) FROM snapshots()").fetchone() or (None,)
    (example,) = re.findall(r"^SELECT .* AT \(VERSION => 42\);$", TEXT, re.M)
    assert connection.execute(example.replace("42", str(newest))).fetchone() == (8,)
