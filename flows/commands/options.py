"""What the commands share: options, the settings they read, and how a run ends."""

import json
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from flows.engine.address_space import LEAST_TO_READ, require_address_space
from flows.engine.console import Reporter, Stopwatch, duration
from flows.engine.failure import NOWHERE, stands_nowhere
from flows.engine.interruption import ends_when_asked
from flows.engine.terminal import note
from flows.errors import FlowError, SettingsError
from flows.settings import Settings, load_settings, unknown_environment

JsonOption = Annotated[bool, typer.Option("--json", help="Print the result as JSON on standard output.")]


def parse_path(text: str) -> Path:
    """Return an argument as a path; BadParameter, which is wrong usage, where it is empty."""
    if not text:
        raise typer.BadParameter("name a path: this one is empty")
    return Path(text)


HomeOption = Annotated[
    Path | None,
    typer.Option("--home", parser=parse_path, help="Directory of all that is written [env: REELHOUSE_HOME]."),
]

READ: list[Settings] = []
"""The settings that the command has read: an error tells of its home."""


def read_settings(home: Path | None = None, **overrides: Any) -> Settings:
    """Return the settings in force, with `--home` over them; warn of variables that are not settings."""
    for name in unknown_environment(os.environ):
        note(f"warning: {name} is no setting of Reelhouse and is ignored")
    require_address_space(LEAST_TO_READ, "any command")
    if home is not None:
        overrides["home"] = home
    try:
        settings = load_settings(**overrides)
    except SettingsError:
        if stands_nowhere():
            raise FlowError(NOWHERE) from None
        raise
    READ.append(settings)
    return settings


def choose(names: list[str] | None, choices: tuple[str, ...], kind: str) -> None:
    """Raise BadParameter, which is wrong usage, where a name is not one of `choices`."""
    for name in names or ():
        if name not in choices:
            raise typer.BadParameter(f"unknown {kind} {name!r}: choose from {', '.join(choices)}")


def finish(outcome: Any, as_json: bool, seconds: float, reporter: Reporter) -> None:
    """Print how a run ended; exit with code 1 where a step failed."""
    from flows.engine.run import nothing_done
    from flows.engine.step import UPKEEP

    if as_json:
        steps = {name: result.as_dict() for name, result in outcome.results.items()}
        print(json.dumps({"run_id": outcome.run_id, "state": outcome.state, "seconds": round(seconds, 1),
                          "steps": steps, "failures": outcome.failures}, indent=1))  # fmt: skip
    if outcome.failures:
        reporter.line(
            f"run {outcome.run_id} is {outcome.state} after {duration(seconds)}: "
            f"{', '.join(outcome.failures)} failed; the next run carries on from here"
        )
        raise typer.Exit(1)
    if nothing_done(outcome):
        kinds = {result.kind for result in outcome.results.values()}
        verdict = "" if kinds == {UPKEEP} else ": nothing fetched, encoded, trained or scored"
        reporter.line(f"nothing to do{verdict} ({duration(seconds)})")
    else:
        reporter.line(f"run {outcome.run_id} completed in {duration(seconds)}")


def run_flow(flow: str, settings: Settings, specs: Any, as_json: bool, parameters: dict[str, Any]) -> Any:
    """Run steps in this process, print how the run ended and return its `Outcome`.

    Ctrl-C and SIGTERM end it within seconds.
    """
    watch, reporter = Stopwatch(), Reporter()
    with ends_when_asked():
        from flows.engine.run import run_steps

        outcome = run_steps(settings, flow, specs, reporter, parameters=parameters)
    finish(outcome, as_json, watch.seconds, reporter)
    return outcome
