"""Who goes first when steps wait for each other."""

import os
import threading
from pathlib import Path

import pytest
from filelock import FileLock

from flows.engine.locks import exclusive, in_turn, wait_for_end
from flows.errors import HomeGone


def test_of_those_who_wait_the_smallest_rank_goes_first(tmp_path: Path):
    waits = {rank: threading.Event() for rank in (0, 1, 2)}
    order: list[int] = []

    def take(rank: int) -> None:
        with in_turn(tmp_path, "conform", lambda holder: waits[rank].set(), rank=rank):
            order.append(rank)

    threads = [threading.Thread(target=take, args=(rank,)) for rank in (2, 1, 0)]
    with in_turn(tmp_path, "conform", lambda holder: None):
        for thread, rank in zip(threads, (2, 1, 0), strict=True):
            thread.start()
            assert waits[rank].wait(30)
    for thread in threads:
        thread.join(30)
    assert order == [0, 1, 2]


def test_who_died_waiting_holds_nobody_up(tmp_path: Path):
    queue = tmp_path / "locks" / "conform.queue"
    queue.mkdir(parents=True)
    dead = queue / "0-1-1.lock"
    dead.touch()
    with in_turn(tmp_path, "conform", lambda holder: None, rank=2):
        pass
    assert not dead.exists()


def test_who_waits_is_told_who_holds_it(tmp_path: Path):
    told: list[str] = []
    done = threading.Event()

    def wait() -> None:
        with in_turn(tmp_path, "score", told.append):
            done.set()

    thread = threading.Thread(target=wait)
    with in_turn(tmp_path, "score", lambda holder: None):
        thread.start()
        while not told:
            thread.join(0.01)
    assert done.wait(30)
    thread.join(30)
    assert told == [f"process {os.getpid()}"]


def test_a_lock_is_free_after_its_holder(tmp_path: Path):
    with in_turn(tmp_path, "score", lambda holder: None):
        pass
    with FileLock(tmp_path / "locks" / "score.lock", blocking=False):
        pass


def test_what_follows_a_night_says_for_whom_it_waits_and_holds_nothing(tmp_path: Path) -> None:
    holders: list[str] = []
    waits, ended = threading.Event(), threading.Event()

    def waiting(holder: str) -> None:
        holders.append(holder)
        waits.set()

    def follow() -> None:
        wait_for_end(tmp_path, "nightly", waiting)
        ended.set()

    thread = threading.Thread(target=follow)
    with exclusive(tmp_path, "nightly"):
        thread.start()
        assert waits.wait(30)
        assert not ended.is_set()
    thread.join(30)
    assert ended.is_set()
    assert holders == [f"process {os.getpid()}"]
    with exclusive(tmp_path, "nightly"):
        pass


def test_nobody_waits_where_no_night_runs_and_nothing_is_made(tmp_path: Path) -> None:
    wait_for_end(tmp_path / "home", "nightly", pytest.fail)
    assert not (tmp_path / "home").exists()


def test_a_lock_makes_no_home_anew_where_it_was_deleted(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with pytest.raises(HomeGone, match="is gone"), in_turn(home, "conform", pytest.fail):
        pass
    assert not home.exists()
