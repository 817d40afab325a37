"""TMDb's movies: what its lists say is new, changed or gone, fetched and landed batch by batch."""

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.compute as pc

from connectors import ConnectorError, Damaged, Malformed, TMDb
from flows.engine.rates import limiter_file
from flows.engine.step import Work
from flows.errors import FlowError
from flows.settings import Settings
from flows.steps.bulk import reject_table
from flows.steps.tmdb_plan import GONE, Known, TMDbPlan, believable, first_change_day, plan_tmdb
from warehouse import Transaction, Warehouse
from warehouse.land import land_tmdb_export, land_tmdb_movies, tmdb_forgotten, tmdb_state

ADULT = "SELECT DISTINCT tmdb_id FROM core.movies WHERE adult AND tmdb_id IS NOT NULL"
"""TMDb's export of movie ids leaves adult films out; they have one of their own."""
EXPORT_LOOKBACK_DAYS = 3  # the export of a day appears by 08:00 UTC: before that, the newest is yesterday's


def ingest_tmdb(work: Work) -> None:
    """Fetch what TMDb has new, changed or lost since the last complete sync."""
    asyncio.run(_ingest_tmdb(work))


async def _ingest_tmdb(work: Work) -> None:
    async with open_tmdb(work.settings) as tmdb:
        survey = await survey_tmdb(tmdb, work.warehouse)
        if survey.doubt:
            work.step.note = survey.doubt
        await fetch_movies(work, tmdb, survey.plan)
        await asyncio.to_thread(work.warehouse.commit, lambda tx: _conclude(tx, work, survey))


@dataclass(frozen=True)
class Survey:
    """What TMDb's lists say: the movies to fetch, and the newest export, where there is one to compare.

    `cursor` is that of the last complete sync. `rejects` are what stands in the export instead of an id.
    `doubt` says why an export was left aside.
    """

    today: date
    cursor: dict[str, str] | None
    plan: TMDbPlan
    export_day: date | None = None
    export: pa.Table | None = None
    rejects: tuple[tuple[str, str], ...] = ()
    doubt: str | None = None


async def survey_tmdb(tmdb: TMDb, warehouse: Warehouse) -> Survey:
    """Ask TMDb for its lists and return what is to be fetched; fetch no movie and write nothing."""
    today = (await tmdb.now()).date()
    cursor = warehouse.cursor("tmdb", "movies")
    known = Known.from_arrow(tmdb_state(warehouse))
    day, export, doubt = await _newer_export(tmdb, today, cursor)
    rejects = tuple(tmdb.export_rejects) if export is not None else ()
    listed = None if export is None else export["tmdb_id"].to_pylist()
    if listed is not None and not believable(known, listed):
        doubt = f"the export of {day} lists {len(listed)} movies, too few to be complete: left aside"
        day, export, listed, rejects = None, None, None, ()
    since = first_change_day(cursor, known, today)
    plan = plan_tmdb(
        known,
        today=today,
        export=listed,
        changes=await tmdb.changes(since, today) if len(known.ids) else (),
        never_listed=warehouse.query(ADULT)["tmdb_id"].to_pylist(),
        forgotten=tmdb_forgotten(warehouse)["tmdb_id"].to_pylist(),
    )
    return Survey(today, cursor, plan, day, export, rejects, doubt)


def _conclude(tx: Transaction, work: Work, survey: Survey) -> None:
    """Land the export and move the cursor, once all that they name has landed."""
    if survey.export is not None and survey.export_day is not None:
        land_tmdb_export(tx, survey.export, survey.export_day)
        if survey.rejects:
            request = f"export of {survey.export_day}"
            batch_id = tx.batch(work.run_id, "tmdb", "export", request, None)
            tx.quarantine("tmdb", "raw.tmdb_ids", reject_table(survey.rejects), batch_id)
    state = {"synced_day": survey.today.isoformat()}
    compared = survey.export_day.isoformat() if survey.export_day else (survey.cursor or {}).get("export_day")
    # Answers that could not be used leave the export to be compared again: of what it names, the movies of
    # those answers, and they alone, are then missing.
    if compared and not work.step.counts.get("quarantined"):
        state["export_day"] = compared
    if state != survey.cursor:
        tx.set_cursor("tmdb", "movies", state)


def open_tmdb(settings: Settings) -> TMDb:
    """Return a client of TMDb under these settings; raises `SettingsError` without a token."""
    return TMDb(
        settings.tmdb_url,
        settings.require_token(),
        export_url=settings.tmdb_export_url,
        requests_per_second=settings.tmdb_requests_per_second,
        limiter_file=limiter_file(settings, settings.tmdb_url, settings.tmdb_requests_per_second),
    )


async def _newer_export(
    tmdb: TMDb, today: date, cursor: dict[str, str] | None
) -> tuple[date | None, pa.Table | None, str | None]:
    """Return the day and table of the newest daily export, and why one was left aside.

    Day and table are None when the newest was compared last or there is none. An export that fails or is
    missing is left aside: it lies on another host, and the changes can be fetched without. Only a first load
    needs it: raises FlowError where there is none.
    """
    doubt = None
    compared = cursor.get("export_day") if cursor is not None else None
    for back in range(EXPORT_LOOKBACK_DAYS + 1):
        day = today - timedelta(days=back)
        if compared == day.isoformat():
            return None, None, doubt
        try:
            export = await tmdb.export(day)
        except ConnectorError as error:
            if cursor is None:
                raise
            doubt = f"without the export of {day}: {error}"
            if isinstance(error, Damaged | Malformed):
                continue
            return None, None, doubt
        if export is not None:
            return day, export, doubt
    missing = f"TMDb has no export of {today - timedelta(days=EXPORT_LOOKBACK_DAYS)} to {today}"
    if cursor is None and doubt is None:
        raise FlowError(
            f"{missing}, and a first load needs one: check REELHOUSE_TMDB_EXPORT_URL, or wait for it"
        )
    return None, None, doubt or missing


async def fetch_movies(work: Work, tmdb: TMDb, plan: TMDbPlan) -> list[int]:
    """Fetch the planned movies and land them, one transaction per batch.

    Return the ids, new ones among the planned, of which TMDb has no movie.
    """
    counts = {"fetched": 0, "new": 0, "changed": 0, "gone": 0, "quarantined": 0}
    new, changed, unknown_ids = set(plan.new), set(plan.changed), []
    work.step.rows_in = len(plan.ids)

    async for batch in tmdb.movies(plan.ids, batch_size=work.settings.tmdb_batch):

        def land(tx: Transaction, batch=batch) -> tuple[int, int]:  # type: ignore[no-untyped-def]
            batch_id = tx.batch(
                run_id=work.run_id, source="tmdb", stream="movies", request=batch.request, source_hash=None
            )
            result = land_tmdb_movies(
                tx, batch.table, batch_id=batch_id, request=batch.request, fetched_at=batch.fetched_at
            )
            return result.rows_landed, result.rows_quarantined

        landed, quarantined = await asyncio.to_thread(work.warehouse.commit, land)
        counts["fetched"] += batch.table.num_rows
        gone_ids = batch.table.filter(pc.equal(batch.table["status"], GONE))["tmdb_id"].to_pylist()
        other_ids = set(batch.table["tmdb_id"].to_pylist()).difference(gone_ids)
        unknown_ids += [movie for movie in gone_ids if movie in new]
        counts["new"] += len(other_ids & new)
        counts["changed"] += len(other_ids & changed)
        counts["gone"] += len(gone_ids)
        counts["quarantined"] += quarantined
        work.step.rows_out = (work.step.rows_out or 0) + landed
        work.step.counts.update(counts)
        work.tick(counts["fetched"], len(plan.ids))
    if not plan.ids:
        work.step.note = work.step.note or "no movie is new or changed"
    return unknown_ids
