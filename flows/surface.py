"""All that a user of the command line and of the schedules relies on, as one text.

`python -m flows.surface` writes `tests/flows/surface.txt`, from the repository's root; a test compares them,
so that no help text, flow, parameter or default schedule changes unnoticed.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.engine.schedule import Schedules
from flows.reference import command_line
from flows.serving.orchestration import prefect_environment
from flows.settings import Settings

if TYPE_CHECKING:
    from prefect.flows import Flow

WIDTH = 100


def surface() -> str:
    """Return the help of every command, then every flow with its parameters, schedule and limit."""
    return "\n".join([*_commands(), *_flows()]) + "\n"


def _commands() -> Iterator[str]:
    group = command_line()
    width = {"terminal_width": WIDTH, "max_content_width": WIDTH}
    root = group.context_class(group, info_name="reelhouse", **{**group.context_settings, **width})
    yield from _helps(group, root, width)


def _helps(command: Any, context: Any, width: dict[str, int]) -> Iterator[str]:
    yield from (f"$ {context.command_path} --help", command.get_help(context).strip(), "")
    for name, each in sorted(getattr(command, "commands", {}).items()):
        inner = each.context_class(each, info_name=name, parent=context, **width)
        yield from _helps(each, inner, width)


def _flows() -> Iterator[str]:
    from flows.serving.deployments import FLOWS, deployments

    schedules = Schedules.of(Settings.model_construct())
    for flow, deployment in zip(FLOWS, deployments(schedules), strict=True):
        crons = [str(getattr(each.schedule, "cron", "")) for each in deployment.schedules or []]
        strategy = deployment.concurrency_options
        yield f"flow {flow.name}({', '.join(_parameters(flow))})"
        yield f"    entry point {deployment.entrypoint}"
        yield f"    deployment {flow.name}/{deployment.name}, {', '.join(crons) or 'by hand'}"
        if deployment.concurrency_limit is not None and strategy is not None:
            yield f"    limit {deployment.concurrency_limit}, {strategy.collision_strategy.value}"


def _parameters(flow: "Flow[..., Any]") -> list[str]:
    return list(flow.parameters.properties)


def main() -> None:
    """Write the text where the test looks for it."""
    Path("tests/flows/surface.txt").write_text(surface(), encoding="utf-8")


if __name__ == "__main__":
    prefect_environment(Path("build").absolute())
    main()
