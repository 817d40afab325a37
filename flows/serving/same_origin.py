"""Which requests a server on localhost answers: those of programs and of its own pages.

Its pages, in turn, ask nobody else, and no other page shows them in a frame.

Every page that is open in a browser of this machine can send requests to 127.0.0.1. A name that its owner
points at 127.0.0.1 even makes such a page one of the same origin (DNS rebinding). So `Host` has to be a name
of this machine, and where a browser names the sender (`Origin`, Fetch Metadata), it has to be our own page.
"""

import ipaddress
import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

_HOST = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(:\d{1,5})?", re.ASCII)
MORE_NAMES = "; further names are set with REELHOUSE_HOST_NAMES"
POLICY_VIOLATION = 1008  # RFC 6455, 7.4.1; before the handshake, uvicorn answers 403


class SameOrigin:
    """An ASGI application that passes a server's own requests on to another, and refuses others with 403.

    The port of the `Host` header may be any: a tunnel has its own. Links from other sites still open a page.

    Args:
        app: The application behind it.
        names: Further names that `Host` may have, beside localhost and loopback addresses.
        remedy: What to do about a name that is refused, for the answer.

    Example:
        >>> import asyncio
        >>> async def status(*headers: tuple[bytes, bytes]) -> int:
        ...     sent = []
        ...     async def send(message): sent.append(message)
        ...     scope = {"type": "http", "method": "GET", "path": "/", "headers": headers}
        ...     await SameOrigin(PlainTextResponse("hello"))(scope, None, send)
        ...     return sent[0]["status"]
        >>> asyncio.run(status((b"host", b"localhost:4200")))
        200
        >>> asyncio.run(status((b"host", b"localhost:4200"), (b"origin", b"http://page.example")))
        403
    """

    def __init__(self, app: ASGIApp, names: Iterable[str] = (), *, remedy: str = "") -> None:
        self._app = app
        self._names = frozenset(name.lower() for name in names)
        self._remedy = remedy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or WebSocket; other messages, such as those of the lifespan, are passed on."""
        reason = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if reason is None:
            await self._app(scope, receive, _restricting(scope, send) if scope["type"] == "http" else send)
        elif scope["type"] == "websocket":
            await WebSocketClose(POLICY_VIOLATION, reason)(scope, receive, send)
        else:
            await PlainTextResponse(f"refused: {reason}\n", 403)(scope, receive, send)

    def _refusal(self, scope: Scope) -> str | None:
        headers = Headers(scope=scope)
        hosts = headers.getlist("host")
        host = hosts[0].lower() if len(hosts) == 1 else ""
        name = _HOST.fullmatch(host)
        if name is None or not (is_loopback(name[1]) or name[1] in self._names):
            return f"the Host header is no name of this server{self._remedy}"
        origins = headers.getlist("origin")
        if any(origin.lower().partition("://")[2] != host for origin in origins):
            return "the request comes from a page of another origin"
        if headers.get("sec-fetch-site", "none") not in ("none", "same-origin") and not _opens_page(
            scope, headers
        ):
            return "the request comes from a page of another site"
        return None


def _restricting(scope: Scope, send: Send) -> Send:
    """Return `send` with a header that lets a page ask this server alone.

    Prefect's page would ask another host for its settings, even where analytics are off.
    """
    host = Headers(scope=scope)["host"]
    policy = f"connect-src 'self' ws://{host} wss://{host}; frame-ancestors 'self'; form-action 'self'"

    async def send_restricted(message: Message) -> None:
        if message["type"] == "http.response.start":
            MutableHeaders(scope=message)["content-security-policy"] = policy
        await send(message)

    return send_restricted


def _opens_page(scope: Scope, headers: Headers) -> bool:
    """Return whether a browser asks for a page of its own, as when somebody follows a link."""
    to = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest"))
    return scope.get("method") in ("GET", "HEAD") and to == ("navigate", "document")


def is_loopback(host: str) -> bool:
    """Return whether a host, without its port, is localhost or an address of the loopback interface.

    >>> is_loopback("127.0.0.1"), is_loopback("[::1]"), is_loopback("127.0.0.1.example.com")
    (True, True, False)
    """
    try:
        return (
            host == "localhost" or ipaddress.ip_address(host.removeprefix("[").removesuffix("]")).is_loopback
        )
    except ValueError:
        return False
