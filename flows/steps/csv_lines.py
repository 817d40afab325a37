"""The rows of a CSV of unknown origin: one that cannot be read costs no other."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path

from connectors.unpacking import UNREADABLE, TooLarge, UnpackingLimits, open_file
from flows.errors import FlowError

LIMITS = UnpackingLimits(bytes=2 * 2**30, ratio=30)
"""A table is held in memory while it is landed."""
MOST_REJECTS = 1_000_000
MOST_REJECTED = 256 * 2**20
"""Characters of all lines that are no rows."""
LONGEST_LINE = 2**20
"""Bytes; csv takes fields of 131,072 characters."""
SHOWN = 1000
"""Bytes that are kept of a line that is too long."""
BOM = b"\xef\xbb\xbf"

Reject = tuple[str, str]
"""A line as it stands in the file, and the reason why it is no row."""


class Rows:
    """Iterating yields the fields of each row; `rejects` gets what cannot be read.

    A row may go over several lines where a field is quoted. Where such a row is none, only its first line is
    left out: the quote was never meant to be open, and the lines after it are read anew.
    """

    def __init__(self, path: Path) -> None:
        self.rejects: list[Reject] = []
        self._rejected = 0
        self._path = path
        self._lines = self._decoded()
        self._again = deque[str]()
        self._taken: list[str] = []
        self.width: int | None = None
        """The fields of a row, once they are known."""

    def __iter__(self) -> Iterator[Sequence[str]]:
        while True:
            self._taken = []
            try:
                row = next(csv.reader(self._take(), strict=False))
            except StopIteration:
                return
            except csv.Error as error:
                self._leave_out(f"{error}")
                continue
            if not row:
                continue
            if self.width is not None and len(row) != self.width:
                self._leave_out(f"{len(row)} fields instead of {self.width}")
                continue
            yield row

    def _take(self) -> Iterator[str]:
        while True:
            line = self._again.popleft() if self._again else next(self._lines, None)
            if line is None:
                return
            self._taken.append(line)
            yield line

    def _leave_out(self, reason: str) -> None:
        first, *others = self._taken
        self.reject(first.rstrip("\r\n"), reason)
        self._again.extendleft(reversed(others))

    def reject(self, original: str, reason: str) -> None:
        """Note a line that is no row; raise FlowError where they are too many to be kept."""
        self._rejected += len(original)
        if len(self.rejects) >= MOST_REJECTS or self._rejected > MOST_REJECTED:
            raise FlowError(
                f"{self._path} cannot be read: over {len(self.rejects):,} lines are no rows, "
                f"the last because: {reason}"
            )
        self.rejects.append((original, reason))

    def _decoded(self) -> Iterator[str]:
        """Yield the lines that are UTF-8; raise FlowError where the file cannot be read on."""
        start = True
        for line in self._read():
            if len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                beginning = line[:SHOWN].decode(errors="backslashreplace")
                self.reject(f"{beginning}…", f"a line longer than {LONGEST_LINE:,} bytes")
                continue
            try:
                yield line.removeprefix(BOM).decode() if start else line.decode()
            except UnicodeDecodeError as error:
                if start:
                    raise FlowError(f"{self._path} cannot be read: its header is not UTF-8") from None
                text = line.decode(errors="backslashreplace").rstrip("\r\n")
                self.reject(text, f"not UTF-8: {error.reason}")
            start = False

    def _read(self) -> Iterator[bytes]:
        """Yield the lines; of one that is longer than `LONGEST_LINE` only the beginning."""
        try:
            with open_file(self._path, LIMITS) as file:
                while line := file.readline(LONGEST_LINE):
                    yield line
                    while len(line) == LONGEST_LINE and not line.endswith(b"\n"):
                        line = file.readline(LONGEST_LINE)
        except TooLarge as error:
            what = f"{error}; unpack it first, or split it, if it is sound"
        except UNREADABLE as error:
            what = getattr(error, "strerror", None) or f"{error}"
        else:
            return
        raise FlowError(f"{self._path} cannot be read: {what}")
