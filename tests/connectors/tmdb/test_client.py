"""TMDb's client against a handler that answers as TMDb does."""

import asyncio
import gzip
import json
from collections.abc import Callable
from datetime import UTC, date, datetime

import pytest

from connectors import (
    BadRequest,
    CircuitOpen,
    Malformed,
    RetryPolicy,
    SourceUnreachable,
    TMDb,
    TMDbBatch,
    Unauthorized,
)
from connectors.http import Request, Response
from tests.connectors.sources import DATE

TOKEN = "a-token-that-nobody-may-see"
BASE = "http://tmdb.test/3"


async def _no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


def tmdb(handler: Callable[[Request], Response], **options: object) -> TMDb:
    return TMDb(
        BASE,
        TOKEN,
        export_url="http://files.test/p/exports",
        requests_per_second=100_000,
        transport=handler,
        sleep=_no_sleep,
        **options,  # type: ignore[arg-type]
    )


async def _rows(client: TMDb, ids: range | list[int], **options: int) -> list[dict[str, object]]:
    async with client:
        return [row async for batch in client.movies(ids, **options) for row in batch.table.to_pylist()]


def ok(body: object) -> Response:
    return Response(200, json=body, headers={"date": DATE})


def test_an_answer_that_names_a_value_twice_is_set_aside_with_its_text() -> None:
    """Of equal names one reader takes the first and another the last: nobody knows which is meant."""
    text = '{"id": 1, "title": "One", "title": "Other"}'
    (row,) = asyncio.run(_rows(tmdb(lambda request: Response(200, content=text)), [1]))
    assert "'title' is named twice" in str(row["reason"])
    assert row["payload"] == text


def test_a_movie_is_one_request_with_everything_appended_and_the_token_in_a_header() -> None:
    seen: list[Request] = []

    def handler(request: Request) -> Response:
        seen.append(request)
        return ok({"id": 862, "title": "Toy Story"})

    (row,) = asyncio.run(_rows(tmdb(handler), [862]))
    assert row["tmdb_id"] == 862
    assert json.loads(str(row["payload"])) == {"id": 862, "title": "Toy Story"}
    assert row["status"] == 200
    assert row["reason"] is None
    assert row["source_time"] == datetime(2026, 11, 20, 8, tzinfo=UTC)
    (request,) = seen
    assert request.url.params["append_to_response"] == (
        "keywords,credits,release_dates,external_ids,alternative_titles"
    )
    assert request.headers["authorization"] == f"Bearer {TOKEN}"
    assert TOKEN not in str(request.url)


def test_the_hash_follows_the_bytes() -> None:
    titles = iter(["a", "a", "b"])
    client = tmdb(lambda request: ok({"id": 1, "title": next(titles)}))
    first, second, third = (row["content_hash"] for row in asyncio.run(_rows(client, [1, 1, 1])))
    assert first == second != third


def test_bad_answers_become_rows_with_reasons_beside_the_good_ones() -> None:
    answers = {
        1: ok({"id": 1}),
        2: Response(404, json={"success": False, "status_code": 34}, headers={"date": DATE}),
        3: Response(200, text="<html>maintenance</html>"),
        4: Response(200, content=b'{"id": 4, "title": "cut'),
        5: ok([]),
        6: ok({"id": 7}),
        7: Response(200, content=b'{"id": 7, "title": "\xff"}'),
        8: Response(500),
        9: ok({"id": 9}),
        10: Response(200, content=b'{"id": 10, "popularity": NaN}'),
    }
    client = tmdb(lambda request: answers[int(request.url.path.rsplit("/", 1)[-1])])
    rows = {row["tmdb_id"]: row for row in asyncio.run(_rows(client, list(answers)))}
    assert {movie: row["status"] for movie, row in rows.items()} == {
        1: 200, 2: 404, 3: 200, 4: 200, 5: 200, 6: 200, 7: 200, 8: None, 9: 200, 10: 200,
    }  # fmt: skip
    assert [movie for movie, row in rows.items() if row["reason"] is None] == [1, 2, 9]
    assert rows[3]["payload"] == "<html>maintenance</html>"
    assert "HTTP 500" in str(rows[8]["reason"])
    assert rows[2]["source_time"] == datetime(2026, 11, 20, 8, tzinfo=UTC)


def test_a_refused_token_stops_with_the_name_of_the_setting_after_handing_over_what_came() -> None:
    def handler(request: Request) -> Response:
        movie = int(request.url.path.rsplit("/", 1)[-1])
        return ok({"id": movie}) if movie < 5 else Response(401, json={"status_message": "Invalid API key."})

    async def run() -> list[TMDbBatch]:
        batches = []
        async with tmdb(handler, concurrency=1) as client:
            with pytest.raises(Unauthorized, match="REELHOUSE_TMDB_TOKEN") as caught:
                async for batch in client.movies(range(1, 10)):
                    batches.append(batch)  # noqa: PERF401  the error must not lose them
        assert TOKEN not in repr(caught.value)
        assert caught.value.__context__ is None
        return batches

    assert [batch.table.column("tmdb_id").to_pylist() for batch in asyncio.run(run())] == [[1, 2, 3, 4]]


def test_an_address_where_nobody_listens_is_named() -> None:
    client = TMDb(
        "http://127.0.0.1:9/3", TOKEN, export_url="http://127.0.0.1:9", sleep=_no_sleep, retry=RetryPolicy(2)
    )

    async def run() -> None:
        async with client:
            await client.now()

    with pytest.raises(SourceUnreachable, match=r"http://127\.0\.0\.1:9/3/configuration"):
        asyncio.run(run())


def test_a_source_that_keeps_failing_is_left_alone() -> None:
    asked = 0

    def handler(request: Request) -> Response:
        nonlocal asked
        asked += 1
        return Response(503)

    async def run() -> list[object]:
        rows: list[object] = []
        async with tmdb(handler, concurrency=2, retry=RetryPolicy(attempts=3)) as client:
            with pytest.raises(CircuitOpen, match="left alone"):
                async for batch in client.movies(range(1, 1000)):
                    rows += batch.table.column("reason").to_pylist()
        return rows

    rows = asyncio.run(run())
    assert 5 <= len(rows) <= 6
    assert asked <= 3 * 6


def test_no_more_than_a_batch_is_fetched_and_not_taken_care_of() -> None:
    asked = 0

    def handler(request: Request) -> Response:
        nonlocal asked
        asked += 1
        return ok({"id": int(request.url.path.rsplit("/", 1)[-1])})

    async def run() -> None:
        done = 0
        async with tmdb(handler) as client:
            async for batch in client.movies(range(1, 1000), batch_size=50):
                for _ in range(100):  # a consumer that takes its time
                    await asyncio.sleep(0)
                assert batch.table.num_rows <= 50
                assert asked - done <= 50
                done += batch.table.num_rows
        assert done == asked == 999

    asyncio.run(run())


def test_now_is_the_date_header() -> None:
    async def run() -> datetime:
        async with tmdb(lambda request: ok({})) as client:
            return await client.now()

    assert asyncio.run(run()) == datetime(2026, 11, 20, 8, tzinfo=UTC)


def test_changes_are_asked_for_in_overlapping_windows_of_14_days_and_nulls_are_dropped() -> None:
    windows: list[tuple[str, str, str]] = []

    def handler(request: Request) -> Response:
        params = request.url.params
        windows.append((params["start_date"], params["end_date"], params["page"]))
        number = len(windows)
        return ok({"results": [{"id": number}, {"id": None}, {}], "page": 1, "total_pages": 2})

    async def run() -> set[int]:
        async with tmdb(handler) as client:
            return await client.changes(date(2026, 1, 1), date(2026, 1, 15))

    assert asyncio.run(run()) == {1, 2, 3, 4}
    assert windows == [
        ("2026-01-01", "2026-01-14", "1"),
        ("2026-01-01", "2026-01-14", "2"),
        ("2026-01-14", "2026-01-15", "1"),
        ("2026-01-14", "2026-01-15", "2"),
    ]


def test_find_reads_the_movies_only() -> None:
    answer: dict[str, list[dict[str, int]]] = {"movie_results": [], "tv_results": [{"id": 5}]}

    async def run() -> int | None:
        async with tmdb(lambda request: ok(answer)) as client:
            return await client.find("tt0114709")

    assert asyncio.run(run()) is None
    answer["movie_results"] = [{"id": 862}]
    assert asyncio.run(run()) == 862


def test_an_export_is_a_table_and_none_where_there_is_no_file() -> None:
    lines = (
        b'{"adult":false,"id":5,"original_title":"x","popularity":1.5,"video":false}\n{"adult":true,"id":6}\n'
    )

    def handler(request: Request) -> Response:
        assert "authorization" not in request.headers
        if request.url.path.endswith("movie_ids_11_20_2026.json.gz"):
            return Response(200, content=gzip.compress(lines), headers={"content-type": "application/gzip"})
        return Response(404)

    async def run(day: date) -> list[dict[str, object]] | None:
        async with tmdb(handler) as client:
            table = await client.export(day)
            return None if table is None else table.to_pylist()

    assert asyncio.run(run(date(2026, 11, 20))) == [
        {"tmdb_id": 5, "adult": False, "popularity": 1.5, "video": False},
        {"tmdb_id": 6, "adult": True, "popularity": None, "video": None},
    ]
    assert asyncio.run(run(date(2026, 11, 21))) is None


def test_an_answer_without_what_was_asked_for_is_refused_with_its_address() -> None:
    async def run() -> dict[int, str]:
        async with tmdb(lambda request: ok({"genres": [{"id": "many"}]})) as client:
            return await client.genres()

    with pytest.raises(Malformed, match="/genre/movie/list"):
        asyncio.run(run())


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"images": None},
        {"images": {"secure_base_url": 5}},
        {"images": {"secure_base_url": "file:///etc"}},
        {"images": {"secure_base_url": "https://i/", "poster_sizes": ["w92"]}},
    ],
)
def test_a_configuration_without_posters_of_that_size_is_refused(answer: object) -> None:
    async def run() -> str:
        async with tmdb(lambda request: ok(answer)) as client:
            return await client.image_url("w185")

    with pytest.raises(Malformed, match="/configuration"):
        asyncio.run(run())


def test_the_image_host_is_named_by_the_configuration() -> None:
    images = {"secure_base_url": "https://i/t/p/", "poster_sizes": ["w92", "w185", "original"]}

    async def run() -> str:
        async with tmdb(lambda request: ok({"images": images})) as client:
            return await client.image_url("w185")

    assert asyncio.run(run()) == "https://i/t/p/"


def test_where_a_redirect_leads_is_told_without_the_key() -> None:
    def handler(request: Request) -> Response:
        return Response(302, headers={"location": f"http://elsewhere.test/?key={TOKEN}"})

    async def run() -> None:
        async with tmdb(handler) as client:
            await client.now()

    with pytest.raises(BadRequest, match="elsewhere") as caught:
        asyncio.run(run())
    assert TOKEN not in str(caught.value)
