"""The largest memory of this process while something runs."""

import resource
import sys
import threading
from pathlib import Path
from types import TracebackType

_PAGES = Path("/proc/self/statm")
_EVERY_SECONDS = 0.05


class Watch:
    """A context whose `peak` is the largest resident memory seen in it, in bytes.

    On Linux it looks twenty times a second; elsewhere it knows only the largest of the process so far.
    """

    def __init__(self) -> None:
        self.peak = 0
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "Watch":
        self._look()
        if _PAGES.exists():
            self._thread = threading.Thread(target=self._watch, name="memory watch", daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        if self._thread:
            self._thread.join()
        self._look()

    def _watch(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            self._look()

    def _look(self) -> None:
        self.peak = max(self.peak, resident())


def resident() -> int:
    """Return this process' resident memory in bytes.

    Where the system tells no more, it is the largest so far.
    """
    if _PAGES.exists():
        return int(_PAGES.read_text().split()[1]) * resource.getpagesize()
    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest if sys.platform == "darwin" else largest * 1024
