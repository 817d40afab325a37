"""`reelhouse sql`: one query, or a shell."""

import sys
from pathlib import Path
from typing import cast

import duckdb

from flows.errors import FlowError
from flows.output import Format, write
from flows.settings import Settings
from flows.steps import location
from warehouse.sql import ReadOnlyConnection, open_read_only

BATCH_ROWS = 50_000


def run_query(settings: Settings, query: str, form: str, output: Path | None) -> None:
    """Run one query on a read-only connection and write its result; raises `FlowError` with one line."""
    with open_read_only(location(settings)) as connection:
        _run(connection, query, form, output)


def _run(connection: ReadOnlyConnection, query: str, form: str, output: Path | None) -> None:
    try:
        result = connection.execute(query)
        if result.description is None:
            return
        reader = result.to_arrow_reader(BATCH_ROWS)
        if output is not None and form != "parquet":
            with output.open("w", encoding="utf-8", newline="") as stream:
                write(reader, cast(Format, form), stream)
        else:
            write(reader, cast(Format, form), sys.stdout, output)
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except duckdb.Error as error:
        raise FlowError(" ".join(str(error).split())) from None


def shell(settings: Settings) -> None:
    """Read queries from the terminal, each ended by a semicolon; `.quit` or Ctrl-D leaves."""
    import readline  # noqa: F401 - gives input() its line editing and history

    with open_read_only(location(settings)) as connection:
        print("Read-only SQL; end a query with ';', leave with .quit. Try: FROM predictions.current LIMIT 5;")
        pending = ""
        while True:
            try:
                line = input("reelhouse> " if not pending else "      ...> ")
            except EOFError:
                print()
                return
            except KeyboardInterrupt:
                print()
                pending = ""
                continue
            if not pending and line.strip() in (".quit", ".exit", "quit", "exit"):
                return
            pending = f"{pending}\n{line}" if pending else line
            if not pending.strip():
                pending = ""
            elif pending.rstrip().endswith(";"):
                _answer(connection, pending)
                pending = ""


def _answer(connection: ReadOnlyConnection, query: str) -> None:
    try:
        _run(connection, query, "table", None)
    except FlowError as error:
        print(error, file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
