"""Whole files over HTTP the way static hosts send them: validators, 304, ranges, checksums."""

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from pathlib import Path

from anyio import open_file, to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

_CHUNK = 1 << 18


class ServedFile:
    """A file or its bytes, with what an HTTP server says about it.

    `etag` changes with the content (a file's size and time of change stand for it, as at most hosts);
    `modified` is the file's own time, but not after `not_after`: nothing is newer than the mirror's clock.
    """

    def __init__(self, source: Path | bytes, not_after: datetime) -> None:
        self._source = source
        if isinstance(source, bytes):
            self.size = len(source)
            self.etag = f'"{hashlib.sha256(source).hexdigest()[:32]}"'
            modified = not_after
        else:
            stat = source.stat()
            self.size = stat.st_size
            self.etag = f'"{stat.st_mtime_ns // 1000:x}-{stat.st_size:x}"'
            modified = min(datetime.fromtimestamp(stat.st_mtime, UTC), not_after)
        self.modified = modified.replace(microsecond=0)

    async def md5(self) -> str:
        """Return the MD5 of the content in hex."""

        def compute() -> str:
            digest = hashlib.md5(usedforsecurity=False)
            if isinstance(self._source, bytes):
                digest.update(self._source)
            else:
                with self._source.open("rb") as file:
                    while chunk := file.read(_CHUNK):
                        digest.update(chunk)
            return digest.hexdigest()

        return await to_thread.run_sync(compute)

    async def chunks(self, start: int, stop: int) -> AsyncIterator[bytes]:
        """Yield the bytes from `start` up to `stop`."""
        if isinstance(self._source, bytes):
            for at in range(start, stop, _CHUNK):
                yield self._source[at : min(at + _CHUNK, stop)]
            return
        async with await open_file(self._source, "rb") as file:
            await file.seek(start)
            while start < stop and (chunk := await file.read(min(_CHUNK, stop - start))):
                start += len(chunk)
                yield chunk

    def respond(self, request: Request, media_type: str) -> Response:
        """Return 200, 206 for a single range, 304 where the client's copy is current, or 416."""
        modified = format_datetime(self.modified, usegmt=True)
        headers = {"etag": self.etag, "last-modified": modified, "accept-ranges": "bytes"}
        if self._is_current(request):
            return Response(status_code=304, headers=headers)
        start, stop, status = 0, self.size, 200
        wanted = request.headers.get("range")
        if wanted and request.headers.get("if-range", self.etag) in (self.etag, modified):
            span = _span(wanted, self.size)
            if span == (0, 0):
                return Response(status_code=416, headers={**headers, "content-range": f"bytes */{self.size}"})
            if span is not None:
                start, stop = span
                status = 206
                headers["content-range"] = f"bytes {start}-{stop - 1}/{self.size}"
        headers["content-length"] = str(stop - start)
        return StreamingResponse(self.chunks(start, stop), status, headers, media_type)

    def _is_current(self, request: Request) -> bool:
        tags = request.headers.get("if-none-match")
        if tags is not None:  # it outranks If-Modified-Since (RFC 9110, 13.1.3)
            return tags.strip() == "*" or self.etag in [
                tag.strip().removeprefix("W/") for tag in tags.split(",")
            ]
        try:
            since = parsedate_to_datetime(request.headers["if-modified-since"])
        except (KeyError, ValueError):
            return False
        return self.modified <= since.replace(tzinfo=since.tzinfo or UTC)


def _span(header: str, size: int) -> tuple[int, int] | None:
    """Return start and stop of a single `bytes=` range, (0, 0) if it lies outside, None if it is not one."""
    unit, _, span = header.partition("=")
    first, dash, last = span.strip().partition("-")
    digits = (first + last).isdecimal()
    if unit.strip() != "bytes" or not dash or not digits:
        return None
    if not first:
        start, stop = max(0, size - int(last)), size
    else:
        start, stop = int(first), min(size, int(last) + 1) if last else size
    return (start, stop) if start < stop else (0, 0)
