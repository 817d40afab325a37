"""Posters that movies have and the store does not, fetched and landed batch by batch."""

import asyncio
from collections.abc import AsyncIterator, Collection
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc

from connectors import Posters
from flows.engine.rates import limiter_file
from flows.engine.step import Work
from flows.steps.tmdb import open_tmdb
from warehouse import Transaction
from warehouse.land import land_posters, posters_wanted


def ingest_posters(work: Work, of: Collection[int] | None = None) -> None:
    """Fetch the posters that movies have and the store does not; with `of`, those of these TMDb ids alone."""
    asyncio.run(_ingest_posters(work, of))


async def _ingest_posters(work: Work, of: Collection[int] | None) -> None:
    settings, warehouse = work.settings, work.warehouse
    due_posters = posters_wanted(warehouse, datetime.now().astimezone())
    if of is not None:
        due_posters = due_posters.filter(pc.is_in(due_posters["tmdb_id"], pa.array(of, pa.int64())))
    work.step.rows_in = due_posters.num_rows
    if due_posters.num_rows == 0:
        work.step.note = "no poster is new or changed"
        return
    async with open_tmdb(settings) as tmdb:
        image_url = await tmdb.image_url(settings.poster_size)
    posters = Posters(
        settings.home / "posters",
        image_url,
        size=settings.poster_size,
        requests_per_second=settings.image_requests_per_second,
        limiter_file=limiter_file(settings, image_url, settings.image_requests_per_second),
    )
    counts = {"stored": 0, "missing": 0, "bad": 0}
    done = 0
    async with posters:
        batches: AsyncIterator[pa.Table] = posters.fetch(due_posters, batch_size=settings.tmdb_batch)
        async for table in batches:

            def land(tx: Transaction, table: pa.Table = table) -> None:
                tx.batch(
                    run_id=work.run_id,
                    source="tmdb",
                    stream="posters",
                    request=f"GET {image_url}",
                    source_hash=None,
                )
                land_posters(tx, table)

            await asyncio.to_thread(warehouse.commit, land)
            for state in table["state"].to_pylist():
                counts[state] += 1
            done += table.num_rows
            work.step.counts.update(counts)
            work.step.rows_out = counts["stored"]
            work.tick(done, due_posters.num_rows)
    if posters.unfetched:
        work.step.counts["left_for_next_time"] = len(posters.unfetched)
