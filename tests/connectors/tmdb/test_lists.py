"""Paging through TMDb's lists, which lie, shift and end early."""

import asyncio
from collections.abc import Callable
from datetime import date

import pytest

from connectors import BadRequest, Malformed, NotFound, TMDb
from connectors.http import Request, Response


async def _no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


def tmdb(handler: Callable[[Request], Response]) -> TMDb:
    return TMDb(
        "http://tmdb.test/3",
        "token",
        export_url="http://files.test",
        requests_per_second=100_000,
        transport=handler,
        sleep=_no_sleep,
    )


def discover(handler: Callable[[Request], Response], limit: int | None = None, **params: object) -> list[int]:
    async def run() -> list[int]:
        async with tmdb(handler) as client:
            return [movie async for movie in client.discover(limit=limit, **params)]

    return asyncio.run(run())


class Listing:
    """A discover that knows `released` movies (id → date) and serves 500 pages at most."""

    def __init__(self, released: dict[int, str], claim: int | None = None) -> None:
        self.released = released
        self.claim = claim
        self.asked: list[int] = []

    def __call__(self, request: Request) -> Response:
        params = request.url.params
        page = int(params["page"])
        self.asked.append(page)
        if page > 500:
            return Response(400, json={"success": False, "status_code": 22})
        first = params.get("primary_release_date.gte", "0")
        last = params.get("primary_release_date.lte", "9")
        ids = [movie for movie, day in self.released.items() if first <= day <= last]
        results = [{"id": movie} for movie in ids[20 * page - 20 : 20 * page]]
        pages = self.claim if self.claim is not None else -(-len(ids) // 20)
        return Response(
            200, json={"page": page, "results": results, "total_pages": pages, "total_results": len(ids)}
        )


def test_a_list_is_read_to_its_end_once_each_and_in_order() -> None:
    listing = Listing({movie: "2000-01-01" for movie in range(45, 0, -1)})
    assert discover(listing) == list(range(45, 0, -1))
    assert listing.asked == [1, 2, 3]


def test_a_limit_ends_the_asking() -> None:
    listing = Listing({movie: "2000-01-01" for movie in range(1, 20_000)})
    assert discover(listing, limit=30) == list(range(1, 31))
    assert listing.asked == [1, 2]


@pytest.mark.parametrize("claim", [0, 1, 400, 10**9])
def test_total_pages_may_claim_what_it_likes(claim: int) -> None:
    listing = Listing({movie: "2000-01-01" for movie in range(1, 50)}, claim)
    found = discover(listing, limit=10_000)
    assert found == list(range(1, 50))
    assert max(listing.asked) <= 4


def test_movies_that_move_between_pages_while_paging_come_once() -> None:
    pages = {"1": [1, 2, 3], "2": [3, 4, 1], "3": []}

    def handler(request: Request) -> Response:
        ids = pages[request.url.params["page"]]
        return Response(200, json={"results": [{"id": i} for i in ids], "total_pages": 3})

    assert discover(handler) == [1, 2, 3, 4]


def test_more_than_ten_thousand_are_cut_by_release_date() -> None:
    released = {movie: f"{1950 + movie % 70}-0{1 + movie % 9}-11" for movie in range(1, 24_001)}
    listing = Listing(released)
    found = discover(listing)
    assert len(found) == len(set(found)) == 24_000
    assert max(listing.asked) <= 500
    # The cuts themselves cost a few requests only.
    assert len(listing.asked) < 24_000 / 20 + 150


def test_a_single_day_beyond_ten_thousand_gives_its_ten_thousand() -> None:
    listing = Listing({movie: "2000-01-01" for movie in range(1, 12_001)})
    day: dict[str, object] = dict.fromkeys(
        ("primary_release_date.gte", "primary_release_date.lte"), "2000-01-01"
    )
    found = discover(listing, None, **day)
    assert found == list(range(1, 10_001))


def test_a_window_of_changes_beyond_500_pages_is_cut_in_two() -> None:
    asked: list[tuple[str, str]] = []

    def handler(request: Request) -> Response:
        params = request.url.params
        first, last = date.fromisoformat(params["start_date"]), date.fromisoformat(params["end_date"])
        asked.append((params["start_date"], params["end_date"]))
        days = (last - first).days + 1
        return Response(
            200, json={"results": [{"id": first.toordinal()}], "total_pages": 501 if days > 7 else 1}
        )

    async def run() -> set[int]:
        async with tmdb(handler) as client:
            return await client.changes(date(2026, 1, 1), date(2026, 1, 14))

    assert asyncio.run(run()) == {date(2026, 1, 1).toordinal(), date(2026, 1, 8).toordinal()}
    assert asked == [("2026-01-01", "2026-01-14"), ("2026-01-01", "2026-01-07"), ("2026-01-08", "2026-01-14")]


def test_no_changes_are_asked_for_when_the_end_lies_before_the_start() -> None:
    async def run() -> set[int]:
        async with tmdb(lambda request: Response(500)) as client:
            return await client.changes(date(2026, 1, 2), date(2026, 1, 1))

    assert asyncio.run(run()) == set()


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"results": None, "total_pages": 1}, Malformed),
        ({"results": [{"id": 1}], "total_pages": "many"}, Malformed),
        ([], Malformed),
        ({"success": False, "status_code": 34, "status_message": "gone"}, NotFound),
        ({"success": False, "status_code": 22, "status_message": "page"}, BadRequest),
    ],
)
def test_a_list_that_makes_no_sense_is_refused_with_its_address(body: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="/discover/movie"):
        discover(lambda request: Response(200, json=body))
