"""Ending a run within seconds of being asked to, whatever is under way.

Python hands a signal to the program between two of its own instructions. A query or a training step in native
code may be long in coming to one, and rolling back or closing waits for it. What was committed stays whatever
happens, so that nothing is lost by not waiting.
"""

import os
import select
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from flows.engine.terminal import note

GRACE_SECONDS = 4.0
ASKING = (signal.SIGINT, signal.SIGTERM)
CLOSING = "interrupted; what was committed stays, and the next run carries on from there"


def was_interrupted(error: BaseException | None) -> bool:
    """Return whether an interruption lies behind an error: DuckDB raises one of its own for it."""
    visited_ids: set[int] = set()
    while error is not None and id(error) not in visited_ids:
        if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "TerminationSignal":  # Prefect's
            return True
        visited_ids.add(id(error))
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def ends_when_asked(seconds: float = GRACE_SECONDS) -> Iterator[None]:
    """End the process `seconds` after SIGINT or SIGTERM within this block, unless it ended by itself before.

    A second SIGINT ends it at once. The operating system tells of the signal through a pipe, which a thread
    reads while the main one is busy.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watch = _Watch(reading, seconds)
    watch.start()
    interrupted = False
    try:
        yield
    except BaseException as error:
        interrupted = was_interrupted(error)
        raise
    finally:
        watch.within = False
        if not (interrupted or watch.asked.is_set()):  # else it stays on guard until the process has ended
            watch.dismissed = True
            signal.set_wakeup_fd(before)
            os.close(writing)
            watch.join()
            os.close(reading)


class _Watch(threading.Thread):
    def __init__(self, reading: int, seconds: float) -> None:
        super().__init__(name="interruption", daemon=True)
        self.asked = threading.Event()
        self.within = True
        self.dismissed = False
        self._reading = reading
        self._seconds = seconds

    def run(self) -> None:
        deadline: float | None = None
        while deadline is None or time.monotonic() < deadline:
            wait = None if deadline is None else max(0.0, deadline - time.monotonic())
            if not select.select([self._reading], [], [], wait)[0]:
                continue
            numbers = os.read(self._reading, 64)
            if not numbers or self.dismissed:
                return
            for number in numbers:
                if number == signal.SIGINT and deadline is not None:
                    deadline = 0.0
                elif number in ASKING and deadline is None:
                    self.asked.set()
                    deadline = time.monotonic() + self._seconds
        self._end()

    def _end(self) -> None:
        if self.within:  # else it was said
            note(f"reelhouse: {CLOSING}")
        for child in _children():
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
        os._exit(1)


def _children() -> list[int]:
    """Return the ids of the processes that this one started, where the system tells."""
    pids: list[int] = []
    for path in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError, ValueError):
            pids += [int(pid) for pid in path.read_text().split()]
    return pids
