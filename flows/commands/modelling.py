"""Commands of the models: train, score, compare, explain, doubt, and the registry."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, choose, parse_path, read_settings, run_flow
from flows.engine.interruption import ends_when_asked
from flows.engine.terminal import note, print_line
from models.modalities.modality import listed, model_names

LabelSetOption = Annotated[str, typer.Option("--label-set", help="movielens, tmdb or imdb.")]
ModelArgument = Annotated[str, typer.Argument(help=f"{listed(model_names())}.")]

app = typer.Typer()


class Doubt(StrEnum):
    """What may be amiss with a label."""

    WRONG = "wrong"
    MISSING = "missing"


registry = typer.Typer(
    name="models", help="The registry: versions of models, which is in force, and how they stand.",
    no_args_is_help=True,
)  # fmt: skip
app.add_typer(registry)


def _label_set(name: str) -> None:
    from models import LABEL_SETS

    choose([name], tuple(LABEL_SETS), "label set")


def _known(label_set: str | None, model: str | None) -> None:
    """Raise BadParameter, which is wrong usage, where the label set or the model does not exist."""
    if label_set is not None:
        _label_set(label_set)
    choose([model] if model else None, model_names(), "model")


@app.command(epilog="Example: reelhouse train text combined --force")
def train(
    models: Annotated[list[str] | None, typer.Argument(help="Models; all when none is named.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Train also when it is not due.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train the models when it is due; a challenger becomes champion only if it is not worse."""
    settings = read_settings(home)
    from flows.steps.catalogue import train_steps

    choose(models, model_names(), "model")
    outcome = run_flow(
        "train",
        settings,
        train_steps(settings, tuple(models or ()), force=force),
        as_json,
        {"models": models or []},
    )
    if any(result.counts.get("new_champions") for result in outcome.results.values()):
        note("next: reelhouse score; the new champions have no scores yet")


@app.command(epilog="Example: reelhouse score")
def score(
    models: Annotated[list[str] | None, typer.Argument(help="Models; all when none is named.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Score every movie whose features, model or thresholds changed."""
    settings = read_settings(home)
    from flows.steps.catalogue import score_steps

    choose(models, model_names(), "model")
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
        Path | None, typer.Option("--seeds", parser=parse_path, help="Directory of the documents' own files.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run what others published on the same movies, beside our own models; finished systems are kept."""
    from flows.inspect.comparison import compare_plain, compare_published

    if plain and (documents or systems or seeds):
        raise typer.BadParameter("--plain runs no published system: leave out --document, --systems, --seeds")
    settings = read_settings(home)
    with ends_when_asked():
        if plain:
            compare_plain(settings, as_json)
        else:
            compare_published(settings, documents, systems, seeds, as_json)


@registry.command(epilog="Example: reelhouse models promote text 4027b1439d36")
@app.command(epilog="Example: reelhouse promote text 4027b1439d36")
def promote(
    model: ModelArgument,
    version: Annotated[str, typer.Argument(help="The version to put in force, as in ops.models.")],
    label_set: LabelSetOption = "movielens",
    home: HomeOption = None,
) -> None:
    """Make a version of a model champion by hand, whatever the gate said; the reason is recorded."""
    _known(label_set, model)
    settings = read_settings(home)
    from flows.inspect.models import promote_model

    promote_model(settings, label_set, model, version)


@registry.command(epilog="Example: reelhouse models rollback combined --label-set tmdb")
def rollback(model: ModelArgument, label_set: LabelSetOption = "movielens", home: HomeOption = None) -> None:
    """Make the champion before the present one champion again."""
    _known(label_set, model)
    settings = read_settings(home)
    from flows.engine.context import location
    from models import rollback as roll_back
    from warehouse import Warehouse

    with Warehouse.open(location(settings)) as warehouse:
        entry = roll_back(warehouse, label_set, model)
    print_line(f"{label_set} {model} {entry.model_version} is champion again: {entry.reason}")


@registry.command("list", epilog="Example: reelhouse models list --label-set tmdb")
def list_(
    label_set: Annotated[str | None, typer.Option("--label-set", help="movielens, tmdb or imdb.")] = None,
    model: Annotated[str | None, typer.Option("--model", help="Only this model.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List every version of every model with its stage, and why it has it."""
    _known(label_set, model)
    from flows.inspect.models import list_models

    list_models(read_settings(home), label_set, model, as_json)


@registry.command(epilog="Example: reelhouse models show combined --label-set tmdb")
def show(
    model: ModelArgument,
    version: Annotated[str | None, typer.Argument(help="Its version; the champion without one.")] = None,
    label_set: LabelSetOption = "movielens",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show where a model came from, how it did on its test movies, and its thresholds."""
    _known(label_set, model)
    from flows.inspect.models import show_model

    show_model(read_settings(home), label_set, model, version, as_json)


@registry.command("compare", epilog="Example: reelhouse models compare text 4027b1439d36")
def compare_versions(
    model: ModelArgument,
    version: Annotated[str, typer.Argument(help="A version, as in ops.models.")],
    against: Annotated[str | None, typer.Argument(help="Another one; the champion without it.")] = None,
    label_set: LabelSetOption = "movielens",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Compare two versions of a model on the same test movies, as the gate would."""
    _known(label_set, model)
    from flows.inspect.models import compare_models

    compare_models(read_settings(home), label_set, model, version, against, as_json)


@registry.command(epilog="Example: reelhouse models table --splits 5 --label-set tmdb")
def table(
    splits: Annotated[
        int, typer.Option("--splits", min=0, max=20, help="Other splits, trained anew, for the spread.")
    ] = 5,
    label_sets: Annotated[
        list[str] | None, typer.Option("--label-set", help="movielens, tmdb or imdb; those of the settings.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure all models on split 0 and others, beside plain baselines and with modalities hidden.

    Every split is a whole training of its label set; finished ones are kept and not trained again.
    """
    settings = read_settings(home)
    for name in label_sets or ():
        _label_set(name)
    from flows.inspect.models import models_table

    with ends_when_asked():
        models_table(settings, label_sets or settings.label_sets, splits, as_json)


@app.command(epilog="Example: reelhouse explain tt0113101 --genre Comedy")
def explain(
    movie: Annotated[str, typer.Argument(help='Title, with or without "(year)", IMDb id, or movie_id.')],
    label_set: LabelSetOption = "movielens",
    genres: Annotated[
        list[str] | None, typer.Option("--genre", help="Only these genres; those predicted without any.")
    ] = None,
    top: Annotated[int, typer.Option("--top", min=1, max=1000, help="Pieces per model and genre.")] = 5,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say which tags, words, people and numbers drove each model's opinion; kept for SQL as well."""
    _label_set(label_set)
    from models import LABEL_SETS

    choose(genres, LABEL_SETS[label_set].genres, "genre")
    from flows.inspect.models import explain_movie

    explain_movie(read_settings(home), movie, label_set, genres, top, as_json)


@app.command(epilog="Example: reelhouse suspects --label-set tmdb --limit 20")
def suspects(
    label_set: LabelSetOption = "movielens",
    limit: Annotated[int, typer.Option("--limit", min=1, help="So many labels.")] = 50,
    kind: Annotated[
        Doubt | None, typer.Option("--kind", help="Only labels that are wrong, or only missing ones.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the labels most likely wrong or missing in a source, by a model that had not learnt from them."""
    _label_set(label_set)
    from flows.inspect.models import list_suspects

    list_suspects(read_settings(home), label_set, limit, kind.value if kind else None, as_json)
