"""Commands that read the data: SQL, what changed between two nights, exports."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, parse_path, read_settings

AsOfOption = Annotated[
    str | None,
    typer.Option("--as-of", help="The lake as it was: a snapshot's number, a time, or yesterday."),
]

app = typer.Typer()


@app.command(
    epilog="""Example: reelhouse sql "SELECT title, genre, probability FROM predictions.current LIMIT 10" """
)
def sql(
    query: Annotated[str | None, typer.Argument(help="The query; a shell opens without one.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", parser=parse_path, help="Write to this file.")
    ] = None,
    as_of: AsOfOption = None,
    attach: Annotated[
        bool, typer.Option("--attach", help="Print what to paste into any DuckDB client.")
    ] = False,
    files: Annotated[
        bool, typer.Option("--files", help="Let the query read files too, such as read_csv('mine.csv').")
    ] = False,
    memory: Annotated[
        str | None,
        typer.Option("--memory", help="Memory that a query may take, such as 2GB; then it spills."),
    ] = None,
    home: HomeOption = None,
) -> None:
    """Query the warehouse, read-only, at any hour: also while a night is being written."""
    from flows.inspect.query import run_query
    from flows.inspect.shell import shell

    settings, moment = read_settings(home), _moment(as_of)
    if form not in ("table", "csv", "json", "parquet"):
        raise typer.BadParameter(f"unknown format {form!r}: choose from table, csv, json, parquet")
    if form == "parquet" and output is None:
        raise typer.BadParameter("parquet is not text: name a file with --output FILE")
    if memory is not None and not re.fullmatch(r"\d+(\.\d+)?\s*[KMGT]i?B", memory, re.I):
        raise typer.BadParameter(f"{memory!r} is no amount of memory: write 500MB or 2GB")
    if output is not None and query is None:
        raise typer.BadParameter("--output takes the result of one query: give the query too")
    if attach and (query is not None or files or memory is not None or as_of is not None):
        raise typer.BadParameter(
            "--attach prints how to attach the present lake: leave out query and options"
        )
    if attach:
        from flows.engine.context import location
        from warehouse.sql import attach_statement

        print(attach_statement(location(settings)))
    elif query is None:
        if not shell(settings, form, moment, files=files, memory=memory):
            raise typer.Exit(1)
    else:
        run_query(settings, query, form, output, moment, files=files, memory=memory)


@app.command(epilog="Example: reelhouse diff yesterday")
def diff(
    earlier: Annotated[str, typer.Argument(help="A snapshot's number, a time, or yesterday.")],
    later: Annotated[str | None, typer.Argument(help="The same; now where it is not given.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=0, help="Lines of each kind; 0 prints them all.")] = 20,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say what changed between two nights: movies, their fields, and the predictions that turned."""
    from flows.inspect.diff import print_diff, read_diff

    settings, first, last = read_settings(home), _moment(earlier), _moment(later)
    if first is None:
        raise typer.BadParameter("name the earlier snapshot or time")
    print_diff(read_diff(settings, first, last), limit=limit, as_json=as_json)


@app.command(epilog="Example: reelhouse export reelhouse.duckdb")
def export(
    output: Annotated[
        Path,
        typer.Argument(
            parser=parse_path, help="A directory for Parquet files, or a file that ends in .duckdb."
        ),
    ],
    names: Annotated[
        list[str] | None, typer.Argument(help="Tables and views such as core.movies; all without any.")
    ] = None,
    as_of: AsOfOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the data for tools without DuckLake: Parquet files, or one plain DuckDB file."""
    from flows.inspect.backup import run_export

    run_export(read_settings(home), output, names, _moment(as_of), as_json)


def _moment(text: str | None) -> int | datetime | None:
    """Parse a snapshot or a time from the command line; text that is neither is wrong usage."""
    if text is None:
        return None
    from warehouse import WarehouseError
    from warehouse.snapshots import parse_as_of

    try:
        return parse_as_of(text)
    except WarehouseError as error:
        raise typer.BadParameter(str(error)) from None
