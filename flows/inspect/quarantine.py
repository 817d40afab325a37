"""`reelhouse quarantine`: what was set aside and why."""

import json

from flows.engine.console import amount
from flows.engine.context import location
from flows.errors import FlowError
from flows.inspect.output import plain
from flows.settings import Settings
from flows.steps.replay import Chosen
from warehouse import Warehouse
from warehouse.quarantine import rows, summary

ORIGINAL_WIDTH = 400


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
