"""Filling a gap: chosen movies, ingested, featurised and scored now, beside any nightly."""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from flows.engine.step import StepSpec, Work
from flows.settings import Settings
from flows.steps.catalogue import conform_steps, feature_steps, score_steps
from flows.steps.posters import ingest_posters
from flows.steps.selection import SelectedMovies, Selection, select
from flows.steps.tmdb import fetch_movies, open_tmdb
from flows.steps.tmdb_plan import TMDbPlan
from warehouse import Warehouse

NAMED = 10
"""So many unknown ids are named, the rest are counted."""

# Merged and deleted ids too: their movies lose their features and scores.
MEANT = """
SELECT DISTINCT movie_id FROM core.id_map
WHERE source = 'tmdb' AND source_id IN (SELECT unnest(CAST($ids AS VARCHAR[])))
"""


def choose(settings: Settings, warehouse: Warehouse, selection: Selection) -> SelectedMovies:
    """Return what a backfill would fetch; ask TMDb for lists only."""

    async def ask() -> SelectedMovies:
        async with open_tmdb(settings) as tmdb:
            return await select(tmdb, warehouse, selection, chunk=settings.backfill_chunk)

    return asyncio.run(ask())


@dataclass(frozen=True)
class _Chunk:
    """What is fetched at a time, and the TMDb ids that its steps are about: None for whatever is due."""

    plan: TMDbPlan
    ids: tuple[int, ...] | None

    def movies(self, work: Work) -> npt.NDArray[np.int64]:
        """Return our ids of the movies that those ids mean or meant."""
        parameters = {"ids": [str(movie) for movie in self.ids or ()]}
        return np.asarray(work.warehouse.query(MEANT, parameters)["movie_id"], np.int64)

    def steps(self, settings: Settings) -> list[StepSpec]:
        """Return the steps of the chunk: fetch, conform, build features, score."""
        about = None if self.ids is None else self.movies
        posters = partial(ingest_posters, of=self.ids)
        return [
            StepSpec("backfill", partial(_fetch, plan=self.plan), "tmdb", "movies"),
            *conform_steps(settings, posters=StepSpec("backfill", posters, "tmdb", "posters", optional=True)),
            *feature_steps(settings, about=about),
            *score_steps(settings, about=about),
        ]


def backfill_steps(settings: Settings, selection: Selection) -> Iterator[StepSpec]:
    """Yield the step that finds what is missing, then each chunk's: fetch, conform, build features, score.

    The steps of a chunk are known when the chunks before it are done: take them one by one. A chunk's movies
    are scored before the next chunk is fetched, and whoever waits with a smaller backfill goes in between.
    Features and scores are brought up to date for the chosen movies alone, those of them included that were
    here already: how long that takes follows from them and not from the lake.
    """
    chunks: list[_Chunk] = []
    yield StepSpec("select", partial(_select, selection=selection, chunks=chunks), "tmdb", "movies")
    for number, chunk in enumerate(chunks, start=1):
        for step in chunk.steps(settings):
            yield step.as_part(number, len(chunks)) if len(chunks) > 1 else step.first()


def _select(work: Work, selection: Selection, chunks: list[_Chunk]) -> None:
    choice = choose(work.settings, work.warehouse, selection)
    ids = choice.plan.ids
    work.step.rows_out = len(ids)
    work.step.counts.update(missing=len(choice.plan.new), changed=len(choice.plan.changed))
    work.step.note = _unknown(choice.unknown)
    if not (ids or choice.present_ids or selection.unscored):
        return
    changed = set(choice.plan.changed)
    size = work.settings.backfill_chunk
    for start in range(0, max(len(ids), 1), size):  # without an id to fetch, what is held may need a score
        part = ids[start : start + size]
        plan = TMDbPlan(
            new=tuple(movie for movie in part if movie not in changed),
            changed=tuple(movie for movie in part if movie in changed),
            vanished=(),
        )
        last = start + size >= len(ids)
        about = part + choice.present_ids if last else part
        chunks.append(_Chunk(plan, None if selection.unscored and last else about))


def _fetch(work: Work, plan: TMDbPlan) -> None:
    async def fetch() -> None:
        async with open_tmdb(work.settings) as tmdb:
            unknown_ids = await fetch_movies(work, tmdb, plan)
        work.step.note = _unknown([str(movie) for movie in unknown_ids]) or work.step.note

    asyncio.run(fetch())


def _unknown(ids: Sequence[str]) -> str | None:
    """Return a note with the ids of which TMDb has no movie, the first of many; None without any.

    >>> _unknown(["603", "tt1"])
    'TMDb has no movie 603, tt1'
    """
    if not ids:
        return None
    more = f" and {len(ids) - NAMED:,} more" if len(ids) > NAMED else ""
    return f"TMDb has no movie {', '.join(ids[:NAMED])}{more}"
