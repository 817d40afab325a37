"""`reelhouse diff`: what changed between two snapshots of the warehouse, for people and for scripts."""

import json
import sys
from collections import Counter
from datetime import datetime
from typing import Any

import pyarrow as pa

from flows.engine.console import Reporter, amount
from flows.engine.context import location
from flows.engine.terminal import print_line
from flows.inspect.output import plain
from flows.settings import Settings
from warehouse.snapshots import Diff
from warehouse.snapshots import diff as compare

WIDTH = 60


def read_diff(settings: Settings, earlier: int | datetime, later: int | datetime | None) -> Diff:
    """Compare two snapshots; raises `QueryFailed` where the lake does not keep one of them."""
    with Reporter().ticking("diff"):
        return compare(location(settings), earlier, later)


def print_diff(diff: Diff, *, limit: int, as_json: bool) -> None:
    """Print the differences: as JSON in full, or `limit` lines of each kind (0: all) for people."""
    if as_json:
        json.dump(as_dict(diff), sys.stdout, indent=1, ensure_ascii=False)
        print_line()
        return
    print_line(
        f"from snapshot {diff.earlier} ({diff.earlier_time:%Y-%m-%d %H:%M:%S}) "
        f"to {diff.later} ({diff.later_time:%Y-%m-%d %H:%M:%S} UTC)"
    )
    if not diff.tables.num_rows:
        print_line("nothing changed")
        return
    counts = Counter(diff.movies["change"].to_pylist())
    summary = ", ".join(f"{amount(counts[kind])} {kind}" for kind in ("added", "changed", "deleted"))
    print_line()
    print_line(f"movies: {summary}")
    _list(diff.movies, limit, lambda row: f"{row['change']:<8} {row['title'] or row['movie_id']}")
    print_line()
    print_line(f"fields: {amount(diff.fields.num_rows)} changed")
    _list(
        diff.fields,
        limit,
        lambda row: (
            f"{row['title'] or row['movie_id']}: {row['field']}: "
            f"{_short(row['before'])} → {_short(row['after'])}"
        ),
    )
    print_line()
    print_line(f"predictions: {amount(diff.predictions.num_rows)} turned")
    _list(diff.predictions, limit, _turned)
    print_line()
    print_line("rows per table (an update counts as one of each):")
    for row in diff.tables.to_pylist():
        print_line(f"  {row['table_name']:<32} +{amount(row['inserted'])} -{amount(row['deleted'])}")


def as_dict(diff: Diff) -> dict[str, Any]:
    """Return the differences as JSON carries them."""
    return {
        "earlier": {"snapshot_id": diff.earlier, "time": diff.earlier_time.isoformat()},
        "later": {"snapshot_id": diff.later, "time": diff.later_time.isoformat()},
        **{
            name: plain(getattr(diff, name).to_pylist())
            for name in ("tables", "movies", "fields", "predictions")
        },
    }


def _list(rows: pa.Table, limit: int, text: Any) -> None:
    for row in (rows.slice(0, limit) if limit else rows).to_pylist():
        print_line(f"  {text(row)}")
    if limit and rows.num_rows > limit:
        print_line(f"  … and {amount(rows.num_rows - limit)} more (--limit 0 prints all)")


def _turned(row: dict[str, Any]) -> str:
    def decided(when: str) -> str:
        if row[when] is None:
            return "not scored"
        return f"{'yes' if row[when] else 'no'} ({row[f'probability_{when}']:.2f})"

    whose = f"{row['label_set']} {row['model']} {row['genre']}"
    return f"{row['title'] or row['movie_id']}: {whose}: {decided('before')} → {decided('after')}"


def _short(text: str | None) -> str:
    if text is None:
        return "unknown"
    text = " ".join(text.split())
    return text if len(text) <= WIDTH else text[: WIDTH - 1] + "…"
