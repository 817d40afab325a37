"""How the mirror misbehaves when it is told to: rules, and the ASGI layer that applies them.

A rule says *which* requests (a pattern over path and query, how many to skip, the first N, or a share) and
*what* happens to them (its kind):

- `latency`: the answer comes `seconds` later (and other rules still apply);
- `status`: an error `status` instead, with `retry_after` as the header: a number of seconds, `"date:5"` (an
  HTTP date 5 seconds ahead), any other text as it is, or nothing;
- `hang`: no answer at all;
- `reset`: the connection is reset (TCP RST) after `after_bytes` of the body; at 0, before the answer starts;
- `cut`: the connection is closed in an orderly way (TCP FIN) after `after_bytes` of the body;
- `truncate`: a well-formed answer that holds the first half of the body (JSON, gzip, zip or image);
- `gzip_cut`: the same, sent with `Content-Encoding: gzip`, the compressed stream cut in the middle;
- `html`: a page of HTML instead, with status 200;
- `echo`: the request's own headers as JSON instead, with status 200, as some proxies answer: the key too;
- `content_type`: the right body, labelled `content_type`;
- `corrupt`: one byte in the middle differs, the length does not;
- `edit`: in a JSON body, the values at dotted paths are replaced (`set`) or removed (`drop`) if they exist,
  as in `{"results.0.id": null}`; a key that does not exist yet is added.
"""

import asyncio
import gzip
import json
import re
import socket
import struct
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Any, Literal, cast, get_args

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.mirror.source_catalogue import MirrorError
from connectors.mirror.tmdb_errors import error_body

Kind = Literal[
    "latency",
    "status",
    "hang",
    "reset",
    "cut",
    "truncate",
    "gzip_cut",
    "html",
    "echo",
    "content_type",
    "corrupt",
    "edit",
]

_CODES = {400: 5, 401: 7, 404: 34, 422: 5, 429: 25, 503: 9, 504: 24}
"""TMDb's own code for a status; any other is 11, internal error."""


@dataclass(frozen=True)
class FaultRule:
    """One way to misbehave; see the module's text for the kinds.

    Attributes
    ----------
    match
        a regular expression searched for in path and query (`/3/movie/5?page=2`; never with the key).
    skip, first
        leave the first `skip` matching requests alone, then hit only the `first` next ones (None: all).
    probability, seed
        of those, hit this share; which ones depends on the seed and their number alone.
    """

    kind: Kind
    match: str = ""
    skip: int = 0
    first: int | None = None
    probability: float = 1.0
    seed: int = 0
    seconds: float = 0.0
    status: int = 500
    retry_after: float | str | None = None
    after_bytes: int = 0
    content_type: str = "text/plain"
    set: Mapping[str, Any] = field(default_factory=dict)
    drop: Sequence[str] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise MirrorError(f"no fault of kind {self.kind!r}: choose one of {', '.join(get_args(Kind))}")
        try:
            re.compile(self.match)
        except re.error as error:
            raise MirrorError(
                f"the fault's match {self.match!r} is not a regular expression ({error})"
            ) from None

    @classmethod
    def from_json(cls, rule: object) -> "FaultRule":
        """Return the rule of a JSON object of these attributes; raise `MirrorError` if it is not one."""
        known = {f.name for f in fields(cls)}
        if not isinstance(rule, dict) or "kind" not in rule or not set(rule) <= known:
            raise MirrorError(
                f"not a fault: {rule!r}; expected an object with kind and some of {sorted(known)}"
            )
        return cls(**rule)

    def hits(self, n: int) -> bool:
        """Return whether the matching request number `n` (from 0) is hit."""
        n -= self.skip
        if n < 0 or (self.first is not None and n >= self.first):
            return False
        draw = int.from_bytes(sha256(f"{self.seed} {n}".encode()).digest()[:8], "big") / 2**64
        return draw < self.probability


class FaultPlan:
    """An ordered list of rules with their counts; empty, it changes nothing.

    For each request, every latency that hits is added up, and the first other rule that hits is applied.
    """

    def __init__(self, rules: Sequence[FaultRule] = ()) -> None:
        self._rules = [(rule, re.compile(rule.match)) for rule in rules]
        self._seen = [0] * len(self._rules)
        self._hit = [0] * len(self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    @property
    def hits(self) -> list[int]:
        """How often each rule was applied, in their order."""
        return list(self._hit)

    def draw(self, target: str) -> tuple[float, FaultRule | None]:
        """Return the seconds to wait and the rule to apply, if any, for one request."""
        seconds, fault = 0.0, None
        for at, (rule, pattern) in enumerate(self._rules):
            if (fault is not None and rule.kind != "latency") or not pattern.search(target):
                continue
            number = self._seen[at]
            self._seen[at] += 1
            if not rule.hits(number):
                continue
            self._hit[at] += 1
            if rule.kind == "latency":
                seconds += rule.seconds
            else:
                fault = rule
        return seconds, fault


class Faults:
    """Answers one request through `app`, as badly as a rule asks."""

    def __init__(self, app: ASGIApp, now: Callable[[], datetime], closing: asyncio.Event) -> None:
        self._app = app
        self._now = now
        self._closing = closing

    async def __call__(
        self, scope: Scope, receive: Receive, send: Send, seconds: float, rule: FaultRule | None
    ) -> None:
        if seconds:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)
        if rule is None:
            await self._app(scope, receive, send)
        elif rule.kind == "hang" or (rule.kind in ("reset", "cut") and not rule.after_bytes):
            if rule.kind != "hang":
                _drop_connection(scope, reset=rule.kind == "reset")
            await _until_gone(receive, self._closing)
        elif rule.kind in ("reset", "cut"):
            await self._app(scope, receive, _Cutter(scope, send, rule))
        elif rule.kind in ("status", "html", "echo"):
            await _send_whole(send, *self._instead(scope, rule))
        else:
            collected = _Collector()
            await self._app(scope, receive, collected)
            headers, body = _spoil(rule, collected.headers, bytes(collected.body))
            await _send_whole(send, collected.status, headers, body)

    def _instead(self, scope: Scope, rule: FaultRule) -> tuple[int, dict[bytes, bytes], bytes]:
        if rule.kind == "echo":
            sent = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            return 200, {b"content-type": b"application/json"}, json.dumps(sent).encode()
        if rule.kind == "html" or not scope["path"].startswith("/3/"):
            title = b"Welcome" if rule.kind == "html" else b"%d" % rule.status
            page = b"<!DOCTYPE html><html><head><title>%s</title></head><body>%s</body></html>" % (
                title,
                title,
            )
            status = 200 if rule.kind == "html" else rule.status
            headers = {b"content-type": b"text/html; charset=utf-8"}
        else:
            status, headers = rule.status, {b"content-type": b"application/json;charset=utf-8"}
            page = error_body(_CODES.get(status, 11))
        if rule.retry_after is not None and rule.kind == "status":
            hint = str(rule.retry_after).removesuffix(".0")
            if hint.startswith("date:"):
                then = self._now() + timedelta(seconds=float(hint.removeprefix("date:")))
                hint = format_datetime(then, usegmt=True)
            headers[b"retry-after"] = hint.encode()
        return status, headers, page


class _Collector:
    """A `send` that keeps the response."""

    def __init__(self) -> None:
        self.status = 500
        self.headers: dict[bytes, bytes] = {}
        self.body = bytearray()

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        else:
            self.body += message.get("body", b"")


class _Cutter:
    """A `send` that promises the whole body and drops the connection after a part of it."""

    def __init__(self, scope: Scope, send: Send, rule: FaultRule) -> None:
        self._scope, self._send, self._rule = scope, send, rule
        self._left = rule.after_bytes

    async def __call__(self, message: Message) -> None:
        if message["type"] != "http.response.body":
            await self._send(message)
            return
        if self._left < 0:
            return
        body = message.get("body", b"")
        if len(body) < self._left or (len(body) == self._left and message.get("more_body")):
            self._left -= len(body)
            await self._send(message)
            return
        await self._send({"type": "http.response.body", "body": body[: self._left], "more_body": True})
        self._left = -1
        _drop_connection(self._scope, reset=self._rule.kind == "reset")


def _spoil(rule: FaultRule, headers: dict[bytes, bytes], body: bytes) -> tuple[dict[bytes, bytes], bytes]:
    if rule.kind == "truncate":
        body = body[: len(body) // 2]
    elif rule.kind == "gzip_cut":
        packed = gzip.compress(body, mtime=0)
        body = packed[: len(packed) // 2]
        headers[b"content-encoding"] = b"gzip"
    elif rule.kind == "content_type":
        headers[b"content-type"] = rule.content_type.encode()
    elif rule.kind == "corrupt" and body:
        middle = len(body) // 2
        body = body[:middle] + bytes([body[middle] ^ 0xFF]) + body[middle + 1 :]
    elif rule.kind == "edit":
        with suppress(ValueError):  # what is not JSON stays as it is
            content = json.loads(body)
            for path, value in rule.set.items():
                _edit(content, path.split("."), value)
            for path in rule.drop:
                _edit(content, path.split("."), _DROP)
            body = json.dumps(content).encode()
    return headers, body


_DROP = object()


def _edit(content: Any, path: list[str], value: object) -> None:
    """Set or drop what lies at a path of keys and list positions; do nothing where it leads nowhere."""
    if isinstance(content, list):
        if not path[0].isdecimal() or int(path[0]) >= len(content):
            return
        content = {path[0]: content[int(path[0])]} if len(path) > 1 else content
    elif not isinstance(content, dict):
        return
    key: Any = int(path[0]) if isinstance(content, list) else path[0]
    exists = isinstance(content, list) or key in content
    if len(path) > 1:
        if exists:
            _edit(content[key], path[1:], value)
    elif value is not _DROP:
        content[key] = value
    elif exists:
        del content[key]


async def _send_whole(send: Send, status: int, headers: dict[bytes, bytes], body: bytes) -> None:
    headers[b"content-length"] = b"%d" % len(body)
    await send({"type": "http.response.start", "status": status, "headers": list(headers.items())})
    await send({"type": "http.response.body", "body": body})


async def _until_gone(receive: Receive, closing: asyncio.Event) -> None:
    """Return once the client has gone or the mirror stops."""

    async def gone() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    waits = [asyncio.ensure_future(gone()), asyncio.ensure_future(closing.wait())]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def _drop_connection(scope: Scope, *, reset: bool) -> None:
    transport = cast(
        asyncio.Transport, scope["state"]["transport"]
    )  # the mirror's protocol class puts it there
    if reset:
        # With a linger time of zero, closing a socket sends RST instead of FIN.
        raw = transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    else:
        transport.close()
