"""Choosing movies: which ones a backfill takes, and what of them is missing here."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import numpy as np

from connectors import TMDb
from flows.errors import FlowError, WrongUsage
from flows.steps.tmdb_plan import GONE, Known, TMDbPlan, plan_tmdb, start_of_day
from warehouse import Warehouse
from warehouse.land import tmdb_state, tmdb_unscored

MONTHS_AT_MOST = 36  # a longer range of release days is asked for by year


@dataclass(frozen=True)
class Selection:
    """Which movies to fill in; several kinds add up.

    `ids`: TMDb ids, or IMDb ids that TMDb is asked to translate; such a list may be empty. `released`: a
    half-open range of days. `since`: changed on that day or later. `export`: all of that day's list.
    `popular`: that many of the most popular of each genre. `unscored`: what the warehouse knows of and no
    champion has scored. Movies that the warehouse holds are not fetched, unless they changed since they were
    or `refresh` asks for it.
    """

    ids: tuple[str, ...] | None = None
    released: tuple[date, date] | None = None
    since: date | None = None
    export: date | None = None
    popular: int | None = None
    unscored: bool = False
    refresh: bool = False

    def __post_init__(self) -> None:
        named = self.released or self.since or self.export or self.unscored
        if not named and self.ids is None and self.popular is None:
            raise WrongUsage(
                "say which movies: --ids, --released A..B, --since DAY, --export DAY, --popular N, --unscored"
            )
        if self.popular is not None and not 1 <= self.popular <= 10_000:
            raise WrongUsage("--popular takes 1 to 10000: TMDb lists no more of a genre")

    @classmethod
    def of(
        cls,
        ids: Iterable[str] | None = None,
        *,
        released: str | None = None,
        since: str | None = None,
        export: str | None = None,
        popular: int | None = None,
        unscored: bool = False,
        refresh: bool = False,
    ) -> "Selection":
        """Return the selection that a person or a schedule writes; raises `WrongUsage` with one line."""
        return cls(
            ids=None if ids is None else parse_ids(ids),
            released=parse_range(released) if released else None,
            since=parse_day(since) if since else None,
            export=parse_day(export) if export else None,
            popular=popular,
            unscored=unscored,
            refresh=refresh,
        )


@dataclass(frozen=True)
class Interval:
    """A half-open range of release days: how many movies TMDb lists there, and how many are missing here."""

    first: date
    end: date
    listed: int
    missing: int


@dataclass(frozen=True)
class SelectedMovies:
    """The ids to fetch, and what is missing of a range of release days.

    `unknown`: the ids, as they were given, of which TMDb says or last said that it has no movie.
    `present_ids`: the other ids that were meant, which are here already.
    """

    plan: TMDbPlan
    unknown: list[str]
    present_ids: tuple[int, ...] = ()
    intervals: list[Interval] = field(default_factory=list)


def parse_ids(words: Iterable[str]) -> tuple[str, ...]:
    """Return TMDb ids (603) and IMDb ids (tt0133093), split at commas and blanks, each once.

    Raises `WrongUsage` for anything else.
    """
    ids: dict[str, None] = {}
    for word in words:
        for part in word.replace(",", " ").split():
            digits = part.removeprefix("tt")
            if not digits.isascii() or not digits.isdigit() or len(digits) > 12:
                raise WrongUsage(f"{part[:40]!r} is no TMDb id (603) and no IMDb id (tt0133093)")
            ids[part] = None
    return tuple(ids)


def parse_range(text: str) -> tuple[date, date]:
    """Parse `2026-01-01..2026-02-01`, a range of days without the last; raises `WrongUsage`."""
    first, dots, last = text.partition("..")
    if not dots:
        raise WrongUsage(f"{text!r} is no range: write FIRST..LAST, such as 2026-01-01..2026-02-01")
    start, end = parse_day(first), parse_day(last)
    if start >= end:
        raise WrongUsage(f"{text!r} is empty: the last day is not part of the range")
    return start, end


def parse_day(text: str) -> date:
    """Parse `2026-01-31`; raises `WrongUsage`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise WrongUsage(f"{text!r} is no day: write YYYY-MM-DD") from None


def parts(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Yield the half-open range cut at the first of each month, or of each year where it is long."""
    by_year = (end.year - start.year) * 12 + end.month - start.month > MONTHS_AT_MOST
    first = start
    while first < end:
        if by_year or first.month == 12:
            following = date(first.year + 1, 1, 1) if first.year < date.max.year else date.max
        else:
            following = date(first.year, first.month + 1, 1)
        last = min(following, end)
        yield first, last
        first = last


async def select(tmdb: TMDb, warehouse: Warehouse, selection: Selection, *, chunk: int) -> SelectedMovies:
    """Return what of the selection is to be fetched; ask TMDb for lists only.

    A refresh of more than `chunk` movies leaves out what was fetched today, so that giving the command again
    carries on where it broke off.
    """
    today = (await tmdb.now()).date()
    known = Known.from_arrow(tmdb_state(warehouse))
    words = selection.ids or ()
    tmdb_ids, unknown = await _by_id(tmdb, words)
    intervals: list[Interval] = []
    for first, end in parts(*selection.released) if selection.released else ():
        listed = await _released(tmdb, first, end)
        present_ids = _held(known, listed)
        intervals.append(Interval(first, end, len(listed), len(listed - present_ids)))
        tmdb_ids |= listed
    if selection.popular:
        for genre in await tmdb.genres():
            popular = tmdb.discover(limit=selection.popular, with_genres=genre, sort_by="popularity.desc")
            tmdb_ids |= {movie async for movie in popular}
    if selection.export:
        export = await tmdb.export(selection.export)
        if export is None:
            raise FlowError(f"TMDb has no export of {selection.export}: they are kept for three months")
        tmdb_ids |= set(export["tmdb_id"].to_pylist())
    if selection.unscored:
        tmdb_ids |= set(_unscored(warehouse))
    changed: set[int] = set()
    if selection.since:
        changed = await tmdb.changes(selection.since, today)
    plan = plan_tmdb(known, today=today, export=None, changes=changed)
    present_ids = _held(known, tmdb_ids)
    again = present_ids - set(plan.ids) if selection.refresh else set()
    if len(again) > chunk:
        again -= set(known.ids[known.checked >= start_of_day(today)].tolist())
    new = sorted(tmdb_ids - present_ids - set(plan.ids))
    gone_ids = set(known.ids[known.status == GONE].tolist()) - again - set(plan.ids)
    unknown += [word for word in words if word.isdigit() and int(word) in gone_ids]
    return SelectedMovies(
        TMDbPlan(new=(*plan.new, *new), changed=(*plan.changed, *sorted(again)), vanished=()),
        unknown,
        tuple(sorted(present_ids - again - set(plan.ids))),
        intervals,
    )


async def _released(tmdb: TMDb, first: date, end: date) -> set[int]:
    window: dict[str, Any] = {
        "primary_release_date.gte": first,
        "primary_release_date.lte": end - timedelta(days=1),
    }
    return {movie async for movie in tmdb.discover(**window)}


async def _by_id(tmdb: TMDb, words: Iterable[str]) -> tuple[set[int], list[str]]:
    tmdb_ids: set[int] = set()
    unknown: list[str] = []
    for word in words:
        tmdb_id = await tmdb.find(word) if word.startswith("tt") else int(word)
        if tmdb_id is None:
            unknown.append(word)
        else:
            tmdb_ids.add(tmdb_id)
    return tmdb_ids, unknown


def _held(known: Known, ids: set[int]) -> set[int]:
    return set(known.ids[np.isin(known.ids, np.fromiter(ids, dtype=np.int64))].tolist())


def _unscored(warehouse: Warehouse) -> list[int]:
    if not warehouse.scalar("SELECT count(*) FROM predictions.current"):
        raise FlowError(
            "no champion has scored anything yet: run `reelhouse nightly` or `reelhouse train` first"
        )
    tmdb_ids: list[int] = tmdb_unscored(warehouse)["tmdb_id"].to_pylist()
    return tmdb_ids
