"""Moments of the lake: a snapshot's number or a time, as people write them, and what they mean."""

# ruff: noqa: S608 — names are constants, values are bound

from datetime import UTC, datetime, timedelta

import duckdb

from warehouse.errors import QueryFailed
from warehouse.location import Location

_SLACK = timedelta(minutes=5)
"""How far the clock of the machine that asks may be behind that of the one that writes."""


def parse_as_of(text: str, now: datetime | None = None) -> int | datetime:
    """Return a snapshot's number, or a time (UTC where the text names no zone; a date is its first moment).

    `now`, `today` and `yesterday` are times too: the last two mean the first moment of that day in UTC.

    >>> parse_as_of("17")
    17
    >>> parse_as_of("2026-11-20 08:00")
    datetime.datetime(2026, 11, 20, 8, 0, tzinfo=datetime.timezone.utc)
    """
    value = text.strip().lower()
    if value.isascii() and value.isdigit() and len(value) <= 15:
        return int(value)
    now = now or datetime.now(UTC)
    midnight = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    words = {"now": now, "today": midnight, "yesterday": midnight - timedelta(days=1)}
    if value in words:
        return words[value]
    try:
        # Digits alone would be read as a date without its dashes.
        time = datetime.fromisoformat(text.strip() if not value.isdigit() else "")
    except ValueError:
        raise QueryFailed(
            f"not a snapshot or a time: {text!r}; write a snapshot's number like 17, a time like "
            "2026-11-20T08:00, or yesterday"
        ) from None
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def resolve(
    connection: duckdb.DuckDBPyConnection, alias: str, location: Location, as_of: int | datetime
) -> int:
    """Return the number of a snapshot that the attached lake keeps: that one, or the newest at that time.

    Raises QueryFailed with what the lake does keep, and for a time that is still to come.
    """
    if isinstance(as_of, datetime) and as_of > datetime.now(UTC) + _SLACK:
        raise QueryFailed(
            f"{as_of:%Y-%m-%d %H:%M:%S %Z} is still to come: leave the time out for the lake as it is"
        )
    condition = "snapshot_id = ?" if isinstance(as_of, int) else "snapshot_time <= ?"
    row = connection.execute(
        f"SELECT max(snapshot_id) FROM {alias}.snapshots() WHERE {condition}", [as_of]
    ).fetchone()
    if row is None or row[0] is None:
        raise QueryFailed(f"{location} has no snapshot {_said(as_of)}: {_kept(connection, alias, as_of)}")
    return int(row[0])


def _said(as_of: int | datetime) -> str:
    return f"{as_of}" if isinstance(as_of, int) else f"as of {as_of:%Y-%m-%d %H:%M:%S %Z}"


def _kept(connection: duckdb.DuckDBPyConnection, alias: str, as_of: int | datetime) -> str:
    row = connection.execute(
        "SELECT min(snapshot_id), max(snapshot_id), min(snapshot_time), max(snapshot_time), "
        "max(snapshot_id) FILTER (WHERE snapshot_id < $wanted), "
        "min(snapshot_id) FILTER (WHERE snapshot_id > $wanted) "
        f"FROM {alias}.snapshots()",
        {"wanted": as_of if isinstance(as_of, int) else -1},
    ).fetchone()
    if row is None or row[0] is None:
        return "it has none"
    span = f"it keeps {row[0]} ({row[2]:%Y-%m-%d %H:%M:%S}) to {row[1]} ({row[3]:%Y-%m-%d %H:%M:%S} UTC)"
    between = isinstance(as_of, int) and None not in row[4:]
    return f"{span}, of which {row[4]} is the last before it and {row[5]} the next after" if between else span
