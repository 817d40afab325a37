"""Filling a gap: chosen movies, ingested, featurised and scored now, beside any nightly."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from connectors import TMDb
from flows.errors import FlowError
from flows.ingest import Work, fetch_movies, open_tmdb
from flows.plan import Known, TMDbPlan, plan_tmdb
from flows.settings import Settings
from flows.steps import StepSpec, conform_steps, feature_steps, score_steps
from warehouse import Warehouse
from warehouse.land import tmdb_state


@dataclass(frozen=True)
class Selection:
    """Which movies to fill in; several kinds add up.

    `ids`: TMDb ids, or IMDb ids that TMDb is asked to translate. `released`: a half-open range of days.
    `since`: changed on that day or later. `export`: all of that day's list. Movies that the warehouse holds
    are left out, unless they changed since they were fetched or `refresh` asks for all.
    """

    ids: tuple[str, ...] = ()
    released: tuple[date, date] | None = None
    since: date | None = None
    export: date | None = None
    refresh: bool = False

    def __post_init__(self) -> None:
        if not (self.ids or self.released or self.since or self.export):
            raise FlowError("say which movies: --ids, --released A..B, --since DATE or --export DATE")


def parse_ids(words: Iterable[str]) -> tuple[str, ...]:
    """TMDb ids (603) and IMDb ids (tt0133093), split at commas and blanks, each once; or `FlowError`."""
    found: dict[str, None] = {}
    for word in words:
        for part in word.replace(",", " ").split():
            digits = part.removeprefix("tt")
            if not digits.isascii() or not digits.isdigit() or len(digits) > 12:
                raise FlowError(f"{part[:40]!r} is no TMDb id (603) and no IMDb id (tt0133093)")
            found[part] = None
    return tuple(found)


def parse_range(text: str) -> tuple[date, date]:
    """`2026-01-01..2026-02-01`: from the first day up to, not including, the second; raises `FlowError`."""
    first, dots, last = text.partition("..")
    if not dots:
        raise FlowError(f"{text!r} is no range: write FIRST..LAST, such as 2026-01-01..2026-02-01")
    start, end = parse_day(first), parse_day(last)
    if start >= end:
        raise FlowError(f"{text!r} is empty: the last day is not part of the range")
    return start, end


def parse_day(text: str) -> date:
    """`2026-01-31`; raises `FlowError`."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FlowError(f"{text!r} is no day: write YYYY-MM-DD") from None


async def select(tmdb: TMDb, warehouse: Warehouse, selection: Selection) -> tuple[TMDbPlan, list[str]]:
    """The ids to fetch, and the IMDb ids that TMDb does not know."""
    today = (await tmdb.now()).date()
    wanted = {int(word) for word in selection.ids if not word.startswith("tt")}
    unknown: list[str] = []
    for word in (word for word in selection.ids if word.startswith("tt")):
        found = await tmdb.find(word)
        if found is None:
            unknown.append(word)
        else:
            wanted.add(found)
    if selection.released:
        wanted |= await _released(tmdb, *selection.released)
    if selection.export:
        listed = await tmdb.export(selection.export)
        if listed is None:
            raise FlowError(f"TMDb has no export of {selection.export}: they are kept for three months")
        wanted |= set(listed["tmdb_id"].to_pylist())
    known = Known.from_arrow(tmdb_state(warehouse))
    changed: set[int] = set()
    if selection.since:
        changed = await tmdb.changes(selection.since, today)
    plan = plan_tmdb(known, today=today, export=None, changes=changed)
    held = set(known.ids[np.isin(known.ids, np.fromiter(wanted, dtype=np.int64))].tolist())
    planned = set(plan.ids)
    again = tuple(sorted(held - planned)) if selection.refresh else ()
    return TMDbPlan(
        new=(*plan.new, *sorted(wanted - held - planned)), changed=(*plan.changed, *again), vanished=()
    ), unknown


async def _released(tmdb: TMDb, start: date, end: date) -> set[int]:
    window: dict[str, Any] = {
        "primary_release_date.gte": start,
        "primary_release_date.lte": end - timedelta(days=1),
    }
    return {movie async for movie in tmdb.discover(**window)}


def plan(settings: Settings, warehouse: Warehouse, selection: Selection) -> tuple[TMDbPlan, list[str]]:
    """What a backfill would fetch; asks TMDb for lists only."""

    async def ask() -> tuple[TMDbPlan, list[str]]:
        async with open_tmdb(settings) as tmdb:
            return await select(tmdb, warehouse, selection)

    return asyncio.run(ask())


def backfill_steps(settings: Settings, selection: Selection) -> list[StepSpec]:
    """Fetch the chosen movies, then conform, build features and score whatever needs it."""
    return [
        StepSpec("backfill tmdb movies", lambda work: asyncio.run(_fetch(work, selection))),
        *conform_steps(settings),
        *feature_steps(settings),
        *score_steps(settings),
    ]


async def _fetch(work: Work, selection: Selection) -> None:
    async with open_tmdb(work.settings) as tmdb:
        chosen, unknown = await select(tmdb, work.warehouse, selection)
        if unknown:
            more = " and others" if len(unknown) > 5 else ""
            work.step.counts["note"] = f"TMDb knows no {', '.join(unknown[:5])}{more}"
        await fetch_movies(work, tmdb, chosen)
