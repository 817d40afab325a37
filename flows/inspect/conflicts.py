"""`reelhouse conflicts`: where the sources contradict each other about ids, and a person's word on it."""

import getpass
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flows.engine.console import amount
from flows.engine.context import location
from flows.engine.terminal import note, print_line
from flows.errors import FlowError, WrongUsage
from flows.inspect.output import plain
from flows.settings import Settings
from warehouse import Warehouse
from warehouse.decisions import are_noticed, conflicts, decide, decisions, is_named, node_of, take_back
from warehouse.errors import MeaninglessDecision


def print_conflicts(settings: Settings, as_json: bool) -> None:
    """Print the claims that lost, each beside the one that won, and the decisions in force."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        if not are_noticed(warehouse):
            raise FlowError(
                "an earlier release wrote this warehouse last: its next night looks for contradictions"
            )
        lost = conflicts(warehouse).to_pylist()
        decided = decisions(warehouse).to_pylist()
    if as_json:
        print(json.dumps(plain({"conflicts": lost, "decisions": decided}), indent=1, ensure_ascii=False))
        return
    for row in lost:
        node = node_of(row["source"], row["source_id"])
        print_line(f"{node}  is {row['won_target']}{_title(row, 'won')}, says {_who(row, 'won')}")
        lost_title = "" if row["lost_movie_id"] == row["won_movie_id"] else _title(row, "lost")
        print_line(f"    not {row['lost_target']}{lost_title}, as {_who(row, 'lost')} says")
        print_line(f"    {row['reason']}")
    for row in decided:
        node = node_of(row["source"], row["source_id"])
        print_line(f"{node}  was decided to be {row['target']} by {row['author']}: {row['reason']}")
    if not lost:
        print_line("the sources contradict each other nowhere")
        return
    open_ = sum(row["won_source"] != "person" for row in lost)
    plural = "s" if len(lost) > 1 else ""
    print_line(
        f"{amount(len(lost))} contradiction{plural}, {amount(open_)} of which nobody has decided: "
        "reelhouse conflicts overrule ID TARGET --reason '…'"
    )


def _who(row: Mapping[str, Any], side: str) -> str:
    source, record = row[f"{side}_source"], row[f"{side}_record"]
    return f"a person about {record}" if source == "person" else f"{source} in {record}"


def _title(row: Mapping[str, Any], side: str) -> str:
    title, year = row[f"{side}_title"], row[f"{side}_year"]
    return f" ({title}{f', {year}' if year else ''})" if title else ""


def overrule(settings: Settings, subject: str, target: str, author: str | None, reason: str) -> None:
    """Record which movie an id is; raises `BadDecision` in one line where that cannot hold."""
    with _meant(), _existing(settings) as warehouse:
        known = is_named(warehouse, target)
        decide(warehouse, subject, target, author=author or _user(), reason=reason)
    if not known:
        note(f"no source has named {target} so far: its movie has no title of its own yet")


def undo(settings: Settings, subject: str, author: str | None, reason: str) -> None:
    """Record that a decision is taken back; raises `BadDecision` where there is none."""
    with _meant(), _existing(settings) as warehouse:
        take_back(warehouse, subject, author=author or _user(), reason=reason)


@contextmanager
def _meant() -> Iterator[None]:
    """Raise WrongUsage for a decision that has no meaning, whatever the warehouse holds."""
    try:
        yield
    except MeaninglessDecision as error:
        raise WrongUsage(str(error)) from None


def _existing(settings: Settings) -> Warehouse:
    """Open an existing warehouse for writing; raises `NoWarehouse` where there is none."""
    Warehouse.open(location(settings), read_only=True).close()
    return Warehouse.open(location(settings))


def _user() -> str:
    """Return the name of who is logged in; a container may have none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
