"""`reelhouse quarantine`: what was set aside and why."""

import json

from flows.engine.console import amount
from flows.engine.context import location
from flows.engine.terminal import print_line
from flows.errors import FlowError
from flows.inspect.output import plain
from flows.settings import Settings
from flows.steps.replay import SelectedRows
from warehouse import Warehouse
from warehouse.quarantine import rows, summary

ORIGINAL_WIDTH = 400


def print_summary(settings: Settings, as_json: bool) -> None:
    """Print how many rows lie in quarantine for which reason."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        counts = summary(warehouse).to_pylist()
    if as_json:
        print(json.dumps(plain(counts), indent=1, ensure_ascii=False))
        return
    if not counts:
        print_line("nothing is in quarantine")
        return
    for row in counts:
        print_line(f"{amount(row['rows']):>8}  {row['table_name']}  {row['reason']}")
        print_line(f"          from {row['source']}, last {row['last_seen']:%Y-%m-%d %H:%M} UTC")
    print_line(f"{amount(sum(row['rows'] for row in counts))} rows; reelhouse quarantine show prints them")


def print_rows(settings: Settings, selection: SelectedRows, limit: int, as_json: bool) -> None:
    """Print rows as they came; raises `FlowError` where a number that was asked for is not there."""
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        records = rows(warehouse, selection.which, limit).to_pylist()
    present = {row["id"] for row in records}
    if missing := [number for number in (selection.which.ids or ())[:limit] if number not in present]:
        raise FlowError(
            f"row {missing[0]} is not in quarantine: reelhouse quarantine show prints the numbers"
        )
    if as_json:
        print(json.dumps(plain(records), indent=1, ensure_ascii=False))
        return
    if not records:
        print_line("no such row is in quarantine")
    for row in records:
        print_line(f"{row['id']}  {row['table_name']}  {row['reason']}")
        print_line(
            f"    from {row['source']}, batch {row['batch_id']}, {row['seen_at']:%Y-%m-%d %H:%M:%S} UTC"
        )
        original = row["original"] or ""
        print_line(f"    {original[:ORIGINAL_WIDTH]}{'…' if len(original) > ORIGINAL_WIDTH else ''}")
