"""The one module that speaks asynchronous HTTP, and the only one that imports httpx.

Everything else sees `Http.get` and `Http.save`, answers as plain bytes, and the errors of
`connectors.errors`. A test replaces the network by passing `transport=handler`, where `handler(request)`
returns a `Response`.
"""

import asyncio
import hashlib
import json
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar, cast

import httpx

from connectors.certificates import refused_certificate
from connectors.errors import (
    BadRequest,
    ConnectionFailed,
    ConnectorError,
    Damaged,
    Malformed,
    NotFound,
    RateLimited,
    ServerFailed,
    SourceUnreachable,
    TransientError,
    Unauthorized,
    Untrusted,
)
from connectors.limiter import Limiter, Turn
from connectors.redaction import USER_AGENT, parse_date, redact
from connectors.retry import Breaker, Budget, RetryPolicy, retry_after_seconds, utc_now
from connectors.unpacking import Inflater, TooLarge

Request = httpx.Request
Response = httpx.Response
Handler = Callable[[httpx.Request], httpx.Response | Coroutine[None, None, httpx.Response]]
Transport = httpx.AsyncBaseTransport | Handler
T = TypeVar("T")

LONGEST_ERROR = 100_000
"""Bytes of the body of an error that are read."""
UNMISTAKABLE = 16
"""Characters of a key that no text holds by chance; TMDb's have over 200."""
LEFT_OUT = "(left out: it repeats the key)"
"""Stands for words of the source that hold the key and would be quoted in a message."""


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer: `body` is decompressed, `date` is the source's own clock where it sent one."""

    address: str
    body: bytes
    date: datetime | None
    content_type: str

    @property
    def url(self) -> str:
        """The address, as far as it may be shown."""
        return redact(self.address)


@dataclass(frozen=True, slots=True)
class JsonAnswer(Answer):
    """An answer whose body is JSON: `text` as it was sent, `value` as it reads."""

    text: str
    value: Any


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def _each_name_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs as a dictionary; raise ValueError for a repeated name.

    Python would read the last value of a name, others the first.
    """
    read = dict(pairs)
    if len(read) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(name for name in names if names.count(name) > 1)!r} is named twice")
    return read


def as_json(answer: Answer) -> JsonAnswer:
    """Return the answer read as JSON, whatever its content type says.

    Raises Damaged, with the text, where it is not JSON or an object names a value twice.
    """
    try:
        text = answer.body.decode("utf-8-sig")
        value = json.loads(text, parse_constant=_no_constant, object_pairs_hook=_each_name_once)
    except (ValueError, RecursionError) as error:
        what = f"{error}"
    else:
        return JsonAnswer(answer.address, answer.body, answer.date, answer.content_type, text, value)
    kind = answer.content_type or "no content type"
    raise Damaged(
        f"{answer.url}: the answer is not JSON ({what}; {kind}, {len(answer.body):,} bytes)",
        answer.body.decode(errors="backslashreplace"),
    )


@dataclass(frozen=True, slots=True)
class Saved:
    """A body streamed to a file: its size in bytes and its SHA-256 in hex."""

    bytes: int
    sha256: str
    content_type: str


class _Handled(httpx.MockTransport):
    """Answers by a function; a body that the function made whole is sent as one that arrives."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        made = await super().handle_async_request(request)
        return httpx.Response(
            made.status_code, headers=made.headers, stream=made.stream, extensions=made.extensions
        )


async def _unpacked(
    response: httpx.Response, url: str, most_bytes: int, complaint: str
) -> AsyncIterator[bytes]:
    """Yield the body unpacked, in bounded memory; httpx would unpack all that a chunk holds at once.

    Raises Malformed past `most_bytes` and for an encoding other than gzip, Damaged for a broken one.
    """
    encoding = response.headers.get("content-encoding", "identity").strip().lower() or "identity"
    if encoding not in ("gzip", "x-gzip", "identity"):
        raise Malformed(f"{url}: the answer is encoded as {encoding[:100]!r}, which was not asked for")
    inflater, size = Inflater(most_bytes), 0
    try:
        async for chunk in response.aiter_raw():
            for piece in [chunk] if encoding == "identity" else inflater.feed(chunk):
                size += len(piece)
                if size > most_bytes:
                    raise TooLarge
                yield piece
        inflater.finish()
    except TooLarge:
        what: Malformed | Damaged = Malformed(f"{url}: {complaint} than {most_bytes:,} bytes")
    except (zlib.error, EOFError) as error:
        what = Damaged(f"{url}: the compressed answer is damaged ({error})")
    else:
        return
    raise what


async def _beginning(response: httpx.Response) -> bytes:
    """Return the first bytes of the body of an error; what cannot be unpacked is left aside."""
    body = bytearray()
    with suppress(Malformed, Damaged):
        async for chunk in _unpacked(response, "", LONGEST_ERROR, "longer"):
            body += chunk
    return bytes(body)


class Http:
    """A polite client of one source: kept-alive connections, one rate, retries, a budget and a breaker.

    `source` names it in messages; `remedy` is what a refused key is answered with. `headers` go with every
    request and appear in no message. `key` travels as a bearer token in the Authorization header and nowhere
    else. Timeouts are in seconds, `deadline` bounds one attempt in all.

    What a source sends is never edited. An answer that repeats the key, as a proxy does that returns the
    request, is refused as a whole; a message that would quote the key quotes nothing.
    """

    def __init__(
        self,
        source: str,
        *,
        limiter: Limiter,
        concurrency: int,
        headers: Mapping[str, str] | None = None,
        key: str | None = None,
        remedy: str = "check the key",
        retry: RetryPolicy | None = None,
        budget: Budget | None = None,
        breaker: Breaker | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 30.0,
        deadline: float = 90.0,
        max_bytes: int = 64 * 2**20,
        transport: Transport | None = None,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.source = source
        self.limiter = limiter
        self.budget = budget or Budget()
        self.breaker = breaker or Breaker(source)
        self._remedy = remedy
        self._key = key
        retry = retry or RetryPolicy()
        self._retry = retry.asynchronous(sleep)
        self._longest_hold = retry.longest_retry_after
        self._deadline = deadline
        self._max_bytes = max_bytes
        self._clock = clock
        self._answered = False
        if transport is not None and not isinstance(transport, httpx.AsyncBaseTransport):
            transport = _Handled(cast(Any, transport))
        self._options: dict[str, Any] = {
            "headers": {
                "user-agent": USER_AGENT,
                "accept-encoding": "gzip",
                **(headers or {}),
                **({} if key is None else {"authorization": f"Bearer {key}"}),
            },
            "timeout": httpx.Timeout(read_timeout, connect=connect_timeout),
            "transport": transport,
            "follow_redirects": False,  # a redirect to another host would carry the token there
        }
        # One client per connection, the last used first: httpcore's own pool looks at every connection for
        # every request, and at 32 connections that takes longer than the request.
        self._places = asyncio.Semaphore(concurrency)
        self._idle: list[httpx.AsyncClient] = []
        self._begun = False
        self._first_over = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for client in self._idle:
            await client.aclose()
        self._idle.clear()

    async def get(self, url: str, read: Callable[[Answer], T]) -> T:
        """Return `read(answer)` for GET `url`, with as many attempts as the policy allows.

        `read` may raise Damaged, to have the answer sent again, and Malformed.
        Raises a TransientError when they were not enough, NotFound, Unauthorized, BadRequest, BudgetSpent,
        SourceUnreachable when no connection was ever made, Untrusted where the certificate is refused, and
        CircuitOpen when the source has been given up.
        """

        async def attempt(turn: Turn) -> T:
            return read(await self._once(url, turn))

        return await self._persist(attempt)

    async def _once(self, url: str, turn: Turn) -> Answer:
        async def consume(response: httpx.Response) -> Answer:
            body = bytearray()
            async for chunk in _unpacked(response, redact(url), self._max_bytes, "the answer is longer"):
                body += chunk
            if self._repeats_key(body):
                raise Malformed(
                    f"{redact(url)}: the answer repeats the key that it was asked with, and is left aside; "
                    "a proxy may have answered instead of the source"
                )
            date = parse_date(response.headers.get("date"))
            return Answer(url, bytes(body), date, self._quoted(response.headers.get("content-type", "")))

        return await self._ask(url, consume, turn)

    async def save(self, url: str, path: Path, max_bytes: int) -> Saved:
        """Stream the body of GET `url` to `path`; errors as for `get`, and Malformed past `max_bytes`."""

        async def consume(response: httpx.Response) -> Saved:
            digest, size = hashlib.sha256(), 0
            with path.open("wb") as file:
                async for chunk in _unpacked(response, redact(url), max_bytes, "the file is larger"):
                    size += len(chunk)
                    digest.update(chunk)
                    file.write(chunk)
            return Saved(size, digest.hexdigest(), response.headers.get("content-type", ""))

        return await self._persist(lambda turn: self._ask(url, consume, turn))

    async def _persist(self, attempt: Callable[[Turn], Awaitable[T]]) -> T:
        """Run `attempt`, which is told its turn, under limiter, budget, retry policy and breaker."""
        tries = 0

        async def once() -> T:
            first = not self._begun
            if first:
                # The first request goes alone: a wrong key is one refusal, not one per connection.
                self._begun = True
            else:
                await self._first_over.wait()
            try:
                return await counted()
            finally:
                if first:
                    self._first_over.set()

        async def counted() -> T:
            nonlocal tries
            self.breaker.check()
            self.budget.spend(self.source, retry=tries > 0)
            tries += 1
            async with self._places:
                turn = await self.limiter()
                try:
                    return await attempt(turn)
                except RateLimited as error:
                    self.limiter.slow_down(min(error.retry_after or 0.0, self._longest_hold))
                    raise
                finally:
                    if not self._first_over.is_set():
                        # The first may take a server long to take in, and arrive with those after it.
                        self.limiter.sent(turn)

        final: TransientError
        try:
            # A copy for each call: tenacity keeps an attempt's state in the object.
            result: T = await self._retry.copy()(once)
        except (NotFound, Unauthorized, BadRequest, Malformed, Damaged):
            self._answer_came()
            raise
        except TransientError as error:
            final = error
        else:
            self._answer_came()
            return result
        self.breaker.failed(final)
        if isinstance(final, ConnectionFailed) and not final.connected and not self._answered:
            raise SourceUnreachable(
                f"{self.source} cannot be reached: {final}. Check the address and the network."
            )
        raise final

    def _client(self) -> httpx.AsyncClient:
        if "verify" not in self._options and self._options["transport"] is None:
            self._options["verify"] = httpx.create_ssl_context()  # slow to make, so one for all
        return httpx.AsyncClient(**self._options)

    def _answer_came(self) -> None:
        self._answered = True
        self.breaker.succeeded()

    async def _ask(self, url: str, consume: Callable[[httpx.Response], Awaitable[T]], turn: Turn) -> T:
        """Return `consume(response)` for GET `url` with status 200; raise a ConnectorError for all else.

        Errors are raised outside the `except` blocks: an httpx error keeps the request with its token, and
        must not become their context.
        """
        failure: ConnectorError
        client = self._idle.pop() if self._idle else self._client()

        async def watch(event: str, details: object) -> None:
            if event.endswith("send_request_headers.started"):
                self.limiter.sent(turn)

        extensions = {"trace": watch} if self.limiter.watches else None
        try:
            async with (
                asyncio.timeout(self._deadline),
                client.stream("GET", url, extensions=extensions) as response,
            ):
                if response.status_code == 200:
                    return await consume(response)
                body = await _beginning(response)
                failure = self._refusal(redact(url), response, body)
        except (TimeoutError, httpx.HTTPError, httpx.InvalidURL) as error:
            failure = self._broken(redact(url), error)
        finally:
            self._idle.append(client)
        raise failure

    def _repeats_key(self, body: bytes | bytearray) -> bool:
        """Return whether an answer repeats the key that was sent in the Authorization header.

        A short key may be a word of the data: it counts only behind "Bearer".
        """
        if self._key is None:
            return False
        return (self._key if len(self._key) >= UNMISTAKABLE else f"Bearer {self._key}").encode() in body

    def _quoted(self, words: str) -> str:
        """Return the source's words for a message; a placeholder where they contain the key."""
        return LEFT_OUT if self._key is not None and self._key in words else words

    def _broken(self, url: str, error: Exception) -> ConnectorError:
        """Return the ConnectorError for an error of httpx or a timeout."""
        reason = self._quoted(redact(str(error))) or type(error).__name__
        if isinstance(error, TimeoutError):
            return ConnectionFailed(f"{url}: no complete answer within {self._deadline:g} s")
        if certificate := refused_certificate(error):
            return Untrusted(self.source, f"{url}: {self._quoted(certificate)}")
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
            return ConnectionFailed(f"{url}: no connection ({reason})", connected=False)
        if isinstance(error, httpx.TimeoutException):
            return ConnectionFailed(f"{url}: timed out ({reason})")
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return BadRequest(f"{url}: not a usable address ({reason})")
        return ConnectionFailed(f"{url}: the connection broke ({reason})")

    def _refusal(self, url: str, response: httpx.Response, body: bytes) -> ConnectorError:
        """Return the error for a status other than 200."""
        status = response.status_code
        status_message = self._quoted(_status_message(body))
        message = f"{url}: HTTP {status}" + (f", {status_message!r}" if status_message else "")
        if status == 404:
            return NotFound(message, parse_date(response.headers.get("date")))
        if status in (401, 403):
            return Unauthorized(f"{message}. {self._remedy}")
        if status == 429 or status >= 500:
            now = parse_date(response.headers.get("date")) or self._clock()
            retry_after = retry_after_seconds(response.headers.get("retry-after"), now)
            return RateLimited(message, retry_after) if status == 429 else ServerFailed(message, retry_after)
        if status == 408:
            return ConnectionFailed(message)
        if 300 <= status < 400:
            target = redact(response.headers.get("location", "?"))
            if self._quoted(target) != target:
                target = f"{self._quoted(target.partition('?')[0])}?…"
            return BadRequest(
                f"{message}: redirected to {target[:300]}, which is not followed; check the base address"
            )
        return BadRequest(message)


def _status_message(body: bytes) -> str:
    """Return TMDb's own message of an error, without secrets; empty where there is none."""
    try:
        status_message = json.loads(body)["status_message"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return ""
    return redact(str(status_message))[:300]
