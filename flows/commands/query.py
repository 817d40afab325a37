"""Commands that read and keep the data: SQL."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, read_settings

app = typer.Typer()


@app.command(
    epilog="""Example: reelhouse sql "SELECT title, genre, probability FROM predictions.current LIMIT 10" """
)
def sql(
    query: Annotated[str | None, typer.Argument(help="The query; a shell opens without one.")] = None,
    form: Annotated[str, typer.Option("--format", help="table, csv, json or parquet.")] = "table",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    attach: Annotated[
        bool, typer.Option("--attach", help="Print what to paste into any DuckDB client.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Query the warehouse, read-only, at any hour: also while a night is being written."""
    from flows.query import run_query, shell

    settings = read_settings(home)
    if form not in ("table", "csv", "json", "parquet"):
        raise typer.BadParameter(f"unknown format {form!r}: choose from table, csv, json, parquet")
    if attach:
        from flows.steps import location
        from warehouse.sql import attach_statement

        print(attach_statement(location(settings)))
    elif query is None:
        shell(settings)
    else:
        run_query(settings, query, form, output)
