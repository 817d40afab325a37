"""`reelhouse sql`: one query, answered as a table, CSV, JSON or Parquet."""

import sys
from datetime import datetime
from pathlib import Path
from typing import cast

from flows.engine.context import location
from flows.engine.output_place import output_file
from flows.errors import FlowError, QueryStopped
from flows.inspect.output import Format, write
from flows.settings import Settings
from warehouse.errors import OutOfMemory, QueryFailed
from warehouse.sql import ReadOnlyConnection, open_read_only
from warehouse.whole_file import written

BATCH_ROWS = 20_000


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
    """Run one query on a read-only connection and write its result; raises `FlowError` with one line."""
    if output is not None:
        output_file(settings, output)
    try:
        with open_read_only(location(settings), as_of, files=files, memory_limit=memory) as connection:
            answer(connection, query, form, output)
    except KeyboardInterrupt:
        raise QueryStopped("the query was stopped") from None


def answer(connection: ReadOnlyConnection, query: str, form: str, output: Path | None) -> None:
    """Run a query and write its result, streamed; a file appears only once it is whole."""
    try:
        query.encode()
        result = connection.execute(query)
        if result.description is None:
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
        raise FlowError(
            f"the query needs more memory or temporary space than there is: {one_line(error)}"
        ) from None
    except QueryFailed as error:
        raise FlowError(one_line(error)) from None
    except UnicodeEncodeError:
        raise FlowError("the query is no UTF-8 text") from None


def one_line(error: BaseException) -> str:
    """Return an error's text without its line breaks and without DuckDB's pointer into the query."""
    lines = str(error).strip().splitlines()
    message_lines = [line for line in lines if not line.startswith("LINE ") and set(line.strip()) != {"^"}]
    return " ".join(" ".join(message_lines).split())
