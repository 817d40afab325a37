"""Commands of the person on call: status, check, repair, report."""

import json
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, parse_path, read_settings
from flows.engine.console import Reporter
from flows.engine.interruption import ends_when_asked

app = typer.Typer()


@app.command(epilog="Example: reelhouse status --json")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show on one screen how things stand: runs, freshness, champions, rows, quarantine, what comes next."""
    from flows.inspect.status import print_status
    from flows.inspect.summary import read_status

    overview = read_status(read_settings(home))
    if as_json:
        print(json.dumps(overview.as_dict(), indent=1, default=str))
    else:
        print_status(overview)


@app.command(epilog="Example: reelhouse check --json")
def check(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Hold the warehouse against its declared limits; exit code 1 on a breach."""
    from flows.inspect.check import print_checks, run_checks

    checks = run_checks(read_settings(home))
    if as_json:
        print(json.dumps([each.as_dict() for each in checks], indent=1))
    else:
        print_checks(checks)
    if not all(each.ok for each in checks):
        raise typer.Exit(1)


@app.command(epilog="Example: reelhouse repair")
def repair(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Mend what check found in the lake's catalogue; exit code 1 where something cannot be mended."""
    from flows.inspect.repair import run_repair

    if not run_repair(read_settings(home), as_json):
        raise typer.Exit(1)


@app.command(epilog="Example: reelhouse report --output tonight.html")
def report(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", parser=parse_path, help="Write to this file.")
    ] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", help="The run to report; the latest without it.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write one self-contained HTML page about a night: data, models, predictions, what changed."""
    settings, reporter = read_settings(home), Reporter()
    if run_id == "":
        raise typer.BadParameter("--run takes the number of a run: leave it out for the latest")
    with ends_when_asked(), reporter.ticking("report") as tick:
        from flows.report import write_report

        path = write_report(settings, output, run_id, tick)
    print(path)
