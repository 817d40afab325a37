"""A call that the main thread waits for, and signals that come meanwhile."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from warehouse.cancellation import awaited


@pytest.fixture
def alarm() -> Iterator[int]:
    """A signal that does what Ctrl-C does, wherever the tests run."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    yield signal.SIGALRM
    signal.signal(signal.SIGALRM, before)


def never() -> None:
    raise AssertionError("nobody asked for an end")


def test_what_the_call_returns_or_raises_comes_back() -> None:
    assert awaited(lambda: 7, never) == 7
    with pytest.raises(ZeroDivisionError):
        awaited(lambda: 1 / 0, never)


def test_a_signal_stops_the_call_though_its_thread_never_looks_for_one(alarm: int) -> None:
    asked, ended = threading.Event(), threading.Event()

    def call() -> None:
        os.kill(os.getpid(), alarm)
        asked.wait()
        ended.set()

    with pytest.raises(KeyboardInterrupt):
        awaited(call, asked.set)
    assert ended.is_set()


def test_a_call_that_had_yet_to_begin_is_told_again(alarm: int) -> None:
    told: list[None] = []
    enough = threading.Event()

    def stop() -> None:
        told.append(None)
        if len(told) == 3:  # what was said before was forgotten
            enough.set()

    def call() -> None:
        os.kill(os.getpid(), alarm)
        enough.wait()

    with pytest.raises(KeyboardInterrupt):
        awaited(call, stop)
    assert len(told) >= 3


def test_a_call_that_was_interrupted_before_it_began_never_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(thread: threading.Thread) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        awaited(never, never)


def test_any_other_thread_calls_by_itself() -> None:
    threads: list[threading.Thread] = []
    other = threading.Thread(
        target=lambda: awaited(lambda: threads.append(threading.current_thread()), never)
    )
    other.start()
    other.join()
    assert threads == [other]
