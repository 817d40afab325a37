"""Compressed input in bounded memory, with limits on what it may unpack to.

Everything that arrives compressed is read here: files of IMDb, members of MovieLens' zips, imported tables,
the export of ids, and answers with a Content-Encoding. A small file that unpacks to gigabytes (a bomb) is
refused as soon as it passes its limit, whatever its own headers say of its size.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from isal import igzip, igzip_lib

GZIP = b"\x1f\x8b"
PIECE = 2**20
"""Bytes that are unpacked at once."""
MOST_MEMBERS = 1000
LONGEST_LIST = 2**20
"""Bytes of the list of a zip's members; the list of `MOST_MEMBERS` takes a tenth of that."""

_ISAL: type[Exception] = igzip_lib.IsalError  # type: ignore[assignment] # its stub says an instance
UNREADABLE = (EOFError, OSError, ValueError, RuntimeError, zlib.error, _ISAL, zipfile.BadZipFile)
"""What gzip, isal and zipfile raise for damaged, encrypted and strangely compressed data."""


class TooLarge(OSError):
    """Input unpacks to more than its limit."""


@dataclass(frozen=True, slots=True)
class UnpackingLimits:
    """How far input may unpack: to `bytes` at most, and beyond `free` bytes to `ratio` times its own size.

    Text packs to a fifth, and hardly ever to less than a thirtieth.

    Example:
        >>> UnpackingLimits(bytes=10**9, ratio=100, free=10**6).of(50_000)
        5000000
    """

    bytes: int = 16 * 2**30
    ratio: int = 100
    free: int = 64 * 2**20

    def of(self, packed: int) -> int:
        """Return the most bytes that input of `packed` bytes may unpack to."""
        return min(self.bytes, max(self.free, self.ratio * packed))


class _Bounded(io.RawIOBase):
    """A stream that raises TooLarge once more than `limit` bytes were read from it."""

    def __init__(self, stream: BinaryIO, limit: int, packed: int) -> None:
        self._stream = stream
        self._limit = limit
        self._packed = packed
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview[int]") -> int:  # type: ignore[override]
        data = self._stream.read(min(len(buffer), PIECE))
        self._read += len(data)
        if self._read > self._limit:
            raise TooLarge(_message(self._packed, self._limit))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()


def open_file(path: Path, limits: UnpackingLimits = UnpackingLimits()) -> BinaryIO:
    """Return the bytes of a file as a stream, unpacked where it is gzipped.

    Reading raises TooLarge past the limits, and one of UNREADABLE where the file is damaged.
    """
    packed = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(len(GZIP))
    if start != GZIP:
        stream, limit = cast(BinaryIO, path.open("rb")), limits.bytes
    else:
        # Three times as fast as gzip.open and Arrow's own, and it checks as much.
        stream = cast(BinaryIO, igzip.open(path))  # type: ignore[no-untyped-call]
        limit = limits.of(packed)
    return cast(BinaryIO, io.BufferedReader(_Bounded(stream, limit, packed), PIECE))


def unpacked(body: bytes, limits: UnpackingLimits = UnpackingLimits()) -> bytes:
    """Return bytes unpacked, where they are gzipped; errors as in reading `open_file`."""
    if body[: len(GZIP)] != GZIP:
        return body
    stream = cast(BinaryIO, igzip.IGzipFile(fileobj=io.BytesIO(body)))  # type: ignore[no-untyped-call]
    with io.BufferedReader(_Bounded(stream, limits.of(len(body)), len(body)), PIECE) as file:
        return file.read()


def list_members(path: Path) -> list[zipfile.ZipInfo]:
    """Return the members of a zip; raise one of UNREADABLE where it cannot be read.

    Refused are archives of more than `MOST_MEMBERS`.
    """
    with _Listing(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    if len(members) > MOST_MEMBERS:
        raise TooLarge(f"it has {len(members):,} members; refused: {MOST_MEMBERS:,} are read at most")
    return members


def refuse_member(member: zipfile.ZipInfo, limits: UnpackingLimits = UnpackingLimits()) -> None:
    """Raise TooLarge or BadZipFile for a member that `open_member` would not read to its end."""
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise zipfile.BadZipFile(f"{member.filename} is neither stored nor deflated")
    limit = limits.of(member.compress_size)
    if member.file_size > limit:
        raise TooLarge(
            f"{member.filename} would unpack from {member.compress_size:,} to {member.file_size:,} bytes; "
            f"refused: {limit:,} are read at most"
        )


def open_member(path: Path, member: zipfile.ZipInfo, limits: UnpackingLimits = UnpackingLimits()) -> BinaryIO:
    """Return one of `list_members` as a stream: this very member, also where another has its name.

    Reading raises TooLarge past the limits.
    """
    refuse_member(member, limits)
    # The archive's own handle is closed at once; the member keeps the file open until it is read.
    with zipfile.ZipFile(path) as archive:
        stream = cast(BinaryIO, archive.open(member))
    limit = limits.of(member.compress_size)
    return cast(BinaryIO, io.BufferedReader(_Bounded(stream, limit, member.compress_size), PIECE))


class Inflater:
    """Unpacks a gzipped body piece by piece as it arrives."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._unpacked = self._packed = 0
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what the next bytes of the body unpack to; raise TooLarge past the limit, or zlib.error."""
        self._packed += len(data)
        while data:
            if self._inflate.eof:  # a gzip file may be several in a row
                self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16)
            piece = self._inflate.decompress(data, PIECE)
            self._unpacked += len(piece)
            if self._unpacked > self._most_bytes:
                raise TooLarge(_message(self._packed, self._most_bytes))
            if piece:
                yield piece
            data = self._inflate.unused_data if self._inflate.eof else self._inflate.unconsumed_tail

    def finish(self) -> None:
        """Raise EOFError where the body ended early."""
        if self._packed and not self._inflate.eof:
            raise EOFError("it ends early")


class _Listing(io.BufferedReader):
    """A zip's file while its list of members is read, which zipfile does at once."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size > LONGEST_LIST:
            raise TooLarge(f"its list of members has {size or 0:,} bytes; refused: {LONGEST_LIST:,} are read")
        return super().read(size)


def _message(packed: int, limit: int) -> str:
    return f"its {packed:,} bytes unpack to more than {limit:,} bytes"
