"""Commands of the feature store."""

from typing import Annotated

import typer

from flows.commands.options import HomeOption, JsonOption, choose, read_settings, run_flow

app = typer.Typer()


@app.command(epilog="Example: reelhouse features text")
def features(
    names: Annotated[list[str] | None, typer.Argument(help="Feature views; all when none is named.")] = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Bring feature views up to date: only movies whose inputs changed are computed."""
    settings = read_settings(home)
    from flows.steps import feature_steps, feature_views

    choose(names, tuple(feature_views(settings)), "feature view")
    run_flow(
        "features", settings, feature_steps(settings, tuple(names or ())), as_json, {"views": names or []}
    )
