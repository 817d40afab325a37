"""`reelhouse conflicts`: where the sources contradict each other about ids, and a person's word on it."""

import getpass
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from flows.console import amount
from flows.ingest import Work
from flows.output import plain
from flows.settings import Settings
from flows.steps import StepSpec, conform_steps, location
from warehouse import Warehouse
from warehouse.decisions import conflicts, decide, decisions, node_of, parse_id, take_back


def print_conflicts(settings: Settings, as_json: bool) -> None:
    """Print the claims that lost, each beside the one that won, and the decisions in force."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        lost = conflicts(warehouse).to_pylist()
        decided = decisions(warehouse).to_pylist()
    if as_json:
        print(json.dumps(plain({"conflicts": lost, "decisions": decided}), indent=1, ensure_ascii=False))
        return
    for row in lost:
        node = node_of(row["source"], row["source_id"])
        print(f"{node}  is {row['won_target']}{_title(row, 'won')}, says {_who(row, 'won')}")
        print(f"    not {row['lost_target']}{_title(row, 'lost')}, as {_who(row, 'lost')} says")
        print(f"    {row['reason']}")
    for row in decided:
        node = node_of(row["source"], row["source_id"])
        print(f"{node}  was decided to be {row['target']} by {row['author']}: {row['reason']}")
    if not lost:
        print("the sources contradict each other nowhere")
        return
    open_ = sum(row["won_source"] != "person" for row in lost)
    print(
        f"{amount(len(lost))} contradictions, {amount(open_)} of which nobody has decided: "
        "reelhouse conflicts overrule ID TARGET --reason '…'"
    )


def _who(row: Mapping[str, Any], side: str) -> str:
    source, record = row[f"{side}_source"], row[f"{side}_record"]
    return f"a person about {record}" if source == "person" else f"{source} in {record}"


def _title(row: Mapping[str, Any], side: str) -> str:
    title, year = row[f"{side}_title"], row[f"{side}_year"]
    return f" ({title}{f', {year}' if year else ''})" if title else ""


def overrule_steps(
    settings: Settings, subject: str, target: str, author: str | None, reason: str
) -> list[StepSpec]:
    """Decide which movie an id is, then conform."""
    parse_id(subject), parse_id(target)
    return [
        StepSpec("overrule", partial(_overrule, subject=subject, target=target, author=author, reason=reason)),
        *conform_steps(settings, sources=()),
    ]


def undo_steps(settings: Settings, subject: str, author: str | None, reason: str) -> list[StepSpec]:
    """Take back what is decided about an id, then conform."""
    parse_id(subject)
    return [
        StepSpec("undo", partial(_undo, subject=subject, author=author, reason=reason)),
        *conform_steps(settings, sources=()),
    ]


def _overrule(work: Work, subject: str, target: str, author: str | None, reason: str) -> None:
    done = decide(work.warehouse, subject, target, author=author or _user(), reason=reason)
    work.step.rows_out = 1
    work.step.counts.update(decided=1, id=node_of(done.source, done.source_id), target=done.target or "")


def _undo(work: Work, subject: str, author: str | None, reason: str) -> None:
    done = take_back(work.warehouse, subject, author=author or _user(), reason=reason)
    work.step.rows_out = 1
    work.step.counts.update(undone=1, id=node_of(done.source, done.source_id))


def _user() -> str:
    """Return the name of who is logged in; a container may have none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
