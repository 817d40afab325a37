"""`reelhouse backfill --plan`: what would be fetched, in how many requests, and for how long."""

import json
from collections.abc import Iterable, Iterator

from flows.engine.console import amount, duration
from flows.engine.context import location
from flows.engine.terminal import print_line
from flows.settings import Settings
from flows.steps.backfill import NAMED, choose
from flows.steps.selection import Interval, Selection
from warehouse import Warehouse


def print_plan(settings: Settings, selection: Selection, as_json: bool) -> None:
    """Print the plan of a backfill; ask TMDb for lists only and write nothing to the warehouse's tables."""
    with Warehouse.open(location(settings)) as warehouse:
        choice = choose(settings, warehouse, selection)
    plan, unknown = choice.plan, choice.unknown
    seconds = len(plan.ids) / settings.tmdb_requests_per_second
    chunks = -(-len(plan.ids) // settings.backfill_chunk)
    summary = {
        "missing": len(plan.new),
        "changed": len(plan.changed),
        "unknown_ids": unknown,
        "intervals": [
            {"first": str(each.first), "end": str(each.end), "listed": each.listed, "missing": each.missing}
            for each in choice.intervals
        ],
        "requests": len(plan.ids),
        "chunks": chunks,
        "seconds": round(seconds, 1),
        "requests_per_second": settings.tmdb_requests_per_second,
    }
    if as_json:
        print(json.dumps(summary, indent=1))
        return
    print_line(f"missing here      {amount(len(plan.new)):>12}")
    for interval in merged(choice.intervals):
        print_line(
            f"  {interval.first}..{interval.end}  {amount(interval.missing):>8} of {amount(interval.listed)}"
        )
    print_line(f"changed at TMDb   {amount(len(plan.changed)):>12}")
    if unknown:
        print_line(f"unknown to TMDb   {amount(len(unknown)):>12}  {', '.join(unknown[:NAMED])}")
    print_line(
        f"requests          {amount(len(plan.ids)):>12}  "
        f"{duration(seconds)} at {amount(settings.tmdb_requests_per_second)} per second, posters besides"
    )
    print_line(f"chunks            {amount(chunks):>12}  each is scored before the next is fetched")


def merged(intervals: Iterable[Interval]) -> Iterator[Interval]:
    """Yield the intervals with something missing, neighbours joined."""
    open_: Interval | None = None
    for interval in intervals:
        if not interval.missing:
            continue
        if open_ is not None and open_.end == interval.first:
            open_ = Interval(
                open_.first, interval.end, open_.listed + interval.listed, open_.missing + interval.missing
            )
            continue
        if open_ is not None:
            yield open_
        open_ = interval
    if open_ is not None:
        yield open_
