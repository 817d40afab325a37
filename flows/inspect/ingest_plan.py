"""`--plan` of a night or an ingest: what would be fetched, in how many requests, and for how long."""

import asyncio
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from connectors import ConnectorError, IMDb, MovieLens, SourceUnreachable
from connectors.download import Offer
from flows.engine.console import amount, duration
from flows.engine.context import location
from flows.engine.step import INGEST, display_name
from flows.engine.terminal import print_line
from flows.settings import Settings
from flows.steps.tmdb import Survey, open_tmdb, survey_tmdb
from warehouse import Warehouse
from warehouse.land import posters_wanted


@dataclass(frozen=True)
class Planned:
    """What one step would fetch.

    `requests` are those that the rate holds for, and `seconds` how long they take at it; None for a file,
    whose `bytes` may be known. `note` is for people.
    """

    step: str
    note: str
    requests: int = 0
    seconds: float | None = None
    bytes: int | None = None
    error: str | None = None


def print_ingest_plan(settings: Settings, as_json: bool) -> bool:
    """Print what the sources of these settings have to fetch; return whether all of them could be asked.

    Asks for lists and for the versions of files, and writes nothing to the warehouse's tables.
    """
    with Warehouse.open(location(settings)) as warehouse:
        planned = plan_ingest(settings, warehouse)
    requests = sum(each.requests for each in planned)
    seconds = sum(each.seconds or 0.0 for each in planned)
    size = sum(each.bytes or 0 for each in planned)
    if as_json:
        totals = {"requests": requests, "seconds": round(seconds, 1), "bytes": size}
        print(json.dumps(totals | {"steps": [asdict(each) for each in planned]}, indent=1))
    else:
        for each in planned:
            print_line(f"{each.step:<28} {f'FAILED: {each.error}' if each.error else each.note}")
        files = f", and {_size(size)} of files" if size else ""
        print_line(
            f"{'in all':<28} {amount(requests)} requests, {duration(seconds)} at the allowed rate{files}"
        )
    return not any(each.error for each in planned)


def plan_ingest(settings: Settings, warehouse: Warehouse) -> list[Planned]:
    """Return what each step of an ingest would fetch, in order; a failing source has its error there."""
    planned: list[Planned] = []
    if "movielens" in settings.sources:
        movielens = MovieLens(settings.movielens_url, settings.home / "downloads" / "movielens")
        planned += _files("movielens", warehouse, settings.movielens_sets, movielens.offer)
    if "imdb" in settings.sources:
        imdb = IMDb(settings.imdb_url, settings.home / "downloads" / "imdb")
        planned += _files("imdb", warehouse, settings.imdb_datasets, imdb.offer)
    if "tmdb" in settings.sources:
        planned += _tmdb(settings, warehouse)
    return planned


def _files(
    source: str, warehouse: Warehouse, names: Sequence[str], offer: Callable[..., Offer | None]
) -> Iterator[Planned]:
    unreachable = False
    for name in names:
        step = display_name(INGEST, source, name)
        if unreachable:
            yield Planned(step, "", error=f"skipped: {source} cannot be reached")
            continue
        try:
            yield _file(step, offer(name, warehouse.cursor(source, name)))
        except ConnectorError as error:
            unreachable = isinstance(error, SourceUnreachable)
            yield Planned(step, "", error=" ".join(str(error).split()))


def _file(step: str, offer: Offer | None) -> Planned:
    if offer is None:
        return Planned(step, "unchanged at the source", bytes=0)
    if offer.bytes is None:
        return Planned(step, "a new version, of a size that the source does not tell")
    return Planned(step, f"a new version, {_size(offer.bytes)} to download", bytes=offer.bytes)


def _tmdb(settings: Settings, warehouse: Warehouse) -> list[Planned]:
    async def ask() -> Survey:
        async with open_tmdb(settings) as tmdb:
            return await survey_tmdb(tmdb, warehouse)

    try:
        survey = asyncio.run(ask())
    except ConnectorError as error:
        return [Planned(display_name(INGEST, "tmdb", "movies"), "", error=" ".join(str(error).split()))]
    plan = survey.plan
    parts = {"new": plan.new, "changed": plan.changed, "to be confirmed as gone": plan.vanished}
    movie_counts = ", ".join(f"{amount(len(ids))} {name}" for name, ids in parts.items() if ids)
    movies = len(plan.ids)
    seconds = movies / settings.tmdb_requests_per_second
    note = f"{movie_counts}: {_requests(movies, seconds)}" if movies else "no movie is new or changed"
    if survey.doubt:
        note += f"; {survey.doubt}"
    posters = posters_wanted(warehouse, datetime.now(UTC)).num_rows
    longer = posters / settings.image_requests_per_second
    poster_note = _requests(posters, longer) if posters else "none is missing now"
    if fetched := len(plan.new) + len(plan.changed):
        poster_note += f"; up to {amount(fetched)} more, for the movies above"
    return [
        Planned(display_name(INGEST, "tmdb", "movies"), note, movies, round(seconds, 1)),
        Planned(display_name(INGEST, "tmdb", "posters"), poster_note, posters, round(longer, 1)),
    ]


def _requests(number: int, seconds: float) -> str:
    return f"{amount(number)} requests, {duration(seconds)}"


def _size(number: int) -> str:
    if number < 1_000_000:
        return f"{number / 1_000:,.1f} kB"
    return f"{number / 1_000_000:,.1f} MB"
