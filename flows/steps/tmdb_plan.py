"""Which TMDb movies a night must fetch, decided from what is known, the daily export and the list of changes.

TMDb's clock decides, not ours: every time here was read from the source's own `Date` header.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

import numpy as np
import pyarrow as pa

GONE = 404
FEW = 1_000
"""Of so few movies, any number may be missing from an export."""


@dataclass(frozen=True)
class TMDbPlan:
    """Ids to fetch, each in one list only: never fetched, changed since, or to be confirmed as gone."""

    new: tuple[int, ...]
    changed: tuple[int, ...]
    vanished: tuple[int, ...]

    @property
    def ids(self) -> tuple[int, ...]:
        """Every id to fetch; the changed ones first, so that a long first load does not delay them."""
        return self.changed + self.vanished + self.new


@dataclass(frozen=True)
class Known:
    """What is known of each TMDb id: three arrays of equal length, sorted by id."""

    ids: np.ndarray  # (n,) int64
    status: np.ndarray  # (n,) int16: the HTTP status of the last answer
    checked: np.ndarray  # (n,) int64: microseconds since the epoch, by TMDb's clock

    @classmethod
    def from_arrow(cls, table: pa.Table) -> "Known":
        """Return what columns `tmdb_id`, `status` and `source_checked_at` hold, sorted by id."""
        ids = table["tmdb_id"].to_numpy()
        order = np.argsort(ids)
        checked = table["source_checked_at"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
        return cls(ids[order], table["status"].to_numpy()[order], checked[order])


def start_of_day(day: date) -> int:
    """Return midnight UTC of a day, in microseconds since the epoch."""
    return int(datetime.combine(day, time.min, UTC).timestamp() * 1_000_000)


def plan_tmdb(
    known: Known,
    *,
    today: date,
    export: Iterable[int] | None,
    changes: Iterable[int],
    never_listed: Iterable[int] = (),
    forgotten: Iterable[int] = (),
) -> TMDbPlan:
    """Return the ids to fetch.

    `export`: every id of a daily export not compared before, or None when there is no newer one.
    `changes`: ids that TMDb lists as changed since the day of the last complete sync, that day included.
    `never_listed`: known ids that no export lists though they exist: adult films. Only changes tell of them.
    `forgotten`: ids that were fetched, and of which no answer is to be trusted; no list needs to name them.

    A changed id is fetched unless it was already fetched today: its later edits of the same day are in
    tomorrow's list again, because that list starts with today. So nothing is missed and a second run of the
    same day fetches nothing twice.
    """
    fetched_today = known.checked >= start_of_day(today)
    changed_ids = np.fromiter(set(changes), dtype=np.int64)
    stale = known.ids[~fetched_today]
    changed = np.intersect1d(changed_ids, stale)
    new = np.setdiff1d(np.union1d(changed_ids, np.fromiter(forgotten, dtype=np.int64)), known.ids)
    vanished = np.empty(0, dtype=np.int64)
    if export is not None:
        listed = np.fromiter(set(export), dtype=np.int64)
        gone = known.ids[(known.status == GONE) & ~fetched_today]
        new = np.union1d(new, np.setdiff1d(listed, known.ids))
        changed = np.union1d(changed, np.intersect1d(listed, gone))  # listed again: it came back
        alive = known.ids[(known.status != GONE) & ~fetched_today]
        unlisted = np.setdiff1d(alive, listed)
        vanished = np.setdiff1d(np.setdiff1d(unlisted, changed), np.fromiter(never_listed, dtype=np.int64))
    return TMDbPlan(*(tuple(int(i) for i in part) for part in (new, changed, vanished)))


def first_change_day(cursor: Mapping[str, str] | None, known: Known, today: date) -> date:
    """Return the first day whose changes to ask for: that of the last complete sync.

    Before any, the day on which the first of the known movies was fetched: a first load may take several
    nights, and what the first of them loaded may have changed before the last. Today, if none is known.
    """
    if cursor is not None:
        return min(date.fromisoformat(cursor["synced_day"]), today)
    if not len(known.checked):
        return today
    return min(datetime.fromtimestamp(int(known.checked.min()) / 1_000_000, UTC).date(), today)


def believable(known: Known, listed: Iterable[int]) -> bool:
    """Return whether an export may be complete: it lists at least half of the movies that we know to exist.

    One that was cut short at the source would have every other movie asked for again, one by one.
    """
    live_ids = known.ids[known.status != GONE]
    if len(live_ids) < FEW:
        return True
    return bool(np.isin(live_ids, np.fromiter(listed, dtype=np.int64)).mean() >= 0.5)
