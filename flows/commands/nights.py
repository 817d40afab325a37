"""Commands that change the warehouse: nights, sources, chosen movies, upkeep; and what runs them."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, finish, parse_path, read_settings, run_flow
from flows.engine.console import Reporter, Stopwatch
from flows.engine.interruption import ends_when_asked
from flows.engine.terminal import note
from flows.settings import Settings

PlanOption = Annotated[
    bool, typer.Option("--plan", help="Only say what would be fetched, and how long it takes.")
]
LocalOption = Annotated[bool, typer.Option("--local", help="Run without Prefect, in this process alone.")]

app = typer.Typer()


@app.command(epilog="Example: reelhouse nightly --home /srv/reelhouse")
def nightly(
    home: HomeOption = None, local: LocalOption = False, plan: PlanOption = False, as_json: JsonOption = False
) -> None:
    """Run one night: ingest, conform, features, train when due, score; carries on where one broke off."""
    settings = read_settings(home)
    if "tmdb" in settings.sources:
        settings.require_token()
    if plan:
        _print_plan(settings, as_json)
        return
    from flows.serving.orchestration import run_nightly

    watch, reporter = Stopwatch(), Reporter()
    with ends_when_asked():
        outcome = run_nightly(settings, reporter, local=local)
    finish(outcome, as_json, watch.seconds, reporter)


@app.command(epilog="Example: reelhouse ingest movielens imdb")
def ingest(
    sources: Annotated[
        list[str] | None, typer.Argument(help="movielens, imdb, tmdb; all when none is named.")
    ] = None,
    plan: PlanOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring one or more sources up to date, and conform what they said."""
    settings = read_settings(home, **({"sources": tuple(sources)} if sources else {}))
    if "tmdb" in settings.sources:
        settings.require_token()
    if plan:
        _print_plan(settings, as_json)
        return
    from flows.steps.catalogue import ingest_steps

    steps = ingest_steps(settings, settings.sources)
    run_flow("ingest", settings, steps, as_json, {"sources": list(settings.sources)})


def _print_plan(settings: Settings, as_json: bool) -> None:
    from flows.inspect.ingest_plan import print_ingest_plan

    if not print_ingest_plan(settings, as_json):
        raise typer.Exit(1)


@app.command(epilog="Example: reelhouse backfill --ids 603,tt0110912 --plan")
def backfill(
    ids: Annotated[
        list[str] | None,
        typer.Option("--ids", help="TMDb or IMDb ids; @FILE reads a file, - standard input."),
    ] = None,
    released: Annotated[
        str | None, typer.Option("--released", help="Released in FIRST..LAST, LAST not included.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Changed at TMDb on this day or later.")
    ] = None,
    export: Annotated[
        str | None, typer.Option("--export", help="Listed in TMDb's export of this day.")
    ] = None,
    popular: Annotated[
        int | None, typer.Option("--popular", help="This many of the most popular movies of each genre.")
    ] = None,
    unscored: Annotated[
        bool, typer.Option("--unscored", help="All that the warehouse knows of and no champion has scored.")
    ] = False,
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch also what the warehouse holds.")] = False,
    plan: PlanOption = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ingest, featurise and score chosen movies now; runs beside a nightly and leaves its cursors alone."""
    from flows.steps.backfill import backfill_steps
    from flows.steps.selection import Selection

    settings = read_settings(home)
    settings.require_token()
    selection = Selection.of(
        None if ids is None else _words(ids), released=released, since=since, export=export,
        popular=popular, unscored=unscored, refresh=refresh,
    )  # fmt: skip
    if plan:
        from flows.inspect.backfill_plan import print_plan

        print_plan(settings, selection, as_json)
        return
    steps = backfill_steps(settings, selection)
    run_flow("backfill", settings, steps, as_json, {"ids": len(selection.ids or ())})


def _read(path: Path) -> str:
    """Return a text file's content; BadParameter where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8-sig")  # which Windows begins with a mark
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise typer.BadParameter(f"{path} cannot be read: {reason}") from None


def _words(arguments: list[str]) -> list[str]:
    words: list[str] = []
    for argument in arguments:
        if argument == "-":
            if sys.stdin is None:
                raise typer.BadParameter("standard input is closed: write the ids, or @FILE")
            words += sys.stdin.read().removeprefix("\ufeff").split()
        elif argument.startswith("@"):
            words += _read(Path(argument[1:])).split()
        else:
            words.append(argument)
    return words


@app.command(epilog="Example: reelhouse upkeep")
def upkeep(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Compact the lake, expire old snapshots and remove files that nothing needs."""
    settings = read_settings(home)
    from flows.steps.catalogue import upkeep_steps

    run_flow("upkeep", settings, upkeep_steps(settings, patient=True), as_json, {})


@app.command(epilog="Example: reelhouse serve --home /srv/reelhouse")
def serve(home: HomeOption = None) -> None:
    """Run the scheduled deployments in this process until Ctrl-C or SIGTERM."""
    settings = read_settings(home)
    if "tmdb" in settings.sources:
        settings.require_token()
    from flows.serving.serve import serve as run_serve

    run_serve(settings, note, prefect_port=settings.prefect_port, metrics_port=settings.metrics_port)


@app.command(epilog="Example: reelhouse mirror --synthetic --port 8765")
def mirror(
    directory: Annotated[
        Path | None,
        typer.Argument(parser=parse_path, help="Directory of real records, in the mirror's layout."),
    ] = None,
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0 takes a free one.")] = 0,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="Serve the invented catalogue.")] = False,
    movies: Annotated[
        int, typer.Option("--movies", min=1, max=15000, help="Movies of that catalogue.")
    ] = 3000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of that catalogue.")] = 7,
    day: Annotated[int, typer.Option("--day", min=0, help="Days that the catalogue's clock is ahead.")] = 0,
) -> None:
    """Serve a catalogue over the sources' own wire formats on localhost, until Ctrl-C."""
    if (directory is None) == (not synthetic):
        raise typer.BadParameter("name a directory, or ask for --synthetic")
    from flows.mirror import serve_mirror

    serve_mirror(directory, port=port, movies=movies, seed=seed, day=day)


@app.command(epilog="Example: reelhouse demo --home reelhouse-demo")
def demo(
    home: Annotated[Path, typer.Option("--home", parser=parse_path, help="Directory to write to.")] = Path(
        "reelhouse-demo"
    ),
    movies: Annotated[
        int, typer.Option("--movies", min=50, max=15000, help="Movies of that catalogue.")
    ] = 3000,
    seed: Annotated[int, typer.Option("--seed", help="Seed of that catalogue.")] = 7,
    nights: Annotated[
        int, typer.Option("--nights", min=1, max=3, help="1: load; 2: repeat; 3: a day later.")
    ] = 3,
) -> None:
    """Run the whole product on an invented catalogue, from an empty directory to SQL; needs no network."""
    from flows.demo import run_demo

    run_demo(home, movies=movies, seed=seed, nights=nights)
