"""Commands of the feature store: a group whose unknown first word is a view to build."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from flows.commands.options import HomeOption, JsonOption, choose, parse_path, read_settings, run_flow
from flows.engine.interruption import ends_when_asked

_MOVIE_ID = re.compile(r"[0-9]{1,18}")
ViewArgument = Annotated[str, typer.Argument(help="Feature view, such as tags.")]


class _BuildUnlessNamed(TyperGroup):
    """`reelhouse features text` is `reelhouse features build text`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["build", *args]
        return super().parse_args(ctx, args)


app = typer.Typer()
store = typer.Typer(
    name="features", cls=_BuildUnlessNamed,
    help="The feature store. `reelhouse features [VIEW…]` brings views up to date, as `build` does.",
)  # fmt: skip
app.add_typer(store)


@store.command(epilog="Example: reelhouse features build text --plan")
def build(
    names: Annotated[list[str] | None, typer.Argument(help="Feature views; all when none is named.")] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say how many movies would be computed; writes nothing.")
    ] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring feature views up to date: only movies whose inputs changed are computed."""
    settings = read_settings(home)
    from flows.engine.context import feature_views
    from flows.steps.catalogue import feature_steps

    choose(names, tuple(feature_views(settings)), "feature view")
    if plan:
        from flows.inspect.features import plan_views

        plan_views(settings, tuple(names or ()), as_json)
        return
    run_flow(
        "features", settings, feature_steps(settings, tuple(names or ())), as_json, {"views": names or []}
    )


@store.command(
    epilog="Example: reelhouse features dataset metadata text --released 2000-01-01..2020-01-01 "
    "--as-of 2026-11-01 --label-set movielens --out train.parquet"
)
def dataset(
    names: Annotated[
        list[str] | None, typer.Argument(help="Feature views; all that were built when none is named.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", parser=parse_path, help="Write this Parquet file.")
    ] = None,
    ids: Annotated[str | None, typer.Option("--ids", help="Values of movie_id, separated by commas.")] = None,
    query: Annotated[
        str | None, typer.Option("--sql", help="SELECT with movie_id and, if wanted, as_of.")
    ] = None,
    released: Annotated[
        str | None, typer.Option("--released", help="Movies released in A..B, without B.")
    ] = None,
    as_of: Annotated[
        datetime | None, typer.Option("--as-of", help="What was true and known at that time, in UTC.")
    ] = None,
    label_set: Annotated[
        str | None, typer.Option("--label-set", help="Add the split, and the genres at that source.")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest", parser=parse_path, help="Make the dataset of this manifest again, bit for bit."
        ),
    ] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Only print the SQL of the joins.")] = False,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write what views said of movies as of a time, with a manifest; of all movies unless some are named."""
    settings = read_settings(home)
    from flows.engine.context import feature_views
    from flows.inspect.dataset import make_dataset, print_sql, reproduce
    from flows.steps.selection import parse_range

    choose(names, tuple(feature_views(settings)), "feature view")
    view_names = tuple(names or ())
    others = (out, ids, query, released, as_of, label_set, manifest)
    if explain and any(option is not None for option in others):
        raise typer.BadParameter("--explain only prints the SQL of views: leave out the other options")
    if explain:
        print_sql(settings, view_names)
        return
    if out is None:
        raise typer.BadParameter("say where to: --out FILE.parquet")
    given = [option for option in (ids, query, released) if option is not None]
    if len(given) > 1 or (manifest and (given or view_names or as_of or label_set)):
        raise typer.BadParameter("the rows come from one of --ids, --sql, --released and --manifest")
    with ends_when_asked():
        if manifest:
            reproduce(settings, manifest, out, as_json)
            return
        if label_set:
            choose([label_set], ("movielens", "tmdb", "imdb"), "label set")
        if ids is not None and not all(_MOVIE_ID.fullmatch(word.strip()) for word in ids.split(",")):
            raise typer.BadParameter(f"--ids takes movie ids separated by commas, not {ids!r}")
        make_dataset(
            settings, view_names, out,
            ids=tuple(int(word) for word in ids.split(",")) if ids else (), sql=query,
            released=parse_range(released) if released else None,
            as_of=as_of.replace(tzinfo=UTC) if as_of else None, label_set=label_set, as_json=as_json,
        )  # fmt: skip


@store.command("list", epilog="Example: reelhouse features list --json")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List every version of every view, with its rows, and the models that were trained on it."""
    settings = read_settings(home)
    from flows.inspect.features import list_views

    list_views(settings, as_json)


@store.command(epilog="Example: reelhouse features show tags")
def show(
    name: ViewArgument,
    movie: Annotated[
        str | None, typer.Option("--movie", help="Show that movie's row: title, IMDb id or movie_id.")
    ] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a view's definition, version and coverage, and what a build would compute; or a movie's row."""
    settings = read_settings(home)
    from flows.engine.context import feature_views
    from flows.inspect.features import show_movie, show_view

    choose([name], tuple(feature_views(settings)), "feature view")
    if movie is None:
        show_view(settings, name, as_json)
    else:
        show_movie(settings, name, movie, as_json)


@store.command(epilog="Example: reelhouse features learn taste")
def learn(
    name: Annotated[str, typer.Argument(help="View that is learnt: taste.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn the taste view's directions from the ratings held now; nights build the view from then on."""
    settings = read_settings(home)
    from flows.inspect.features import learn_view

    choose([name], ("taste",), "view that is learnt")
    with ends_when_asked():
        learn_view(settings, as_json)


@store.command(epilog="Example: reelhouse features drop tags 0b6f2c9a41d7")
def drop(
    name: ViewArgument,
    version: Annotated[str, typer.Argument(help="Version, as `reelhouse features list` shows it.")],
    force: Annotated[
        bool, typer.Option("--force", help="Drop it also where registered models were trained on it.")
    ] = False,
    home: HomeOption = None,
) -> None:
    """Delete the rows of one version of a view."""
    settings = read_settings(home)
    from flows.engine.context import feature_views
    from flows.inspect.features import drop_view

    choose([name], tuple(feature_views(settings)), "feature view")
    drop_view(settings, name, version, force=force)


@store.command(epilog="Example: reelhouse features audit --top 30")
def audit(
    source: Annotated[str, typer.Option("--source", help="movielens, tmdb or imdb.")] = "movielens",
    top: Annotated[int, typer.Option("--top", min=1, max=10_000, help="How many tags.")] = 50,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the tags that are left by how well each alone predicts a genre, to find leaks."""
    settings = read_settings(home)
    from flows.inspect.features import audit_tags

    choose([source], ("movielens", "tmdb", "imdb"), "source")
    audit_tags(settings, source, top, as_json)


@store.command(epilog="Example: reelhouse features ablation")
def ablation(
    label_set: Annotated[str, typer.Option("--label-set", help="movielens, tmdb or imdb.")] = "movielens",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a quick model on tags with and without those that name genres, and print both AUCs."""
    settings = read_settings(home)
    from flows.inspect.features import ablate_leaks
    from models import LABEL_SETS

    choose([label_set], tuple(LABEL_SETS), "label set")
    with ends_when_asked():
        ablate_leaks(settings, label_set, as_json)
