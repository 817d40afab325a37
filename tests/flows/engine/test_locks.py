"""Who goes first when steps wait for each other."""

import os
import threading
from pathlib import Path

from filelock import FileLock

from flows.engine.locks import in_turn


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
