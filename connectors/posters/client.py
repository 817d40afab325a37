"""Fetching posters into the store."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import quote

import pyarrow as pa

from connectors.batches import in_batches
from connectors.errors import (
    BudgetSpent,
    NotFound,
    SourceUnreachable,
    TerminalError,
    TransientError,
    Unauthorized,
)
from connectors.http import Http, Transport
from connectors.limiter import Limiter
from connectors.posters.poster_files import MOST_PIXELS, PosterStore, Unusable
from connectors.retry import Budget, RetryPolicy, utc_now

POSTER_COLUMNS = pa.schema(
    [
        ("tmdb_id", pa.int64()),
        ("poster_path", pa.string()),
        ("state", pa.string()),
        ("reason", pa.string()),
        ("sha256", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("format", pa.string()),
        ("bytes", pa.int64()),
        ("fetched_at", pa.timestamp("us", "UTC")),
    ]
)
MOST_BYTES = 20 * 2**20


class _Outcome(NamedTuple):
    state: str | None
    reason: str | None = None
    sha256: str | None = None
    width: int | None = None
    height: int | None = None
    format: str | None = None
    bytes: int | None = None
    fetched_at: datetime | None = None


class Posters:
    """An asynchronous client of TMDb's image host.

    `image_url` is the address before the size (`https://image.tmdb.org/t/p`), `size` one of TMDb's poster
    sizes (w185 costs a quarter of w500). The host takes no key. The rate is its own, not the API's.
    """

    def __init__(
        self,
        store_dir: Path,
        image_url: str,
        *,
        size: str = "w185",
        requests_per_second: float = 38.0,
        concurrency: int = 16,
        most_bytes: int = MOST_BYTES,
        most_pixels: int = MOST_PIXELS,
        limiter_file: Path | None = None,
        timeout: float = 30.0,
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
        transport: Transport | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = PosterStore(Path(store_dir), most_pixels)
        self.unfetched: dict[str, str] = {}
        """poster_path → why it could not be fetched for now; such posters are in no batch."""
        self._base = f"{image_url.rstrip('/')}/{size}"
        self._most_bytes = most_bytes
        self._concurrency = concurrency
        self._clock = clock
        self._http = Http(
            "TMDb's image host",
            limiter=Limiter(requests_per_second, shared=limiter_file, clock=monotonic, sleep=sleep),
            concurrency=concurrency,
            remedy="The image host refuses this file.",
            connect_timeout=min(10.0, timeout),
            read_timeout=timeout,
            retry=retry,
            budget=budget,
            transport=transport,
            clock=clock,
            sleep=sleep,
        )

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.store.clean)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.__aexit__(kind, error, trace)

    async def fetch(self, wanted: pa.Table, batch_size: int = 200) -> AsyncIterator[pa.Table]:
        """Fetch the posters in `wanted` (`tmdb_id`, `poster_path`); yield tables of `POSTER_COLUMNS`.

        `state` is `stored` (with `sha256`, `width` and `height` in pixels, `format`, `bytes`), `missing` (the
        host does not have it) or `bad` (not a usable image), the last two with a `reason`. Movies that share
        a path share one request. What failed for a passing reason is in `unfetched` instead.

        Raises SourceUnreachable, CircuitOpen and BudgetSpent.
        """
        movies: dict[str, list[int]] = {}
        for tmdb_id, path in zip(
            wanted.column("tmdb_id").to_pylist(), wanted.column("poster_path").to_pylist(), strict=True
        ):
            if path:
                movies.setdefault(path, []).append(tmdb_id)
        rows = max(1, batch_size // 2)
        batches = in_batches(self._poster, movies, rows=rows, concurrency=self._concurrency)
        async with aclosing(batches):
            async for fetched in batches:
                records = [
                    (tmdb_id, path, *outcome)
                    for path, outcome in fetched
                    if outcome.state is not None
                    for tmdb_id in movies[path]
                ]
                if records:
                    columns = zip(*records, strict=True)
                    arrays = [
                        pa.array(column, field.type)
                        for column, field in zip(columns, POSTER_COLUMNS, strict=True)
                    ]
                    yield pa.Table.from_arrays(arrays, schema=POSTER_COLUMNS)

    async def _poster(self, path: str) -> tuple[str, _Outcome]:
        temporary = self.store.temporary()
        try:
            try:
                saved = await self._http.save(
                    f"{self._base}/{quote(path.lstrip('/'))}", temporary, self._most_bytes
                )
                image = await asyncio.to_thread(self.store.keep, temporary, saved.sha256)
            except NotFound as error:
                return path, _Outcome("missing", str(error), fetched_at=self._clock())
            except Unusable as error:
                return path, _Outcome("bad", str(error), bytes=saved.bytes, fetched_at=self._clock())
            except (SourceUnreachable, BudgetSpent):
                raise
            except Unauthorized as error:  # how S3-like hosts say that there is no such file
                return path, _Outcome("missing", str(error), fetched_at=self._clock())
            except TerminalError as error:
                return path, _Outcome("bad", str(error), fetched_at=self._clock())
            except TransientError as error:
                self.unfetched[path] = str(error)
                return path, _Outcome(None)
            return path, _Outcome(
                "stored",
                None,
                saved.sha256,
                image.width,
                image.height,
                image.format,
                saved.bytes,
                self._clock(),
            )
        finally:
            temporary.unlink(missing_ok=True)
