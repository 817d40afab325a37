"""The TMDb client: what the rest of the project may ask TMDb."""

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import quote, urlencode

import pyarrow as pa

from connectors.batches import in_batches
from connectors.errors import (
    BudgetSpent,
    ConnectorError,
    Damaged,
    Malformed,
    NotFound,
    SourceUnreachable,
    Unauthorized,
)
from connectors.http import Http, JsonAnswer, Transport
from connectors.limiter import Limiter
from connectors.redaction import redact
from connectors.retry import Budget, RetryPolicy, utc_now
from connectors.tmdb.answers import (
    export_of,
    ids_of,
    json_of,
    list_of,
    movie_of,
    object_of,
    pages_of,
    rows_of,
)

APPENDED = ("keywords", "credits", "release_dates", "external_ids", "alternative_titles")
"""What one request for a movie brings along: TMDb allows up to 20 parts in `append_to_response`."""
CHANGES_DAYS = 14
"""`/movie/changes` answers for at most 14 days per call."""
MOST_PAGES = 500
"""TMDb serves pages 1 to 500 of any list, whatever `total_pages` claims."""
CHANGES_PER_PAGE = 100
DISCOVER_PER_PAGE = 20

MOVIE_COLUMNS = pa.schema(
    [
        ("tmdb_id", pa.int64()),
        ("payload", pa.string()),
        ("status", pa.int16()),
        ("content_hash", pa.string()),
        ("reason", pa.string()),
        ("source_time", pa.timestamp("us", "UTC")),
    ]
)


@dataclass(frozen=True, slots=True)
class TMDbBatch:
    """Answers for some movies.

    `table` has one row per movie asked for: `tmdb_id`, `payload` (the JSON as sent), `status` (200, 404; null
    where no usable status came), `content_hash` (SHA-256 of the payload's bytes), `reason` (null, or why the
    answer cannot be used), `source_time` (TMDb's own clock). `request` is what was asked, without secrets.
    """

    table: pa.Table
    request: str
    fetched_at: datetime


class _MovieRow(NamedTuple):
    """One row of `MOVIE_COLUMNS`."""

    tmdb_id: int
    payload: str | None = None
    status: int | None = None
    content_hash: str | None = None
    reason: str | None = None
    source_time: datetime | None = None


class TMDb:
    """An asynchronous client of TMDb's API v3.

    Its methods may raise SourceUnreachable, Unauthorized (wrong token), BudgetSpent, and a TransientError
    when TMDb kept failing.

    Args:
        base_url: `https://api.themoviedb.org/3`, or a mirror.
        token: The v4 read token. It travels as a header and so is part of no URL.
        export_url: Where the daily id exports lie: `https://files.tmdb.org/p/exports`, or a mirror.
        requests_per_second: The rate that is kept.
        concurrency: How many requests are under way at most.
        limiter_file: A file that all processes share which should keep to the rate together.
        timeout: How many seconds an answer may keep silent.
        retry: How often and how long a failing request is tried.
        budget: How many requests and retries it may spend.
        transport: Answers requests in the place of the network, in tests.
        clock: Returns the time, aware, in UTC.
        sleep: Takes seconds.
        monotonic: Returns seconds.

    Raises:
        Unauthorized: The token cannot be one.
        ValueError: The rate is not above 0.

    Example:
        >>> from connectors.mirror import SyntheticCatalogue, serve
        >>> async def statuses(url: str, *ids: int) -> dict[int, int]:
        ...     async with TMDb(f"{url}/3", "token", export_url=f"{url}/p/exports") as tmdb:
        ...         tables = [batch.table async for batch in tmdb.movies(ids)]
        ...     return {row["tmdb_id"]: row["status"] for table in tables for row in table.to_pylist()}
        >>> with serve(SyntheticCatalogue(movies=20)) as mirror:
        ...     sorted(asyncio.run(statuses(mirror.url, 234, 235)).items())
        [(234, 200), (235, 404)]
    """

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        export_url: str,
        requests_per_second: float = 38.0,
        concurrency: int = 32,
        limiter_file: Path | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
        transport: Transport | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._export = export_url.rstrip("/")
        self.export_rejects: list[tuple[str, str]] = []
        """The lines of the last export that could not be read, with reasons."""
        self._clock = clock
        self._concurrency = concurrency
        remedy = "Set REELHOUSE_TMDB_TOKEN to a valid v4 read access token (themoviedb.org, Settings, API)."
        token = token.strip()
        if not (token.isascii() and token.isprintable() and token and " " not in token):
            # Said here, because the HTTP library would show it in its message.
            what = "holds characters that no token has" if token else "is empty"
            raise Unauthorized(f"The token for TMDb {what}. {remedy}")
        self._api = Http(
            "TMDb",
            limiter=Limiter(requests_per_second, shared=limiter_file, clock=monotonic, sleep=sleep),
            concurrency=concurrency,
            headers={"accept": "application/json"},
            key=token,
            remedy=remedy,
            connect_timeout=min(10.0, timeout),
            read_timeout=timeout,
            retry=retry,
            budget=budget,
            transport=transport,
            clock=clock,
            sleep=sleep,
        )
        # The exports lie on another host and need no key: the token is not sent there.
        self._files = Http(
            "TMDb's id export",
            limiter=Limiter(2.0, clock=monotonic, sleep=sleep),
            concurrency=2,
            remedy="The day's file may not exist (any more).",
            connect_timeout=min(10.0, timeout),
            read_timeout=timeout,
            retry=retry,
            transport=transport,
            clock=clock,
            sleep=sleep,
            deadline=900.0,  # tens of megabytes, on a slow line
            max_bytes=512 * 2**20,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._api.__aexit__(kind, error, trace)
        await self._files.__aexit__(kind, error, trace)

    async def now(self) -> datetime:
        """Return the time of TMDb's own clock, aware, in UTC: the Date header of `/configuration`."""
        answer = await self._api.get(f"{self._base}/configuration", lambda answer: answer)
        return answer.date or self._clock()

    async def configuration(self) -> dict[str, Any]:
        """Return `/configuration`: image hosts and sizes."""
        return object_of(await self._ask("configuration"))

    async def image_url(self, size: str) -> str:
        """Return the address of the image host, before the size.

        Raises Malformed where TMDb does not offer posters in `size` ("w185"); it always offers `original`.
        """
        answer = await self._ask("configuration")
        images = object_of(answer).get("images")
        url = images.get("secure_base_url") if isinstance(images, dict) else None
        if (
            not isinstance(images, dict)
            or not isinstance(url, str)
            or not url.startswith(("http://", "https://"))
        ):
            raise Malformed(f"{answer.url}: it does not say where the images are")
        sizes = images.get("poster_sizes")
        if isinstance(sizes, list) and size not in (*sizes, "original"):
            raise Malformed(f"{answer.url}: no posters of size {size}, only {', '.join(map(str, sizes))}")
        return url

    async def genres(self) -> dict[int, str]:
        """Return the official movie genres: id → English name."""
        answer = await self._ask("genre/movie/list")
        try:
            return {int(genre["id"]): str(genre["name"]) for genre in list_of(answer, "genres")}
        except (LookupError, TypeError, ValueError):
            pass
        raise Malformed(f"{answer.url}: not a list of genres")

    async def get(self, path: str, **params: object) -> pa.Table:
        """Return the answer to any other GET of the API, such as `movie/862/watch/providers`.

        The table has the columns `ROW_COLUMNS`.
        """
        return rows_of(await self._ask(f"{quote(path.lstrip('/'))}", params or None))

    async def find(self, imdb_id: str) -> int | None:
        """Return the TMDb id of the movie with this IMDb id, or None; only `movie_results` counts."""
        try:
            answer = await self._ask(f"find/{quote(imdb_id, safe='')}", {"external_source": "imdb_id"})
        except NotFound:
            return None
        return next(iter(ids_of(list_of(answer, "movie_results"))), None)

    async def export(self, day: date) -> pa.Table | None:
        """Return all movie ids as of `day` (`EXPORT_COLUMNS`), or None if there is no file of that day.

        The file of a day is ready by 08:00 UTC and kept for three months. Lines that cannot be read are in
        `export_rejects` afterwards.
        """
        url = f"{self._export}/movie_ids_{day:%m_%d_%Y}.json.gz"
        try:
            table, self.export_rejects = await self._files.get(url, export_of)
        except (NotFound, Unauthorized):  # the file store answers 403 for a file that it does not have
            return None
        return table

    async def changes(self, start: date, end: date) -> set[int]:
        """Return the ids of the movies that changed from `start` to `end`, both included; any length of time.

        TMDb answers for 14 days at a time, 100 ids a page, some of them null, and serves 500 pages at most:
        windows overlap by a day, and busier ones are cut in two.
        """
        changed: set[int] = set()
        # Each begins on the last day of the one before: TMDb does not say whether a last day counts.
        windows = [
            (first, min(end, first + timedelta(days=CHANGES_DAYS - 1)))
            for first in (start + timedelta(n) for n in range(0, (end - start).days + 1, CHANGES_DAYS - 1))
            if first < end or first == start
        ][::-1]
        while windows:
            first, last = windows.pop()
            page, pages = 1, 1
            while page <= min(pages, MOST_PAGES):
                params = {"start_date": first, "end_date": last, "page": page}
                answer = await self._ask("movie/changes", params)
                listed = list_of(answer, "results")
                changed.update(ids_of(listed))
                pages = pages_of(answer, CHANGES_PER_PAGE) if listed else 0
                if pages > MOST_PAGES and first < last:
                    middle = first + (last - first) // 2
                    windows += [(middle + timedelta(days=1), last), (first, middle)]
                    break
                page += 1
        return changed

    async def discover(self, *, limit: int | None = None, **params: object) -> AsyncIterator[int]:
        """Yield the ids that `/discover/movie` lists for `params`, each once, in TMDb's order, up to `limit`.

        TMDb serves 10,000 of a list at most. Without a `limit`, a longer list is cut by release date
        (`primary_release_date.gte`, `.lte`) until its parts fit, and comes in the order of the parts; movies
        without a release date are then not among them.
        """
        yielded_ids: set[int] = set()
        parts = [params]
        while parts:
            part = parts.pop()
            page, pages = 1, 1
            while page <= min(pages, MOST_PAGES):
                answer = await self._ask("discover/movie", {**part, "page": page})
                listed = list_of(answer, "results")
                pages = pages_of(answer, DISCOVER_PER_PAGE) if listed else 0
                if pages > MOST_PAGES and limit is None and (halves := _halves(part)):
                    parts += halves
                    break
                for movie in ids_of(listed):
                    if movie not in yielded_ids:
                        yielded_ids.add(movie)
                        yield movie
                        if len(yielded_ids) == limit:
                            return
                page += 1

    async def _ask(self, path: str, params: Mapping[str, object] | None = None) -> JsonAnswer:
        url = f"{self._base}/{path}"
        return await self._api.get(f"{url}?{urlencode(params)}" if params else url, json_of)

    async def movies(self, ids: Iterable[int], *, batch_size: int = 200) -> AsyncIterator[TMDbBatch]:
        """Yield the details of the movies in `ids`, with all of `APPENDED`, one request per movie.

        At most `batch_size` movies are fetched and not yet taken care of by the consumer, counting those that
        are fetched ahead; a batch therefore holds up to half as many rows, in the order of arrival.

        A movie that does not exist (any more) is a row with status 404. An answer that makes no sense is a
        row with status 200 and a `reason`; a movie for which TMDb kept failing, one with a `reason` and no
        status. What concerns all movies (token, unreachable, budget) is raised, after the movies that had
        arrived were handed over.
        """
        request = f"GET {redact(self._base)}/movie/{{id}}?append_to_response={','.join(APPENDED)}"
        rows = max(1, batch_size // 2)
        batches = in_batches(self._movie, ids, rows=rows, concurrency=self._concurrency)
        async with aclosing(batches):
            async for answers in batches:
                columns = zip(*answers, strict=True)
                arrays = [
                    pa.array(column, field.type) for column, field in zip(columns, MOVIE_COLUMNS, strict=True)
                ]
                yield TMDbBatch(pa.Table.from_arrays(arrays, schema=MOVIE_COLUMNS), request, self._clock())

    async def _movie(self, tmdb_id: int) -> _MovieRow:
        try:
            answer = await self._ask(f"movie/{tmdb_id}?{_DETAILS}")
        except NotFound as error:
            return _MovieRow(tmdb_id, status=404, source_time=error.date)
        except Damaged as error:
            return _MovieRow(tmdb_id, error.original, 200, reason=_short(error))
        except (SourceUnreachable, Unauthorized, BudgetSpent):
            raise
        except ConnectorError as error:
            return _MovieRow(tmdb_id, reason=_short(error))
        reason = movie_of(answer, tmdb_id)
        digest = hashlib.sha256(answer.body).hexdigest() if reason is None else None
        return _MovieRow(tmdb_id, answer.text, 200, digest, reason, answer.date)


_DETAILS = urlencode({"append_to_response": ",".join(APPENDED)}, safe=",")
_FIRST_FILM, _LAST_FILM = date(1870, 1, 1), date(2100, 1, 1)


def _short(error: ConnectorError) -> str:
    """Return the message without the query that every request has."""
    return str(error).replace(f"?{_DETAILS}", "")


def _halves(params: dict[str, object]) -> list[dict[str, object]]:
    """Return `params` for the later and the earlier half of its release dates; empty for a single day."""
    first = date.fromisoformat(str(params.get("primary_release_date.gte", _FIRST_FILM)))
    last = date.fromisoformat(str(params.get("primary_release_date.lte", _LAST_FILM)))
    if first >= last:
        return []
    middle = first + (last - first) // 2
    return [
        {**params, "primary_release_date.gte": middle + timedelta(days=1), "primary_release_date.lte": last},
        {**params, "primary_release_date.gte": first, "primary_release_date.lte": middle},
    ]
