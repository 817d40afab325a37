"""Filling a gap: chosen movies, ingested, featurised and scored now, beside any nightly."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from flows.ingest import Work, fetch_movies, open_tmdb
from flows.plan import TMDbPlan
from flows.selection import Chosen, Selection, select
from flows.settings import Settings
from flows.steps import StepSpec, conform_steps, feature_steps, score_steps
from warehouse import Warehouse


def choose(settings: Settings, warehouse: Warehouse, selection: Selection) -> Chosen:
    """What a backfill would fetch; asks TMDb for lists only."""

    async def ask() -> Chosen:
        async with open_tmdb(settings) as tmdb:
            return await select(tmdb, warehouse, selection, chunk=settings.backfill_chunk)

    return asyncio.run(ask())


@dataclass
class _Chunks:
    """What is to be fetched, once the first step has found out."""

    plans: list[TMDbPlan] = field(default_factory=list)


def backfill_steps(settings: Settings, selection: Selection) -> Iterator[StepSpec]:
    """Find out what is missing; then, chunk by chunk, fetch, conform, build features and score.

    The steps of a chunk are known when the chunks before it are done: take them one by one. A chunk's movies
    are scored before the next chunk is fetched, and whoever waits with a smaller backfill goes in between.
    """
    chunks = _Chunks()
    yield StepSpec("select tmdb movies", partial(_select, selection=selection, chunks=chunks))
    total = len(chunks.plans)
    for number, plan in enumerate(chunks.plans, start=1):
        steps = [
            StepSpec("backfill tmdb movies", partial(_fetch, plan=plan)),
            *conform_steps(settings),
            *feature_steps(settings),
            *score_steps(settings),
        ]
        for step in steps:
            yield step.part(number, total) if total > 1 else step.first()


def _select(work: Work, selection: Selection, chunks: _Chunks) -> None:
    chosen = choose(work.settings, work.warehouse, selection)
    ids = chosen.plan.ids
    work.step.rows_out = len(ids)
    work.step.counts.update(new=len(chosen.plan.new), changed=len(chosen.plan.changed))
    if chosen.unknown:
        more = " and others" if len(chosen.unknown) > 5 else ""
        work.step.counts["note"] = f"TMDb knows no {', '.join(chosen.unknown[:5])}{more}"
    changed = set(chosen.plan.changed)
    size = work.settings.backfill_chunk
    for start in range(0, max(len(ids), 1), size):  # an empty chunk scores what is held and not scored yet
        part = ids[start : start + size]
        chunks.plans.append(
            TMDbPlan(
                new=tuple(movie for movie in part if movie not in changed),
                changed=tuple(movie for movie in part if movie in changed),
                vanished=(),
            )
        )


def _fetch(work: Work, plan: TMDbPlan) -> None:
    async def fetch() -> None:
        async with open_tmdb(work.settings) as tmdb:
            await fetch_movies(work, tmdb, plan)

    asyncio.run(fetch())
