"""Large files over HTTP: streamed to disk, resumed where they broke off, never fetched twice unchanged."""

import hashlib
import json
import re
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import urllib3

from connectors.certificates import refused_certificate
from connectors.errors import (
    BadRequest,
    ConnectionFailed,
    ConnectorError,
    Damaged,
    NotFound,
    RateLimited,
    ServerFailed,
    SourceUnreachable,
    Unauthorized,
    Untrusted,
)
from connectors.redaction import USER_AGENT, parse_date, redact
from connectors.retry import RetryPolicy, retry_after_seconds, utc_now
from connectors.unpacking import UNREADABLE, UnpackingLimits, unpacked

CHUNK = 2**18
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of a file this is: its validators as the server sent them, and its SHA-256."""

    etag: str | None
    last_modified: str | None
    sha256: str | None = None
    bytes: int | None = None

    def headers(self) -> dict[str, str]:
        """Return the headers that ask for the file only if it is another version."""
        conditions = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in conditions.items() if value}

    def same(self, cursor: dict[str, Any] | None) -> bool:
        """Return whether a stored cursor describes this version."""
        if not cursor:
            return False
        if self.etag or cursor.get("etag"):
            return self.etag == cursor.get("etag")
        return self.last_modified is not None and self.last_modified == cursor.get("last_modified")

    def cursor(self) -> dict[str, Any]:
        """Return the version as a cursor to store."""
        return {
            "etag": self.etag,
            "last_modified": self.last_modified,
            "sha256": self.sha256,
            "bytes": self.bytes,
        }


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A complete file on disk; `fetched_at` is the local time at which that was established."""

    path: Path
    version: Version
    request: str
    fetched_at: datetime


@dataclass(frozen=True, slots=True)
class Offer:
    """A version of a file that was not fetched yet: the `bytes` that are to come, where the server says."""

    bytes: int | None


class Downloader:
    """Fetches files of one source into `directory`.

    Beside a finished file lies `<name>.json` with its version; `<name>.part` is an unfinished one, which the
    next attempt, or the next run, continues by a Range request, provided that the server says it is the same.
    """

    def __init__(
        self,
        source: str,
        directory: Path,
        *,
        session: requests.Session | None = None,
        retry: RetryPolicy | None = None,
        connect_timeout: float = 10.0,
        read_timeout: float = 60.0,
        clock: Callable[[], datetime] = utc_now,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self.source = source
        self._directory = directory
        self._session = session or requests.Session()
        self._session.headers["User-Agent"] = USER_AGENT
        self._session.headers["Accept-Encoding"] = "identity"  # the bytes as they are stored
        self._retry = (retry or RetryPolicy()).blocking(sleep)
        self._timeout = (connect_timeout, read_timeout)
        self._clock = clock

    def text(self, url: str, most_bytes: int = 100_000) -> str | None:
        """Return the small text at `url`, or None for HTTP 403 and 404."""

        def attempt() -> str | None:
            with self._get(url, {}) as response:
                if response.status_code in (403, 404):
                    return None
                self._check(url, response)
                body = response.raw.read(most_bytes, decode_content=False)
                if "gzip" in response.headers.get("Content-Encoding", ""):
                    with suppress(*UNREADABLE):
                        body = unpacked(body, UnpackingLimits(bytes=most_bytes))
                return str(body, errors="replace")

        return self._persist(url, attempt)

    def file(
        self, url: str, *, cursor: dict[str, Any] | None = None, verify: Callable[[Path], None] | None = None
    ) -> Downloaded | None:
        """Return the file at `url`, or None if it still is the version of `cursor`.

        `verify` is called with the finished file, and may raise Damaged: then it is fetched afresh.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        return self._persist(url, lambda: self._attempt(url, cursor, verify))

    def offer(self, url: str, *, cursor: dict[str, Any] | None = None) -> Offer | None:
        """Return what `file` would download, or None if it would find the version of `cursor`.

        Asks for the file and leaves it at that: nothing is read of it, nothing is written.
        """

        def attempt() -> Offer | None:
            here, headers, _ = self._known(url, cursor)
            with self._get(url, headers) as response:
                if response.status_code == 304:
                    return None if here is None or here.same(cursor) else Offer(0)
                if response.status_code == 416:
                    return Offer(None)
                self._check(url, response)
                length = response.headers.get("Content-Length")
                return Offer(int(length) if length and length.isdigit() else None)

        return self._persist(url, attempt)

    def forget(self, url: str) -> None:
        """Remove the file of `url`, finished or not, so that the next attempt starts afresh."""
        path = self._path(url)
        for name in (path, _beside(path, ".json"), _beside(path, ".part"), _beside(path, ".part.json")):
            name.unlink(missing_ok=True)

    def _path(self, url: str) -> Path:
        name = urlsplit(url).path.rsplit("/", 1)[-1]
        if not name or name.startswith("."):
            raise BadRequest(f"{redact(url)}: no file name")
        return self._directory / name

    def _attempt(
        self, url: str, cursor: dict[str, Any] | None, verify: Callable[[Path], None] | None
    ) -> Downloaded | None:
        path = self._path(url)
        part, note = _beside(path, ".part"), _beside(path, ".part.json")
        request = f"GET {redact(url)}"
        here, headers, offset = self._known(url, cursor)

        with self._get(url, headers) as response:
            if response.status_code == 304:
                if here is None or here.same(cursor):
                    return None
                self._verify(path, verify)
                return Downloaded(path, here, request, self._clock())
            if response.status_code == 416:
                part.unlink(missing_ok=True)
                raise Damaged(f"{redact(url)}: the unfinished download cannot be continued; it starts afresh")
            self._check(url, response)
            begins = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
            resumed = response.status_code == 206 and begins is not None and int(begins[1]) == offset
            if response.status_code == 206 and not resumed:
                part.unlink(missing_ok=True)
                raise Damaged(f"{redact(url)}: the server sent another part than the one asked for")
            version = Version(response.headers.get("ETag"), response.headers.get("Last-Modified"))
            _save(note, version)
            length = response.headers.get("Content-Length")
            expected = (offset if resumed else 0) + int(length) if length and length.isdigit() else None
            with part.open("ab" if resumed else "wb") as file:
                # As stored: some servers label a .gz file as an encoding, to be undone on the way.
                for chunk in response.raw.stream(CHUNK, decode_content=False):
                    file.write(chunk)
        size = part.stat().st_size
        if expected is not None and size != expected:
            raise ConnectionFailed(f"{redact(url)}: {size:,} of {expected:,} bytes arrived")
        self._verify(part, verify)
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        version = Version(version.etag, version.last_modified, digest, size)
        _beside(path, ".json").unlink(missing_ok=True)
        part.replace(path)
        _save(_beside(path, ".json"), version)
        note.unlink(missing_ok=True)
        if cursor and cursor.get("sha256") == digest:
            return None  # the same bytes under new validators
        return Downloaded(path, version, request, self._clock())

    def _known(self, url: str, cursor: dict[str, Any] | None) -> tuple[Version | None, dict[str, str], int]:
        """Return the finished local version, the request headers, and the offset in bytes to resume from."""
        path = self._path(url)
        part = _beside(path, ".part")
        here = _load(_beside(path, ".json"))
        if here is not None and not (path.exists() and path.stat().st_size == here.bytes):
            here = None
        known = here or (Version(cursor.get("etag"), cursor.get("last_modified")) if cursor else None)
        headers = known.headers() if known else {}

        begun = _load(_beside(path, ".part.json")) if part.exists() else None
        condition = begun and (
            begun.etag if begun.etag and not begun.etag.startswith("W/") else begun.last_modified
        )
        offset = part.stat().st_size if begun and condition else 0
        if offset and condition:
            headers |= {"Range": f"bytes={offset}-", "If-Range": condition}
        return here, headers, offset

    @staticmethod
    def _verify(path: Path, verify: Callable[[Path], None] | None) -> None:
        if verify is None:
            return
        try:
            verify(path)
        except Damaged:
            path.unlink()
            forget_version(path)
            raise

    def _get(self, url: str, headers: dict[str, str]) -> requests.Response:
        return self._session.get(
            url, headers=headers, stream=True, timeout=self._timeout, allow_redirects=True
        )

    def _check(self, url: str, response: requests.Response) -> None:
        status = response.status_code
        if status in (200, 206):
            return
        message = f"{redact(url)}: HTTP {status}"
        if status == 404:
            raise NotFound(f"{message}: no such file; check the name and the base address")
        if status in (401, 403):
            raise Unauthorized(f"{message}: access refused; check the base address")
        if status == 429 or status >= 500:
            now = parse_date(response.headers.get("Date")) or self._clock()
            retry_after = retry_after_seconds(response.headers.get("Retry-After"), now)
            raise RateLimited(message, retry_after) if status == 429 else ServerFailed(message, retry_after)
        raise BadRequest(message)

    def _persist(self, url: str, attempt: Callable[[], R]) -> R:
        """Run `attempt` under the retry policy, with every failure of requests turned into one of ours."""

        def once() -> R:
            failure: ConnectorError
            try:
                return attempt()
            except requests.exceptions.ConnectTimeout as error:
                failure = ConnectionFailed(
                    f"{redact(url)}: no connection ({_reason(error)})", connected=False
                )
            except requests.exceptions.Timeout as error:
                failure = ConnectionFailed(f"{redact(url)}: timed out ({_reason(error)})")
            except (
                requests.exceptions.ChunkedEncodingError,
                requests.exceptions.ContentDecodingError,
            ) as error:
                failure = ConnectionFailed(f"{redact(url)}: the connection broke ({_reason(error)})")
            except requests.exceptions.ConnectionError as error:
                if certificate := refused_certificate(error):
                    failure = Untrusted(self.source, f"{redact(url)}: {certificate}")
                else:
                    failure = ConnectionFailed(
                        f"{redact(url)}: no connection ({_reason(error)})", connected=False
                    )
            except requests.exceptions.RequestException as error:
                failure = BadRequest(f"{redact(url)}: not a usable address ({_reason(error)})")
            except urllib3.exceptions.HTTPError as error:
                failure = ConnectionFailed(f"{redact(url)}: the connection broke ({_reason(error)})")
            raise failure

        final: ConnectionFailed
        try:
            result: R = self._retry.copy()(once)
        except ConnectionFailed as error:
            final = error
        else:
            return result
        if final.connected:
            raise final
        raise SourceUnreachable(
            f"{self.source} cannot be reached: {final}. Check the address and the network."
        )


def _reason(error: Exception) -> str:
    return redact(str(error))[:300] or type(error).__name__


def forget_version(path: Path) -> None:
    """Forget which version the finished file is, so that it is fetched again even if there is no newer."""
    _beside(path, ".json").unlink(missing_ok=True)


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


def _load(path: Path) -> Version | None:
    try:
        return Version(**json.loads(path.read_bytes()))
    except (FileNotFoundError, ValueError, TypeError):
        return None


def _save(path: Path, version: Version) -> None:
    path.write_text(json.dumps(version.cursor()))
