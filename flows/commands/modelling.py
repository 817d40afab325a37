"""Commands of the models: train, score, compare, put in force."""

from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, choose, read_settings, run_flow

app = typer.Typer()


@app.command(epilog="Example: reelhouse train text combined --force")
def train(
    models: Annotated[list[str] | None, typer.Argument(help="Models; all when none is named.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Train also when it is not due.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the models when it is due; a challenger becomes champion only if it is not worse."""
    settings = read_settings(home)
    from flows.steps import train_steps
    from models import MODELS

    choose(models, MODELS, "model")
    run_flow(
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
    settings = read_settings(home)
    from flows.steps import score_steps
    from models import MODELS

    choose(models, MODELS, "model")
    run_flow("score", settings, score_steps(settings, tuple(models or ())), as_json, {"models": models or []})


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

    settings = read_settings(home)
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
    settings = read_settings(home)
    from flows.steps import location
    from models import promote as put_in_force
    from warehouse import Warehouse

    with Warehouse.open(location(settings)) as warehouse:
        put_in_force(warehouse, label_set, model, version)
    print(f"{label_set} {model} {version} is champion; `reelhouse score` scores what it has not scored yet")
