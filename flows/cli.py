"""The command line. Exit code 0 done, 1 failed, 2 wrong usage; every error is one line."""

import json
import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer
from typer.exceptions import TyperException

from flows.console import Reporter, Stopwatch, duration
from flows.errors import SettingsError
from flows.settings import Settings, load_settings, unknown_environment

app = typer.Typer(
    name="reelhouse",
    help="A movie warehouse: nightly ingest of TMDb, IMDb and MovieLens, genre models, predictions in SQL.",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", help="Directory of all that is written [env: REELHOUSE_HOME]."),
]
LocalOption = Annotated[bool, typer.Option("--local", help="Run without Prefect, in this process alone.")]


def _settings(home: Path | None = None, **overrides: Any) -> Settings:
    for name in unknown_environment(os.environ):
        _note(f"warning: {name} is no setting of Reelhouse and is ignored")
    if home is not None:
        overrides["home"] = home
    return load_settings(**overrides)


def _note(text: str) -> None:
    print(text, file=sys.stderr)


def _finish(outcome: Any, as_json: bool, seconds: float, reporter: Reporter) -> None:
    from flows.run import nothing_done

    if as_json:
        print(json.dumps({"run_id": outcome.run_id, "state": outcome.state, "seconds": round(seconds, 1),
                          "steps": outcome.counts, "failures": outcome.failures}, indent=1))  # fmt: skip
    if outcome.failures:
        reporter.line(
            f"run {outcome.run_id} is {outcome.state} after {duration(seconds)}: "
            f"{', '.join(outcome.failures)} failed; the next run carries on from here"
        )
        raise typer.Exit(1)
    if nothing_done(outcome):
        reporter.line(f"nothing to do: nothing fetched, encoded, trained or scored ({duration(seconds)})")
    else:
        reporter.line(f"run {outcome.run_id} completed in {duration(seconds)}")


def _run(flow: str, settings: Settings, specs: Any, as_json: bool, parameters: dict[str, Any]) -> None:
    from flows.run import run_steps

    watch, reporter = Stopwatch(), Reporter()
    outcome = run_steps(settings, flow, specs, reporter, parameters=parameters)
    _finish(outcome, as_json, watch.seconds, reporter)


@app.command(epilog="Example: reelhouse nightly --home /srv/reelhouse")
def nightly(home: HomeOption = None, local: LocalOption = False, as_json: JsonOption = False) -> None:
    """Run one night: ingest, conform, features, train when due, score; carries on where one broke off."""
    settings = _settings(home)
    if "tmdb" in settings.sources:
        settings.require_token()
    from flows.orchestration import run_nightly

    watch, reporter = Stopwatch(), Reporter()
    outcome = run_nightly(settings, reporter, local=local)
    _finish(outcome, as_json, watch.seconds, reporter)


@app.command(epilog="Example: reelhouse ingest movielens imdb")
def ingest(
    sources: Annotated[
        list[str] | None, typer.Argument(help="movielens, imdb, tmdb; all when none is named.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring one or more sources up to date, and conform what they said."""
    settings = _settings(home, **({"sources": tuple(sources)} if sources else {}))
    if "tmdb" in settings.sources:
        settings.require_token()
    from flows.steps import ingest_steps

    _run(
        "ingest",
        settings,
        ingest_steps(settings, settings.sources),
        as_json,
        {"sources": list(settings.sources)},
    )


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
    refresh: Annotated[bool, typer.Option("--refresh", help="Fetch also what the warehouse holds.")] = False,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would be fetched, and how long it takes.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ingest, featurise and score chosen movies now; runs beside a nightly and leaves its cursors alone."""
    from flows.backfill import Selection, backfill_steps, parse_day, parse_ids, parse_range

    settings = _settings(home)
    settings.require_token()
    selection = Selection(
        ids=parse_ids(_words(ids or [])),
        released=parse_range(released) if released else None,
        since=parse_day(since) if since else None,
        export=parse_day(export) if export else None,
        refresh=refresh,
    )
    if plan:
        from flows.backfill_plan import print_plan

        print_plan(settings, selection, as_json)
        return
    _run("backfill", settings, backfill_steps(settings, selection), as_json, {"ids": len(selection.ids)})


def _words(arguments: list[str]) -> list[str]:
    words: list[str] = []
    for argument in arguments:
        if argument == "-":
            words += sys.stdin.read().split()
        elif argument.startswith("@"):
            words += Path(argument[1:]).read_text(encoding="utf-8").split()
        else:
            words.append(argument)
    return words


@app.command(epilog="Example: reelhouse features text")
def features(
    names: Annotated[list[str] | None, typer.Argument(help="Feature views; all when none is named.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring feature views up to date: only movies whose inputs changed are computed."""
    settings = _settings(home)
    from flows.steps import feature_steps, feature_views

    _choose(names, tuple(feature_views(settings)), "feature view")
    _run("features", settings, feature_steps(settings, tuple(names or ())), as_json, {"views": names or []})


@app.command(epilog="Example: reelhouse train text combined --force")
def train(
    models: Annotated[list[str] | None, typer.Argument(help="Models; all when none is named.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Train also when it is not due.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the models when it is due; a challenger becomes champion only if it is not worse."""
    settings = _settings(home)
    from flows.steps import train_steps
    from models import MODELS

    _choose(models, MODELS, "model")
    _run(
        "train",
        settings,
        train_steps(settings, tuple(models or ()), force=force),
        as_json,
        {"models": models or []},
    )


@app.command(epilog="Example: reelhouse score")
def score(
    models: Annotated[list[str] | None, typer.Argument(help="Models; all when none is named.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every movie whose features, model or thresholds changed."""
    settings = _settings(home)
    from flows.steps import score_steps
    from models import MODELS

    _choose(models, MODELS, "model")
    _run("score", settings, score_steps(settings, tuple(models or ())), as_json, {"models": models or []})


def _choose(names: list[str] | None, choices: tuple[str, ...], kind: str) -> None:
    for name in names or ():
        if name not in choices:
            raise typer.BadParameter(f"unknown {kind} {name!r}: choose from {', '.join(choices)}")


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

    settings = _settings(home)
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


@app.command(epilog="Example: reelhouse status --json")
def status(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show what the warehouse holds: rows per layer, last runs, champions, quarantine."""
    from flows.summary import print_status, read_status

    found = read_status(_settings(home))
    if as_json:
        print(json.dumps(found.as_dict(), indent=1, default=str))
    else:
        print_status(found)


@app.command(epilog="Example: reelhouse check --json")
def check(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Hold the warehouse against its declared limits; exit code 1 on a breach."""
    from flows.check import print_checks, run_checks

    found = run_checks(_settings(home))
    if as_json:
        print(json.dumps([each.as_dict() for each in found], indent=1))
    else:
        print_checks(found)
    if not all(each.ok for each in found):
        raise typer.Exit(1)


@app.command(epilog="Example: reelhouse report --output tonight.html")
def report(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write to this file.")] = None,
    run_id: Annotated[
        str | None, typer.Option("--run", help="The run to report; the latest without it.")
    ] = None,
    home: HomeOption = None,
) -> None:
    """Write one self-contained HTML page about a night: data, models, predictions, what changed."""
    settings, reporter = _settings(home), Reporter()
    from flows.report import write_report

    with reporter.ticking("report"):
        path = write_report(settings, output, run_id)
    print(path)


@app.command(epilog="Example: reelhouse compare --document A")
def compare(
    documents: Annotated[
        list[str] | None,
        typer.Option("--document", help="A to E: published projects; L: literature; R: ours."),
    ] = None,
    systems: Annotated[
        list[str] | None, typer.Option("--systems", help="Ids of systems, such as A18.")
    ] = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Only untuned estimators beside our champions.")
    ] = False,
    seeds: Annotated[
        Path | None, typer.Option("--seeds", help="Directory of the documents' own files.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run what others published on the same movies, beside our own models; finished systems are kept."""
    from flows.comparison import compare_plain, compare_published

    settings = _settings(home)
    if plain:
        compare_plain(settings, as_json)
    else:
        compare_published(settings, documents, systems, seeds, as_json)


@app.command(epilog="Example: reelhouse promote text 4027b1439d36")
def promote(
    model: Annotated[str, typer.Argument(help="metadata, tags, text, poster or combined.")],
    version: Annotated[str, typer.Argument(help="The version to put in force, as in ops.models.")],
    label_set: Annotated[str, typer.Option("--label-set", help="movielens, tmdb or imdb.")] = "movielens",
    home: HomeOption = None,
) -> None:
    """Make a version of a model champion by hand, whatever the gate said; the reason is recorded."""
    settings = _settings(home)
    from flows.steps import location
    from models import promote as put_in_force
    from warehouse import Warehouse

    with Warehouse.open(location(settings)) as warehouse:
        put_in_force(warehouse, label_set, model, version)
    print(f"{label_set} {model} {version} is champion; `reelhouse score` scores what it has not scored yet")


@app.command(epilog="Example: reelhouse upkeep")
def upkeep(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Compact the lake, expire old snapshots and remove files that nothing needs."""
    settings = _settings(home)
    from flows.upkeep import upkeep_steps

    _run("upkeep", settings, upkeep_steps(settings), as_json, {})


@app.command(epilog="Example: reelhouse serve --home /srv/reelhouse")
def serve(home: HomeOption = None) -> None:
    """Run the scheduled deployments in this process until Ctrl-C or SIGTERM."""
    settings = _settings(home)
    if "tmdb" in settings.sources:
        settings.require_token()
    from flows.serve import serve as run_serve

    run_serve(settings, _note, prefect_port=settings.prefect_port, metrics_port=settings.metrics_port)


@app.command(epilog="Example: reelhouse mirror ../shared/data --port 8765")
def mirror(
    directory: Annotated[
        Path | None, typer.Argument(help="Directory of real records, in the mirror's layout.")
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
    home: Annotated[Path, typer.Option("--home", help="Directory to write to.")] = Path("reelhouse-demo"),
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


def main() -> NoReturn:
    """Entry point: runs the command and turns every error into one line and an exit code."""
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(_guarded())


def _terminated(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _guarded() -> int:
    try:
        code = app(standalone_mode=False)
    except TyperException as error:
        context = getattr(error, "ctx", None)
        command = context.command_path if context else "reelhouse"
        _note(f"{command}: {' '.join(error.format_message().split())} (see {command} --help)")
        return 2
    except SettingsError as error:
        _note(f"reelhouse: {error}")
        return 2
    except (KeyboardInterrupt, typer.Abort):
        _note("reelhouse: interrupted; what was committed stays, and the next run carries on from there")
        return 1
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123 - the interpreter flushes it at exit
        return 0
    except Exception as error:
        from flows.failure import explain

        _note(f"reelhouse: {explain(error)}")
        return 1
    return int(code or 0)


if __name__ == "__main__":
    main()
