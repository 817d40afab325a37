"""Every error that a connector raises; the type alone says whether asking again can help.

    ConnectorError
    ├── TransientError            asking again may help: the retry policy does
    │   ├── RateLimited           429; carries the source's Retry-After in seconds
    │   ├── ServerFailed          5xx
    │   ├── ConnectionFailed      refused, timed out, reset, cut short
    │   └── Damaged               what arrived is not what was promised (length, gzip, checksum)
    └── TerminalError             asking again gives the same answer
        ├── NotFound              404: there is no such thing (any more)
        ├── Unauthorized          401, 403: the key is missing, wrong or suspended
        ├── BadRequest            any other 4xx, and redirects
        ├── Malformed             an answer that cannot be understood
        ├── BudgetSpent           this run may not ask any more
        └── SourceUnreachable     the source cannot be reached; nothing else of it will work now
            ├── CircuitOpen       it failed so often in a row that it is left alone until the next run
            └── Untrusted         its certificate does not prove that it is the source

Messages name the URL (secrets removed), what happened and what to do about it. No error keeps a request,
because a request carries the token.
"""

from datetime import datetime


class ConnectorError(Exception):
    """Something went wrong at a source."""


class TransientError(ConnectorError):
    """Asking again may help."""


class RateLimited(TransientError):
    """The source asks for fewer requests (HTTP 429)."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerFailed(TransientError):
    """The source answered with a 5xx status; some send a Retry-After with it."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ConnectionFailed(TransientError):
    """The connection was refused, timed out, was reset or ended early; `connected` says if there was one."""

    def __init__(self, message: str, *, connected: bool = True) -> None:
        super().__init__(message)
        self.connected = connected


class Damaged(TransientError):
    """The bytes that arrived are not those that were promised; `original` is what came, where it is short."""

    def __init__(self, message: str, original: str | None = None) -> None:
        super().__init__(message)
        self.original = original


class TerminalError(ConnectorError):
    """Asking again would give the same answer."""


class NotFound(TerminalError):
    """The source has no such thing (HTTP 404); `date` is the source's clock when it said so, where known."""

    def __init__(self, message: str, date: datetime | None = None) -> None:
        super().__init__(message)
        self.date = date


class Unauthorized(TerminalError):
    """The source refuses the key (HTTP 401 or 403)."""


class BadRequest(TerminalError):
    """The source refuses the request (HTTP 3xx and 4xx other than 401, 403, 404 and 429)."""


class Malformed(TerminalError):
    """An answer or file that cannot be understood."""


class BudgetSpent(TerminalError):
    """The requests or retries that this run may make are used up."""


class SourceUnreachable(TerminalError):
    """The source cannot be reached at all."""


class CircuitOpen(SourceUnreachable):
    """The source failed too often in a row and is left alone until the next run."""


class Untrusted(SourceUnreachable):
    """The certificate of the source is not one to trust: it may be somebody else who answers."""

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"{source} cannot be trusted: {reason}. Check the address and this machine's clock; behind a "
            "proxy with a certificate of its own, name its authority in SSL_CERT_FILE and REQUESTS_CA_BUNDLE"
        )
