"""`reelhouse sql`: one query, answered as a table, CSV, JSON or Parquet."""

import re
import sys
from datetime import datetime
from pathlib import Path
from typing import cast

from flows.engine.context import location
from flows.engine.output_place import PARQUET, output_file
from flows.engine.terminal import print_line
from flows.errors import FlowError, QueryStopped, WrongUsage
from flows.inspect.output import Format, write
from flows.settings import Settings
from warehouse.errors import OutOfMemory, QueryFailed
from warehouse.sql import ReadOnlyConnection, open_read_only, statements_of
from warehouse.whole_file import written

BATCH_ROWS = 20_000
_IMPOSSIBLE = re.compile(r"\b(SET|RESET|PRAGMA|INSTALL|LOAD) \w")


def run_query(
    settings: Settings,
    query: str,
    form: str,
    output: Path | None,
    as_of: int | datetime | None = None,
    *,
    files: bool = False,
    memory: str | None = None,
) -> None:
    """Run a query on a read-only connection and write its result; raises `FlowError` with one line.

    Several queries are answered one after another in tables; another form takes one: else `WrongUsage`.
    """
    if output is not None:
        output_file(settings, output, PARQUET if form == "parquet" else None)
    try:
        with open_read_only(location(settings), as_of, files=files, memory_limit=memory) as connection:
            answer_all(connection, query, form, output, alone=form != "table" or output is not None)
    except KeyboardInterrupt:
        raise QueryStopped("the query was stopped") from None


def answer_all(
    connection: ReadOnlyConnection, text: str, form: str, output: Path | None = None, *, alone: bool = False
) -> None:
    """Run the statements of a text in order and write the results of its queries.

    Without a query among them, the last statement's result is written. WrongUsage where only one query may
    stand `alone` and there are several.
    """
    try:
        statements = statements_of(text) or [text]
        questions = [connection.is_question(statement) for statement in statements]
    except QueryFailed as error:
        raise FlowError(one_line(error)) from None
    except UnicodeEncodeError:
        raise FlowError("the query is no UTF-8 text") from None
    if alone and sum(questions) > 1:
        raise WrongUsage(
            f"there are {sum(questions)} queries, and --output, csv, json and parquet take one: "
            "give them one by one"
        )
    if not any(questions):
        questions[-1] = True
    written = False
    for statement, shown in zip(statements, questions, strict=True):
        if written and shown:
            print_line()
        answer(connection, statement, form, output, shown=shown)
        written |= shown


def answer(
    connection: ReadOnlyConnection, query: str, form: str, output: Path | None, *, shown: bool = True
) -> None:
    """Run a statement and, where it is to be `shown`, write its result.

    The result is streamed; a file appears only once it is whole.
    """
    if output is None and not sys.stdout.writable():
        raise FlowError("standard output is closed: name a file with --output")
    try:
        result = connection.execute(query)
        if result.description is None or not shown:
            return
        reader = result.to_arrow_reader(BATCH_ROWS)
        if output is None:
            write(reader, cast(Format, form), sys.stdout)
            return
        with written(output) as partial:
            if form == "parquet":
                write(reader, "parquet", sys.stdout, partial)
            else:
                with partial.open("w", encoding="utf-8", newline="") as stream:
                    write(reader, cast(Format, form), stream)
    except OutOfMemory as error:
        reason, _, _ = str(error).partition("\n")  # what follows is about settings that are not a user's
        raise FlowError(f"the query needs more memory or temporary space than there is: {reason}") from None
    except QueryFailed as error:
        raise FlowError(one_line(error)) from None


def one_line(error: BaseException) -> str:
    """Return an error's text without its line breaks and without DuckDB's pointer into the query.

    Advice to change a setting or to install an extension is left out: a reader may do neither.
    """
    lines = str(error).strip().splitlines()
    if any(_IMPOSSIBLE.search(line) for line in lines[1:]):
        lines = lines[:1]
    message_lines = [line for line in lines if not line.startswith("LINE ") and set(line.strip()) != {"^"}]
    return " ".join(" ".join(message_lines).split())
