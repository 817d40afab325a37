"""The standard streams of a process: an answer that is lost is an error, a message that is lost is not."""

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

from flows.errors import FlowError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class OutputLost(FlowError):
    """Standard output is closed, or cannot be written."""


class _ClosedOutput(io.TextIOBase):
    def writable(self) -> bool:
        return False

    def write(self, text: str, /) -> int:
        raise OutputLost("standard output is closed: there is no place for the answer")


class _Output(io.FileIO):
    """The file behind standard output. What follows a failed write is dropped: the failure was raised."""

    _lost = False

    def write(self, data: "ReadableBuffer", /) -> int:
        size = memoryview(data).nbytes
        if self._lost:
            return size
        try:
            return super().write(data)
        except BrokenPipeError:
            self._lost = True
            raise
        except OSError as error:
            self._lost = True
            raise OutputLost(f"standard output cannot be written: {error.strerror}") from None


class _Messages(io.FileIO):
    """The file behind standard error. What cannot be written is dropped: what is being done goes on."""

    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError:
            return memoryview(data).nbytes


def prepare_streams() -> None:
    """Give each standard stream that is closed the null device: the next file would get its number.

    From then on printing raises `OutputLost` where standard output does not take it, and a message to
    standard error never fails.
    """
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if stream is None:
            os.open(os.devnull, os.O_RDWR)
    sys.stdout = _ClosedOutput() if sys.stdout is None else _text(_Output(1, "w", closefd=False), sys.stdout)
    sys.stderr = _text(_Messages(2, "w", closefd=False), sys.stderr)


def _text(file: io.FileIO, stream: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(file),
        encoding=stream.encoding if stream else "utf-8",
        errors=stream.errors if stream else "backslashreplace",
        line_buffering=stream is None or bool(stream.line_buffering),
    )
