"""TMDb's v3 API and its daily id export over a catalogue (https://developer.themoviedb.org/reference)."""

import asyncio
import gzip
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from connectors.mirror.discover import HELD, discover
from connectors.mirror.poster_widths import POSTER_SIZES
from connectors.mirror.source_catalogue import APPENDABLE, Catalogue, Record
from connectors.mirror.tmdb_errors import ERRORS, Refusal, error_body, json_response, to_json

GENRES: dict[int, str] = {
    28: "Action",
    12: "Adventure",
    16: "Animation",
    35: "Comedy",
    80: "Crime",
    99: "Documentary",
    18: "Drama",
    10751: "Family",
    14: "Fantasy",
    36: "History",
    27: "Horror",
    10402: "Music",
    9648: "Mystery",
    10749: "Romance",
    878: "Science Fiction",
    10770: "TV Movie",
    53: "Thriller",
    10752: "War",
    37: "Western",
}

EXPORT_DAYS = 90
"""How long a daily export stays at hand."""

_LIST_KEYS = (
    "adult",
    "backdrop_path",
    "id",
    "title",
    "original_language",
    "original_title",
    "overview",
    "popularity",
    "poster_path",
    "release_date",
    "video",
    "vote_average",
    "vote_count",
)


@dataclass(frozen=True)
class _Listing:
    """What the lists need of every movie, as of one day."""

    rows: list[dict[str, Any]]  # the HELD keys, and genres: frozenset[int]
    by_imdb: dict[str, int]


class TMDbAPI:
    """The routes of TMDb's API and export.

    Parameters
    ----------
    catalogue
        what is served.
    token
        the only key or read token accepted; any that is not empty, without it.
    """

    def __init__(self, catalogue: Catalogue, token: str | None = None) -> None:
        self._catalogue = catalogue
        self._token = token
        self._exports: dict[date, bytes] = {}
        self._listing_day: date | None = None
        self._listing: _Listing = _Listing([], {})
        self._listing_lock = asyncio.Lock()
        self._found: OrderedDict[tuple[date, str], list[int]] = OrderedDict()

    def routes(self) -> list[Route]:
        """Return the routes, the most requested first."""
        v3 = {
            "/3/movie/changes": ("changes", self._changes),
            "/3/movie/{movie_id}": ("details", self._details),
            "/3/movie/{movie_id}/{part}": ("part", self._part),
            "/3/discover/movie": ("discover", self._discover),
            "/3/find/{external_id}": ("find", self._find),
            "/3/configuration": ("configuration", self._configuration),
            "/3/genre/movie/list": ("genres", self._genres),
            "/3/{anything:path}": ("unknown", self._unknown),
        }
        routes = [Route(path, self._answer(handler), name=name) for path, (name, handler) in v3.items()]
        return [*routes, Route("/p/exports/{file}", self._export, name="export")]

    def _answer(
        self, handler: Callable[[Request], Awaitable[object]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                self._authorise(request)
                return json_response(await handler(request))
            except Refusal as refusal:
                status = ERRORS[refusal.code][0]
                return Response(error_body(refusal.code), status, media_type="application/json;charset=utf-8")

        return answer

    def _authorise(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else request.query_params.get("api_key", "")
        if not token or (self._token is not None and token != self._token):
            raise Refusal(7)

    async def _movie(self, request: Request) -> Record:
        movie_id = request.path_params["movie_id"]
        if movie_id.startswith("tt"):
            number = (await self._current_listing()).by_imdb.get(movie_id)
        else:
            digits = re.match(r"\d{1,18}(?=-|$)", movie_id)  # TMDb takes "5-four-rooms" too
            if not digits:
                raise Refusal(6)
            number = int(digits[0])
        record = self._catalogue.movie(number) if number is not None else None
        if record is None:
            raise Refusal(34)
        return record

    async def _details(self, request: Request) -> object:
        parameter = request.query_params.get("append_to_response")
        wanted = parameter.split(",") if parameter else []
        if len(wanted) > 20:
            raise Refusal(27)
        record = await self._movie(request)
        record.setdefault("softcore", False)
        for part in APPENDABLE:
            if part not in wanted:
                del record[part]
        return record

    async def _part(self, request: Request) -> object:
        if request.path_params["part"] not in APPENDABLE:
            raise Refusal(34)
        record = await self._movie(request)
        return {"id": record["id"], **record[request.path_params["part"]]}

    async def _changes(self, request: Request) -> object:
        page = _page(request.query_params)
        start, end = _day(request.query_params, "start_date"), _day(request.query_params, "end_date")
        if end is None:
            end = self._catalogue.today() if start is None else start + timedelta(days=14)
        if start is None:
            start = end - timedelta(days=1)
        if (end - start).days > 14:
            raise Refusal(20)
        ids = self._catalogue.changed(start, end)
        results = []
        for i in ids[100 * page - 100 : 100 * page]:
            movie = self._catalogue.movie(i)
            results.append(
                {"id": i, "adult": movie["adult"], "softcore": False} if movie else _GONE | {"id": i}
            )
        return _paged(results, page, len(ids), 100)

    async def _discover(self, request: Request) -> object:
        page = _page(request.query_params)
        listing = await self._current_listing()
        params = sorted((k, v) for k, v in request.query_params.items() if k not in ("page", "api_key"))
        key = (self._catalogue.today(), repr(params))
        if key not in self._found:
            self._found[key] = discover(listing.rows, dict(params))
            if len(self._found) > 64:
                self._found.popitem(last=False)
        ids = self._found[key]
        records = [self._catalogue.movie(i) for i in ids[20 * page - 20 : 20 * page]]
        return _paged([_list_item(record) for record in records if record], page, len(ids), 20)

    async def _find(self, request: Request) -> object:
        source = request.query_params.get("external_source")
        if not source:
            raise Refusal(5)
        results: dict[str, list[object]] = {
            f"{kind}_results": [] for kind in ("movie", "person", "tv", "tv_episode", "tv_season")
        }
        if source == "imdb_id":
            number = (await self._current_listing()).by_imdb.get(request.path_params["external_id"])
            record = self._catalogue.movie(number) if number is not None else None
            if record is not None:
                results["movie_results"].append({**_list_item(record), "media_type": "movie"})
        return results

    async def _configuration(self, request: Request) -> object:
        base = f"{request.url.scheme}://{request.url.netloc}/t/p/"
        images = {
            "base_url": base,
            "secure_base_url": base,
            "backdrop_sizes": ["w300", "w780", "w1280", "original"],
            "logo_sizes": ["w45", "w92", "w154", "w185", "w300", "w500", "original"],
            "poster_sizes": list(POSTER_SIZES),
            "profile_sizes": ["w45", "w185", "h632", "original"],
            "still_sizes": ["w92", "w185", "w300", "original"],
        }
        return {"change_keys": ["images", "overview", "plot_keywords", "title"], "images": images}

    async def _genres(self, request: Request) -> object:
        return {"genres": [{"id": number, "name": name} for number, name in GENRES.items()]}

    async def _unknown(self, request: Request) -> object:
        raise Refusal(34)

    async def _export(self, request: Request) -> Response:
        """Return one day's export; any of the last days that was not asked for then is today's state."""
        file = re.fullmatch(r"movie_ids_(\d\d_\d\d_\d{4})\.json\.gz", request.path_params["file"])
        today = self._catalogue.today()
        try:
            day = datetime.strptime(file[1], "%m_%d_%Y").date() if file else None  # noqa: DTZ007  a date, no time
        except ValueError:
            day = None
        if day is None or not 0 <= (today - day).days < EXPORT_DAYS:
            body = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>NoSuchKey</Code></Error>'
            return Response(body, 404, media_type="application/xml")
        if day not in self._exports:
            rows = (await self._current_listing()).rows
            keys = ("adult", "id", "original_title", "popularity", "video")
            lines = [to_json({key: row[key] for key in keys}) + b"\n" for row in rows]
            self._exports[day] = gzip.compress(b"".join(lines), compresslevel=6, mtime=0)
        return Response(self._exports[day], media_type="application/gzip")

    async def _current_listing(self) -> _Listing:
        """Return today's listing, made anew after the day has changed without holding up other requests."""
        async with self._listing_lock:
            today = self._catalogue.today()
            if self._listing_day != today:
                rows: list[dict[str, Any]] = []
                by_imdb: dict[str, int] = {}
                for at, i in enumerate(list(self._catalogue.ids())):
                    record = self._catalogue.movie(i)
                    if record is not None:
                        row = {key: record[key] for key in HELD}
                        row["genres"] = frozenset(genre["id"] for genre in record["genres"])
                        rows.append(row)
                        if record["imdb_id"]:
                            by_imdb.setdefault(record["imdb_id"], i)
                    if at % 500 == 499:
                        await asyncio.sleep(0)
                self._listing, self._listing_day = _Listing(rows, by_imdb), today
            return self._listing


_GONE: dict[str, object] = {"id": None, "adult": None, "softcore": None}


def _list_item(record: Record) -> Record:
    item = {key: record[key] for key in _LIST_KEYS}
    return {**item, "genre_ids": [genre["id"] for genre in record["genres"]], "softcore": False}


def _paged(results: list[Any], page: int, total: int, size: int) -> dict[str, object]:
    # At TMDb an empty list has one page, and total_pages may say more than the 500 that can be asked for.
    pages = max(1, -(-total // size))
    return {"page": page, "results": results, "total_pages": pages, "total_results": total}


def _page(query: Mapping[str, str]) -> int:
    page = query.get("page", "1")
    if not page.isdecimal() or not 1 <= int(page) <= 500:
        raise Refusal(22)
    return int(page)


def _day(query: Mapping[str, str], name: str) -> date | None:
    if not query.get(name):
        return None
    try:
        return date.fromisoformat(query[name])
    except ValueError:
        raise Refusal(5) from None
