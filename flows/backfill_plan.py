"""`reelhouse backfill --plan`: what would be fetched, in how many requests, and for how long."""

import json

from flows.backfill import Selection, plan
from flows.console import amount, duration
from flows.settings import Settings
from flows.steps import location
from warehouse import Warehouse


def print_plan(settings: Settings, selection: Selection, as_json: bool) -> None:
    """Print the plan of a backfill; asks TMDb for lists only and writes nothing to the warehouse's tables."""
    with Warehouse.open(location(settings)) as warehouse:
        chosen, unknown = plan(settings, warehouse, selection)
    seconds = len(chosen.ids) / settings.tmdb_requests_per_second
    found = {
        "missing": len(chosen.new),
        "changed": len(chosen.changed),
        "unknown_ids": unknown,
        "requests": len(chosen.ids),
        "seconds": round(seconds, 1),
        "requests_per_second": settings.tmdb_requests_per_second,
    }
    if as_json:
        print(json.dumps(found, indent=1))
        return
    print(f"missing here      {amount(len(chosen.new)):>12}")
    print(f"changed at TMDb   {amount(len(chosen.changed)):>12}")
    if unknown:
        print(f"unknown to TMDb   {amount(len(unknown)):>12}  {', '.join(unknown[:10])}")
    print(
        f"requests          {amount(len(chosen.ids)):>12}  "
        f"{duration(seconds)} at {amount(settings.tmdb_requests_per_second)} per second, posters besides"
    )
