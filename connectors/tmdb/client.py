"""The TMDb client: what the rest of the project may ask TMDb."""

import asyncio
import gzip
import hashlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlencode

import pyarrow as pa
import pyarrow.json

from connectors.batches import in_batches
from connectors.errors import (
    BudgetSpent,
    Damaged,
    Malformed,
    NotFound,
    SourceUnreachable,
    TerminalError,
    TransientError,
    Unauthorized,
)
from connectors.http import Answer, Http, Transport
from connectors.limiter import Limiter
from connectors.redaction import redact
from connectors.retry import Budget, RetryPolicy, utc_now

APPENDED = ("keywords", "credits", "release_dates", "external_ids", "alternative_titles")
"""What one request for a movie brings along: TMDb allows up to 20 parts in `append_to_response`."""
CHANGES_WINDOW = timedelta(days=14)
"""`/movie/changes` answers for at most 14 days per call."""
DISCOVER_PAGES = 500
"""`/discover/movie` serves pages 1 to 500 of 20, whatever `total_pages` claims."""

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
EXPORT_COLUMNS = pa.schema(
    [("tmdb_id", pa.int64()), ("adult", pa.bool_()), ("popularity", pa.float64()), ("video", pa.bool_())]
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


class TMDb:
    """An asynchronous client of TMDb's API v3.

    `token` is the v4 read token; it travels as a header and so is part of no URL. `export_url` is where the
    daily id exports lie. `limiter_file` is shared by all processes that should keep to the rate together.
    `transport`, `clock` (aware UTC) and `sleep` (seconds) can be replaced by tests.

    Every method raises SourceUnreachable, Unauthorized (wrong token), BudgetSpent, and a TransientError when
    TMDb kept failing.
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
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
        transport: Transport | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._export = export_url.rstrip("/")
        self._clock = clock
        self._concurrency = concurrency
        remedy = "Set REELHOUSE_TMDB_TOKEN to a valid v4 read access token (themoviedb.org, Settings, API)."
        self._api = Http(
            "TMDb",
            limiter=Limiter(requests_per_second, shared=limiter_file, sleep=sleep),
            concurrency=concurrency,
            headers={"authorization": f"Bearer {token}", "accept": "application/json"},
            remedy=remedy,
            retry=retry,
            budget=budget,
            transport=transport,
            clock=clock,
            sleep=sleep,
        )
        # The exports lie on another host and need no key: the token is not sent there.
        self._files = Http(
            "TMDb's id export",
            limiter=Limiter(2.0, sleep=sleep),
            concurrency=2,
            remedy="The day's file may not exist (any more).",
            retry=retry,
            transport=transport,
            clock=clock,
            sleep=sleep,
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
        """TMDb's own clock, aware, in UTC: the Date header of `/configuration`."""
        answer = await self._api.get(f"{self._base}/configuration")
        return answer.date or self._clock()

    async def configuration(self) -> dict[str, Any]:
        """`/configuration`: image hosts and sizes."""
        return _object(await self._api.get(f"{self._base}/configuration"))

    async def genres(self) -> dict[int, str]:
        """The official movie genres: id → English name."""
        answer = await self._api.get(f"{self._base}/genre/movie/list")
        try:
            return {int(genre["id"]): str(genre["name"]) for genre in _object(answer)["genres"]}
        except (LookupError, TypeError, ValueError):
            pass
        raise Malformed(f"{answer.url}: not a list of genres")

    async def find(self, imdb_id: str) -> int | None:
        """The TMDb id of the movie with this IMDb id, or None: only `movie_results` counts."""
        url = f"{self._base}/find/{quote(imdb_id, safe='')}"
        answer = await self._api.get(url, {"external_source": "imdb_id"})
        return next(iter(_ids(answer, "movie_results")), None)

    async def export(self, day: date) -> pa.Table | None:
        """All movie ids as of `day` (`EXPORT_COLUMNS`), or None when there is no file of that day.

        The file of a day is ready by 08:00 UTC and kept for three months.
        """
        url = f"{self._export}/movie_ids_{day:%m_%d_%Y}.json.gz"
        try:
            answer = await self._files.get(url)
        except (NotFound, Unauthorized):  # the file store answers 403 for a file that it does not have
            return None
        return _export_table(answer)

    async def changes(self, start: date, end: date) -> set[int]:
        """The ids of the movies that changed from `start` to `end`, both included; any length of time.

        TMDb answers for 14 days at a time, 100 ids a page, some of them null.
        """
        changed: set[int] = set()
        while start <= end:
            last = min(end, start + CHANGES_WINDOW - timedelta(days=1))
            page, pages = 1, 1
            while page <= pages:
                answer = await self._api.get(
                    f"{self._base}/movie/changes", {"start_date": start, "end_date": last, "page": page}
                )
                found = _ids(answer, "results")
                pages = _pages(answer)
                changed.update(found)
                page += 1
            start = last + timedelta(days=1)
        return changed

    async def discover(self, **params: object) -> AsyncIterator[int]:
        """The ids that `/discover/movie` lists for `params`, each once, at most 10,000."""
        seen: set[int] = set()
        page, pages = 1, 1
        while page <= min(pages, DISCOVER_PAGES):
            answer = await self._api.get(f"{self._base}/discover/movie", {**params, "page": page})
            found = _ids(answer, "results")
            if not found:
                return
            for movie in found:
                if movie not in seen:
                    seen.add(movie)
                    yield movie
            pages = _pages(answer)
            page += 1

    async def movies(self, ids: Iterable[int], *, batch_size: int = 200) -> AsyncIterator[TMDbBatch]:
        """The details of the movies in `ids`, with all of `APPENDED`, one request per movie.

        At most `batch_size` movies are fetched and not yet taken care of by the consumer, counting those that
        are fetched ahead; a batch therefore holds up to half as many rows, in the order of arrival.

        A movie that does not exist (any more) is a row with status 404. An answer that makes no sense is a
        row with a `reason`, and so is a movie for which TMDb kept failing. What concerns all movies (token,
        unreachable, budget) is raised, after the movies that had arrived were handed over.
        """
        asked = f"{self._base}/movie/{{id}}?{_DETAILS}"
        rows = max(1, batch_size // 2)
        async for answers in in_batches(self._movie, ids, rows=rows, concurrency=self._concurrency):
            columns = zip(*answers, strict=True)
            arrays = [
                pa.array(column, field.type) for column, field in zip(columns, MOVIE_COLUMNS, strict=True)
            ]
            yield TMDbBatch(
                pa.Table.from_arrays(arrays, schema=MOVIE_COLUMNS), f"GET {redact(asked)}", self._clock()
            )

    async def _movie(
        self, tmdb_id: int
    ) -> tuple[int, str | None, int | None, str | None, str | None, datetime | None]:
        try:
            answer = await self._api.get(f"{self._base}/movie/{tmdb_id}?{_DETAILS}")
        except NotFound as error:
            return tmdb_id, None, 404, None, None, error.date
        except (SourceUnreachable, Unauthorized, BudgetSpent):
            raise
        except (TerminalError, TransientError) as error:
            return tmdb_id, None, None, None, str(error), None
        payload, reason = _checked(answer, tmdb_id)
        digest = hashlib.sha256(answer.body).hexdigest() if reason is None else None
        return tmdb_id, payload, 200, digest, reason, answer.date


_DETAILS = urlencode({"append_to_response": ",".join(APPENDED)})


def _checked(answer: Answer, tmdb_id: int) -> tuple[str | None, str | None]:
    """The body as text, and what is wrong with it, if anything is."""
    try:
        text = answer.body.decode()
    except UnicodeDecodeError as error:
        return answer.body.decode(errors="backslashreplace"), f"not UTF-8: {error}"
    try:
        record = answer.json()
    except Malformed as error:
        return text, str(error)
    if not isinstance(record, dict):
        return text, f"not an object but {type(record).__name__}"
    found = record.get("id")
    if type(found) is not int or found != tmdb_id:
        return text, f"asked for movie {tmdb_id}, the answer has id {found!r}"
    return text, None


def _object(answer: Answer) -> dict[str, Any]:
    body = answer.json()
    if not isinstance(body, dict):
        raise Malformed(f"{answer.url}: not an object but {type(body).__name__}")
    return body


def _ids(answer: Answer, key: str) -> list[int]:
    """The ids in the list `key`, in order; null and unusable ones are left out."""
    listed = _object(answer).get(key)
    if not isinstance(listed, list):
        raise Malformed(f"{answer.url}: no list {key!r}")
    found = (entry.get("id") for entry in listed if isinstance(entry, dict))
    return [value for value in found if type(value) is int and value > 0]


def _pages(answer: Answer) -> int:
    pages = _object(answer).get("total_pages")
    if type(pages) is not int:
        raise Malformed(f"{answer.url}: total_pages is {pages!r}")
    return pages


def _export_table(answer: Answer) -> pa.Table:
    try:
        body = gzip.decompress(answer.body) if answer.body[:2] == b"\x1f\x8b" else answer.body
    except (EOFError, OSError) as error:
        what = str(error)
    else:
        schema = pa.schema(
            [("id", pa.int64()), ("adult", pa.bool_()), ("popularity", pa.float64()), ("video", pa.bool_())]
        )
        try:
            table = pyarrow.json.read_json(
                io.BytesIO(body),
                parse_options=pyarrow.json.ParseOptions(schema, unexpected_field_behavior="ignore"),
            )
        except pa.ArrowInvalid as error:
            what = str(error)
        else:
            return table.rename_columns(EXPORT_COLUMNS.names)
    raise Damaged(f"{answer.url}: not an id export ({what})")
