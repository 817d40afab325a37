"""The token is in no message, log line, row or error, whatever goes wrong."""

import asyncio
import hashlib
import logging
import pickle
import traceback
from typing import Any

import pytest

from connectors import ConnectorError, RetryPolicy, TMDb, Unauthorized
from connectors.http import Request, Response
from connectors.mirror import FaultRule, Mirror
from connectors.redaction import redact
from tests.connectors.sources import SmallCatalogue

TOKEN = "eyJhbGciOiJIUzI1NiJ9.secret.signature"

FAULTS = [
    FaultRule("status", status=401),
    FaultRule("status", status=403),
    FaultRule("status", status=404),
    FaultRule("status", status=400),
    FaultRule("status", status=429, retry_after="0"),
    FaultRule("status", status=500),
    FaultRule("status", status=503),
    FaultRule("hang"),
    FaultRule("reset"),
    FaultRule("reset", after_bytes=20),
    FaultRule("cut", after_bytes=20),
    FaultRule("truncate"),
    FaultRule("gzip_cut"),
    FaultRule("html"),
    FaultRule("echo"),
    FaultRule("content_type"),
    FaultRule("corrupt"),
    FaultRule("edit", drop=("id",)),
]


async def _no_sleep(seconds: float) -> None:
    await asyncio.sleep(0)


async def everything(tmdb: TMDb) -> list[str]:
    """All that comes out of the client: rows and errors, with their chains and attributes."""
    said: list[str] = []

    async def movies() -> None:
        async for batch in tmdb.movies([1, 2]):
            said.append(repr(batch) + repr(batch.table.to_pylist()))

    for call in (tmdb.now, tmdb.genres, lambda: tmdb.get("movie/1"), lambda: tmdb.find("tt1"), movies):
        try:
            said.append(repr(await call()))
        except ConnectorError as error:
            said += traceback.format_exception(error)
            chain: BaseException | None = error
            while chain is not None:
                said += [repr(chain), repr(vars(chain)), repr(getattr(chain, "request", ""))]
                assert not hasattr(chain, "request")
                chain = chain.__cause__ or chain.__context__
    return said


@pytest.mark.parametrize("fault", FAULTS, ids=lambda rule: f"{rule.kind}-{rule.status}-{rule.after_bytes}")
def test_no_fault_brings_the_token_out(
    fault: FaultRule, mirror: Mirror, catalogue: SmallCatalogue, caplog: pytest.LogCaptureFixture
) -> None:
    catalogue.add(1, 2)
    mirror.set_faults(fault)
    caplog.set_level(logging.DEBUG)
    tmdb = TMDb(
        f"{mirror.url}/3",
        TOKEN,
        export_url=f"{mirror.url}/p/exports",
        requests_per_second=10_000,
        timeout=0.3,
        retry=RetryPolicy(attempts=2),
        sleep=_no_sleep,
    )

    async def run() -> list[str]:
        async with tmdb:
            return await everything(tmdb)

    said = asyncio.run(run())
    assert said
    assert TOKEN not in "\n".join(said)
    assert TOKEN not in repr(tmdb)
    ours = [record for record in caplog.records if record.name.split(".")[0] not in ("hpack",)]
    assert TOKEN not in "\n".join(record.getMessage() for record in ours)
    assert TOKEN not in str(mirror.log())


async def rows_of(tmdb: TMDb, *ids: int) -> list[dict[str, Any]]:
    """What the client hands over about some movies."""
    async with tmdb:
        return [row async for batch in tmdb.movies(ids) for row in batch.table.to_pylist()]


def echo(request: Request) -> Response:
    """What a proxy answers that returns the request: with 200, or for /find/ with 400."""
    headers = dict(request.headers)
    body = {"id": 1, "status_message": headers["authorization"], **headers}
    return Response(400 if "find" in request.url.path else 200, json=body)


def test_a_server_that_echoes_the_request_does_not_bring_it_out() -> None:
    async def run() -> list[str]:
        async with TMDb("http://t/3", TOKEN, export_url="http://t", transport=echo) as tmdb:
            return await everything(tmdb)

    assert TOKEN not in "\n".join(asyncio.run(run()))


@pytest.mark.parametrize("token", [TOKEN, "mirror"])
def test_an_answer_that_repeats_the_key_is_refused_as_a_whole(token: str) -> None:
    (row,) = asyncio.run(rows_of(TMDb("http://t/3", token, export_url="http://t", transport=echo), 1))
    assert row["payload"] is None
    assert row["content_hash"] is None
    assert "the answer repeats the key that it was asked with" in row["reason"]
    assert token not in row["reason"]


@pytest.mark.parametrize("token", ["mirror", "movie", "a", "id", "Snow-White", TOKEN])
def test_no_key_changes_what_the_source_says(token: str) -> None:
    """A key may be a word of the data: an overview once lost the mirror of Snow White's stepmother."""
    text = (
        '{ "id":1,"title":"Mirror, mirror" , "overview":"Snow-White and the talking mirror \\u00e9\\/é" }\n'
    )
    client = TMDb(
        "http://t/3", token, export_url="http://t", transport=lambda request: Response(200, content=text)
    )
    (row,) = asyncio.run(rows_of(client, 1))
    assert row["reason"] is None
    assert row["payload"] == text
    assert row["content_hash"] == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500])
@pytest.mark.parametrize("token", ["mirror", TOKEN])
def test_words_that_repeat_the_key_are_left_out_of_a_message_and_said_to_be(status: int, token: str) -> None:
    def handler(request: Request) -> Response:
        said = f"no such key: {token}" if "first" in request.url.path else "The talking apple is offline."
        headers = {"location": f"http://elsewhere.test/{token}"}
        return Response(status, json={"status_message": said}, headers=headers)

    async def messages() -> list[str]:
        said = []
        retry = RetryPolicy(attempts=1)
        async with TMDb("http://t/3", token, export_url="http://t", transport=handler, retry=retry) as tmdb:
            for path in ("first", "second"):
                with pytest.raises(ConnectorError) as caught:
                    await tmdb.get(path)
                said.append(str(caught.value))
        return said

    repeated, other = asyncio.run(messages())
    assert token not in repeated + other
    assert "(left out: it repeats the key)" in repeated
    assert "The talking apple is offline." in other


@pytest.mark.parametrize("token", ["", "  ", "two words-secret", "line\nbreak-secret", "secreté"])
def test_a_token_that_cannot_be_one_is_refused_unseen(token: str) -> None:
    with pytest.raises(Unauthorized, match="REELHOUSE_TMDB_TOKEN") as caught:
        TMDb("http://t/3", token, export_url="http://t")
    assert "secret" not in str(caught.value)


def test_blanks_around_a_token_are_no_part_of_it() -> None:
    async def run() -> None:
        async with TMDb(
            "http://t/3",
            f" {TOKEN}\n",
            export_url="http://t",
            transport=lambda request: Response(200, json={}),
        ) as tmdb:
            await tmdb.now()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://h/3/movie/5?api_key=abc&page=2", "http://h/3/movie/5?api_key=…&page=2"),
        ("http://user:pass@h/x", "http://h/x"),
        ("https://h/3?session_id=1#f", "https://h/3?session_id=…#f"),
        ("http://h/3/movie/5", "http://h/3/movie/5"),
        ("http://h/?ACCESS_TOKEN=x y", "http://h/?ACCESS_TOKEN=… y"),
    ],
)
def test_addresses_are_shown_without_their_secrets(text: str, shown: str) -> None:
    assert redact(text) == shown


def test_errors_travel_between_processes_without_carrying_more(mirror: Mirror) -> None:
    """Prefect stores and sends errors; ours are plain text."""

    async def run() -> Any:
        async with TMDb(f"{mirror.url}/3", TOKEN, export_url=mirror.url) as tmdb:
            await tmdb.get("nothing/here")

    with pytest.raises(ConnectorError) as caught:
        asyncio.run(run())
    assert TOKEN.encode() not in pickle.dumps((type(caught.value), caught.value.args, vars(caught.value)))
