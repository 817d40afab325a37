"""Runs a query so that it stops at the moment its process is asked to."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

T = TypeVar("T")
_AGAIN_SECONDS = 0.05


def awaited(call: Callable[[], T], stop: Callable[[], None]) -> T:
    """Return what `call` returns; Ctrl-C, or an exception from a signal, calls `stop` until it has ended.

    DuckDB's Python module looks for a signal between two pieces of the calling thread's work, and one piece
    of a join may take minutes. It looks all the time for its own mark, which `stop` sets. So Python's main
    thread waits, and another one works. Python delivers signals to the main thread only: other threads call
    directly.
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
