"""The HTTP module: one request first, no redirects, bounded answers, budgets, errors by type."""

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import pytest
from httpx import ByteStream

from connectors import (
    BadRequest,
    Budget,
    BudgetSpent,
    CircuitOpen,
    ConnectionFailed,
    ConnectorError,
    Malformed,
    NotFound,
    RateLimited,
    RetryPolicy,
    ServerFailed,
    SourceUnreachable,
    Unauthorized,
)
from connectors.http import Answer, Http, Request, Response, as_json
from connectors.limiter import Limiter
from tests.connectors.sources import Clock


def client(handler: Any, **options: Any) -> Http:
    clock = Clock()

    async def sleep(seconds: float) -> None:
        await clock.sleep(seconds)
        await asyncio.sleep(0)

    limiter = Limiter(100, clock=clock, sleep=sleep)
    return Http("A source", limiter=limiter, concurrency=8, transport=handler, sleep=sleep, **options)


async def body(http: Http, url: str = "http://source.test/x") -> bytes:
    return await http.get(url, lambda answer: answer.body)


def ask(handler: Callable[[Request], Response], times: int = 1, **options: Any) -> list[Any]:
    """The bodies or errors of `times` requests made at once."""

    async def run() -> list[Any]:
        async with client(handler, **options) as http:
            return await asyncio.gather(*(body(http) for _ in range(times)), return_exceptions=True)

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (301, BadRequest),
        (400, BadRequest),
        (401, Unauthorized),
        (403, Unauthorized),
        (404, NotFound),
        (405, BadRequest),
        (408, ConnectionFailed),
        (422, BadRequest),
        (429, RateLimited),
        (500, ServerFailed),
        (501, ServerFailed),
        (503, ServerFailed),
        (599, ServerFailed),
        (204, BadRequest),
    ],
)
def test_every_status_has_its_error_and_the_address_is_in_it(status: int, error: type[Exception]) -> None:
    (found,) = ask(lambda request: Response(status, json={"status_message": "because"}))
    assert type(found) is error
    assert "http://source.test/x" in str(found)
    assert "because" in str(found)


def test_the_first_request_goes_alone_so_that_a_wrong_key_is_refused_once() -> None:
    underway = 0
    seen: list[int] = []

    async def handler(request: Request) -> Response:
        nonlocal underway
        underway += 1
        seen.append(underway)
        for _ in range(5):
            await asyncio.sleep(0)
        underway -= 1
        return Response(200)

    assert ask(handler, times=20) == [b""] * 20  # type: ignore[arg-type]
    assert seen[0] == 1
    assert seen[1] == 1
    assert max(seen) <= 8


def test_a_redirect_is_not_followed_because_it_would_carry_the_key_away() -> None:
    hosts: list[str] = []

    def handler(request: Request) -> Response:
        hosts.append(request.url.host)
        return Response(302, headers={"location": "http://elsewhere.test/?token=abc"})

    (found,) = ask(handler, headers={"authorization": "Bearer secret"})
    assert "elsewhere.test/?token=…, which is not followed" in str(found)
    assert hosts == ["source.test"]


def test_an_answer_longer_than_allowed_is_refused_unread() -> None:
    (found,) = ask(lambda request: Response(200, content=b"x" * 2000), max_bytes=1000)
    assert isinstance(found, Malformed)
    assert "longer than 1,000 bytes" in str(found)


def test_a_compressed_answer_is_unpacked_and_a_damaged_one_asked_for_again() -> None:
    packed = gzip.compress(b"whole" * 100)
    bodies = [packed[:20], packed[:15] + b"xxx" + packed[18:], packed]

    def handler(request: Request) -> Response:
        assert request.headers["accept-encoding"] == "gzip"
        return Response(200, headers={"content-encoding": "gzip"}, stream=ByteStream(bodies.pop(0)))

    assert ask(handler) == [b"whole" * 100]
    assert bodies == []


def test_an_encoding_that_was_not_asked_for_is_refused() -> None:
    (error,) = ask(
        lambda _: Response(200, headers={"content-encoding": "gzip, gzip"}, stream=ByteStream(b""))
    )
    assert isinstance(error, Malformed)
    assert "encoded as 'gzip, gzip', which was not asked for" in str(error)


def test_an_answer_that_trickles_in_is_given_up_at_the_deadline() -> None:
    async def handler(request: Request) -> Response:
        await asyncio.sleep(60)
        return Response(200)

    (found,) = ask(handler, deadline=0.05, retry=RetryPolicy(attempts=2))  # type: ignore[arg-type]
    assert "no complete answer within 0.05 s" in str(found)


def test_the_budget_of_a_run_stops_it() -> None:
    found = ask(lambda request: Response(200), times=5, budget=Budget(requests=3))
    assert found.count(b"") == 3
    assert [type(error) for error in found if isinstance(error, Exception)] == [BudgetSpent] * 2


def test_a_source_that_never_answered_is_unreachable_and_one_that_did_has_failed() -> None:
    async def run(address: str) -> ConnectorError:
        async with client(None, retry=RetryPolicy(attempts=2)) as http:
            with pytest.raises(ConnectorError) as caught:
                await body(http, address)
            return caught.value

    assert type(asyncio.run(run("http://127.0.0.1:9/x"))) is SourceUnreachable
    assert isinstance(asyncio.run(run("ftp://127.0.0.1:9/x")), BadRequest)
    assert isinstance(asyncio.run(run("http://127.0.0.1:port/x")), BadRequest)


def test_once_given_up_a_source_is_not_asked_again() -> None:
    asked = 0

    def handler(request: Request) -> Response:
        nonlocal asked
        asked += 1
        return Response(503)

    async def run() -> None:
        async with client(handler, retry=RetryPolicy(attempts=1)) as http:
            for _ in range(5):
                with pytest.raises(ServerFailed):
                    await body(http)
            with pytest.raises(CircuitOpen, match="left alone for this run"):
                await body(http)

    asyncio.run(run())
    assert asked == 5


def test_refusals_are_answers_and_do_not_open_the_circuit() -> None:
    found = ask(lambda request: Response(404), times=20)
    assert {type(error) for error in found} == {NotFound}


@pytest.mark.parametrize("content", [b'{"a": 1}', "ä".encode().join([b'["', b'"]']), b"1"])
def test_json_is_read_whatever_its_label(content: bytes) -> None:
    read = as_json(Answer("http://x", content, None, "text/plain"))
    assert read.text == content.decode()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"NaN", b"[" * 100_000])
def test_what_is_no_json_is_damaged_with_what_came(content: bytes) -> None:
    with pytest.raises(ConnectorError, match="not JSON") as caught:
        as_json(Answer("http://x", content, None, ""))
    assert vars(caught.value)["original"] == content.decode(errors="backslashreplace")
