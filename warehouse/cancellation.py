"""Runs a query so that it stops at the moment its process is asked to."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")
_AGAIN_SECONDS = 0.05


def awaited(call: Callable[[], T], stop: Callable[[], None]) -> T:
    """Return what `call` returns; Ctrl-C, or whatever a signal raises, makes `stop` end it first.

    DuckDB's Python module looks for a signal between two of the pieces of work that the calling thread does,
    and one piece of a join may take minutes; its own mark, which `stop` sets, it looks at all the time. So
    Python's main thread waits, and another one works. Only the main thread is told of signals: any other
    calls at once.
    """
    if threading.current_thread() is not threading.main_thread():
        return call()
    outcome: Future[T] = Future()

    def work() -> None:
        if not outcome.set_running_or_notify_cancel():
            return
        try:
            outcome.set_result(call())
        except BaseException as error:
            outcome.set_exception(error)

    try:
        threading.Thread(target=work, name="query", daemon=True).start()
        return outcome.result()
    finally:
        if not outcome.cancel():  # which keeps it from beginning
            while not outcome.done():  # asked to stop; a query that had yet to begin forgets that
                stop()
                wait([outcome], timeout=_AGAIN_SECONDS)
