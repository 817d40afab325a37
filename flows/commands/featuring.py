"""Commands of the feature store: a group whose unknown first word is a view to build."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from flows.commands.options import HomeOption, JsonOption, choose, read_settings, run_flow
from flows.interruption import ends_when_asked

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
    from flows.steps import feature_steps, feature_views

    choose(names, tuple(feature_views(settings)), "feature view")
    if plan:
        from flows.featuring import plan_views

        plan_views(settings, tuple(names or ()), as_json)
        return
    run_flow(
        "features", settings, feature_steps(settings, tuple(names or ())), as_json, {"views": names or []}
    )


@store.command("list", epilog="Example: reelhouse features list --json")
def list_(home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List every version of every view, with its rows, and the models that were trained on it."""
    settings = read_settings(home)
    from flows.featuring import list_views

    list_views(settings, as_json)


@store.command(epilog="Example: reelhouse features show tags")
def show(name: ViewArgument, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Show a view's definition, version and coverage, and what a build would compute."""
    settings = read_settings(home)
    from flows.featuring import show_view
    from flows.steps import feature_views

    choose([name], tuple(feature_views(settings)), "feature view")
    show_view(settings, name, as_json)


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
    from flows.featuring import drop_view
    from flows.steps import feature_views

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
    from flows.featuring import audit_tags

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
    from flows.featuring import ablate_leaks
    from models import LABEL_SETS

    choose([label_set], tuple(LABEL_SETS), "label set")
    with ends_when_asked():
        ablate_leaks(settings, label_set, as_json)
