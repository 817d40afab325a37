"""`reelhouse quarantine`: what was set aside and why, and landing it after a fix."""

import json
from dataclasses import dataclass
from functools import partial

from flows.engine.console import amount
from flows.errors import FlowError
from flows.inspect.output import plain
from flows.settings import Settings
from flows.steps.bulk import Work, ingest_imdb, ingest_movielens
from flows.steps.catalogue import StepSpec, conform_steps, location
from warehouse import Warehouse
from warehouse.quarantine import Which, drop, replay, rows, summary

ORIGINAL_WIDTH = 400
_FILES = {"imdb": ingest_imdb, "movielens": ingest_movielens}


@dataclass(frozen=True)
class Chosen:
    """Which rows of the quarantine a command is about, and how that was said."""

    which: Which
    said: dict[str, object]


def which(
    ids: list[int] | None, source: str | None, table: str | None, reason: str | None, batch: str | None
) -> Chosen:
    """The choice that a command line makes; all of it must hold of a row."""
    said = {"ids": ids or None, "source": source, "table": table, "reason": reason, "batch": batch}
    chosen = Which(source, table, reason, batch, tuple(ids) if ids else None)
    return Chosen(chosen, {name: value for name, value in said.items() if value is not None})


def print_summary(settings: Settings, as_json: bool) -> None:
    """Print how many rows lie in quarantine for which reason."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        found = summary(warehouse).to_pylist()
    if as_json:
        print(json.dumps(plain(found), indent=1, ensure_ascii=False))
        return
    if not found:
        print("nothing is in quarantine")
        return
    for row in found:
        print(f"{amount(row['rows']):>8}  {row['table_name']}  {row['reason']}")
        print(f"          from {row['source']}, last {row['last_seen']:%Y-%m-%d %H:%M} UTC")
    print(f"{amount(sum(row['rows'] for row in found))} rows; reelhouse quarantine show prints them")


def print_rows(settings: Settings, chosen: Chosen, limit: int, as_json: bool) -> None:
    """Print rows as they came; raises `FlowError` where a number that was asked for is not there."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        found = rows(warehouse, chosen.which, limit).to_pylist()
    present = {row["id"] for row in found}
    if missing := [number for number in (chosen.which.ids or ())[:limit] if number not in present]:
        raise FlowError(
            f"row {missing[0]} is not in quarantine: reelhouse quarantine show prints the numbers"
        )
    if as_json:
        print(json.dumps(plain(found), indent=1, ensure_ascii=False))
        return
    if not found:
        print("no such row is in quarantine")
    for row in found:
        print(f"{row['id']}  {row['table_name']}  {row['reason']}")
        print(f"    from {row['source']}, batch {row['batch_id']}, {row['seen_at']:%Y-%m-%d %H:%M:%S} UTC")
        original = row["original"] or ""
        print(f"    {original[:ORIGINAL_WIDTH]}{'…' if len(original) > ORIGINAL_WIDTH else ''}")


def replay_steps(settings: Settings, chosen: Chosen) -> list[StepSpec]:
    """Land the rows again, reading their files again where they are lines of files; then conform."""
    return [
        StepSpec("replay", partial(_replay, chosen=chosen)),
        *conform_steps(settings, sources=()),
    ]


def _replay(work: Work, chosen: Chosen) -> None:
    done = replay(work.warehouse, chosen.which, run_id=work.run_id)
    lines = 0
    for (source, stream), ids in done.lines.items():
        lines += _read_again(work, source, stream, ids)
    work.step.counts.update(
        landed=done.landed,
        lines_landed=lines,
        settled=done.settled,
        set_aside_again=done.set_aside_again + sum(map(len, done.lines.values())) - lines,
        not_replayable=done.not_replayable,
    )
    work.step.rows_out = done.landed + lines
    if not any(value for value in work.step.counts.values() if isinstance(value, int)):
        work.step.counts["note"] = "no such row is in quarantine"


def _read_again(work: Work, source: str, stream: str, ids: list[int]) -> int:
    """Read a source's file again as if it were new, and return how many of the lines are rows now."""
    work.warehouse.forget_cursor(source, stream)
    counts = dict(work.step.counts)
    _FILES[source](work, stream)
    work.step.counts.clear()
    work.step.counts.update(counts)
    return drop(work.warehouse, ids)
