"""The mirror as one ASGI application: TMDb, its images and exports, IMDb, MovieLens, and the controls.

| path | what |
|---|---|
| `/3/…` | TMDb's v3 API |
| `/t/p/{size}/{file}` | TMDb's images |
| `/p/exports/movie_ids_MM_DD_YYYY.json.gz` | TMDb's daily id export |
| `/imdb/{dataset}.tsv.gz` | IMDb's datasets |
| `/movielens/{set}.zip`, `.zip.md5` | MovieLens' sets |
| `GET /_mirror/log` | requests so far: counts per method and kind; `?full=1` adds each one |
| `DELETE /_mirror/log` | forget them |
| `POST /_mirror/advance?days=N` | move the clock |
| `GET`, `POST`, `DELETE /_mirror/faults` | show, set, clear the rules (`connectors.mirror.faults`) |

Every answer carries the mirror's own `Date`: the catalogue's day, with the real time of day.
"""

import asyncio
import json
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime, time
from email.utils import format_datetime
from pathlib import Path
from time import monotonic
from typing import Any
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Match, Route, Router
from starlette.types import Message, Receive, Scope, Send

from connectors.mirror.faults import FaultPlan, FaultRule, Faults
from connectors.mirror.poster_widths import Images
from connectors.mirror.source_catalogue import Catalogue, MirrorError
from connectors.mirror.static_files import ServedFile
from connectors.mirror.tmdb_api import TMDbAPI
from connectors.mirror.tmdb_errors import json_response

_LOG_LENGTH = 500_000


def utc_now() -> datetime:
    return datetime.now(UTC)


class MirrorApp:
    """The ASGI application over one catalogue.

    Parameters
    ----------
    catalogue
        what is served.
    token
        the only TMDb key accepted; any that is not empty, without it.
    faults
        the rules to begin with.
    clock
        the real time (aware, UTC), of which the time of day is shown.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        *,
        token: str | None = None,
        faults: FaultPlan | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.catalogue = catalogue
        self.token = token
        self.faults = faults or FaultPlan()
        self.closing = asyncio.Event()
        self._clock = clock
        self._started_on = clock().date()
        self._not_after = self.now()
        self._files: dict[str, ServedFile] = {}
        self._counts: Counter[str] = Counter()
        self._entries: deque[tuple[str, int, float]] = deque(maxlen=_LOG_LENGTH)
        self._began = monotonic()
        self._date: tuple[datetime, str] = (datetime.min.replace(tzinfo=UTC), "")
        self._router = Router(
            [
                *TMDbAPI(catalogue, token).routes(),
                Route("/t/p/{size}/{file}", Images(catalogue).image, name="image"),
                Route("/imdb/{file}", self._imdb, name="imdb"),
                Route("/movielens/{file}", self._movielens, name="movielens"),
                Route("/_mirror/log", self._log, methods=["GET", "DELETE"]),
                Route("/_mirror/advance", self._advance, methods=["POST"]),
                Route("/_mirror/faults", self._faults, methods=["GET", "POST", "DELETE"]),
            ],
            redirect_slashes=False,
        )
        self._faulty = Faults(self._router, self.now, self.closing)

    def now(self) -> datetime:
        """Return the mirror's clock (aware, UTC): the catalogue's day with the real time of day.

        It never goes back: past a real midnight it stays at the end of the catalogue's day.
        """
        real = self._clock()
        of_day = real.time() if real.date() == self._started_on else time(23, 59, 59)
        return datetime.combine(self.catalogue.today(), of_day, UTC)

    def log(self) -> dict[str, Any]:
        """Return `counts` (`{"GET details": 3, …}`) and `requests`, a list of (path with query, status).

        A status of 0 means that no answer began; `seconds` says when each request came, since the start. Keys
        and tokens are left out. Only the newest 500,000 requests are listed, all are counted.
        """
        entries = list(self._entries)
        return {
            "counts": dict(sorted(self._counts.items())),
            "requests": [(target, status) for target, status, _ in entries],
            "seconds": [round(seconds, 4) for _, _, seconds in entries],
        }

    def clear_log(self) -> None:
        self._counts.clear()
        self._entries.clear()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        logged = scope["path"].startswith("/_mirror/")
        began = monotonic() - self._began
        target = _without_key(scope)

        def log(status: int) -> None:
            nonlocal logged
            if not logged:
                logged = True
                self._counts[f"{scope['method']} {self._kind(scope)}"] += 1
                self._entries.append((target, status, began))

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                log(message["status"])  # before it is sent: who has an answer finds it in the log
                message["headers"] = [(b"date", self._http_date()), *message["headers"]]
            await send(message)

        if scope["path"].startswith("/_mirror/"):
            await self._router(scope, receive, dated)
            return
        try:
            if self.faults:
                await self._faulty(scope, receive, dated, *self.faults.draw(target))
            else:
                await self._router(scope, receive, dated)
        finally:
            log(0)

    def _http_date(self) -> bytes:
        now = self.now().replace(microsecond=0)
        if self._date[0] != now:
            self._date = (now, format_datetime(now, usegmt=True))
        return self._date[1].encode()

    def _kind(self, scope: Scope) -> str:
        """Return the name of the route that answers; a fault may have answered before any was looked for."""
        route = scope.get("route")
        if route is None:
            route = next((r for r in self._router.routes if r.matches(scope)[0] is Match.FULL), None)
        return str(getattr(route, "name", "unknown"))

    async def _imdb(self, request: Request) -> Response:
        file = request.path_params["file"]
        name = file.removesuffix(".tsv.gz")
        source = self.catalogue.imdb_file(name) if file.endswith(".tsv.gz") else None
        if source is None:
            return PlainTextResponse("Not Found", 404)
        return self._bulk(f"imdb/{name}", source).respond(request, "binary/octet-stream")

    async def _movielens(self, request: Request) -> Response:
        file = request.path_params["file"].removesuffix(".md5")
        name = file.removesuffix(".zip")
        source = self.catalogue.movielens_zip(name) if file.endswith(".zip") else None
        if source is None:
            return PlainTextResponse("Not Found", 404)
        bulk = self._bulk(f"movielens/{name}", source)
        if file == request.path_params["file"]:
            return bulk.respond(request, "application/zip")
        # GroupLens writes most of them the BSD way, and the newer large sets the GNU way.
        md5 = await bulk.md5()
        gnu = name in ("ml-25m", "ml-32m")
        return PlainTextResponse(f"{md5}  {file}\n" if gnu else f"MD5 ({file}) = {md5}\n")

    def _bulk(self, name: str, source: Path | bytes) -> ServedFile:
        """Return the file as of now, with the time at which its present content was first seen."""
        current = ServedFile(source, self._not_after if name not in self._files else self.now())
        if name not in self._files or self._files[name].etag != current.etag:
            self._files[name] = current
        return self._files[name]

    async def _log(self, request: Request) -> Response:
        if request.method == "DELETE":
            self.clear_log()
            return Response(status_code=204)
        log = self.log()
        return json_response(log if request.query_params.get("full") == "1" else {"counts": log["counts"]})

    async def _advance(self, request: Request) -> Response:
        days = request.query_params.get("days", "1")
        if not days.isdecimal() or not 1 <= int(days) <= 3650:
            return PlainTextResponse(f"days must be a whole number from 1 to 3650, not {days!r}", 400)
        self.catalogue.advance(int(days))
        return json_response({"today": self.catalogue.today().isoformat()})

    async def _faults(self, request: Request) -> Response:
        if request.method == "POST":
            try:
                rules = json.loads(await request.body())
                if not isinstance(rules, list):
                    raise MirrorError("expected a JSON list of faults")
                self.faults = FaultPlan([FaultRule.from_json(rule) for rule in rules])
            except (ValueError, MirrorError) as error:
                return PlainTextResponse(str(error), 400)
        elif request.method == "DELETE":
            self.faults = FaultPlan()
        return json_response({"hits": self.faults.hits})


def _without_key(scope: Scope) -> str:
    """Return path and query as asked for, less the key: logs must not hold it."""
    query = scope["query_string"].decode("latin-1")
    if not query:
        return str(scope["path"])
    if "api_key" in query:
        query = urlencode([pair for pair in parse_qsl(query, keep_blank_values=True) if pair[0] != "api_key"])
    return f"{scope['path']}?{query}" if query else str(scope["path"])
