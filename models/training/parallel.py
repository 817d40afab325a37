"""Several trainings at once: one thread each, because each is too small to share well among threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

T = TypeVar("T")


def run(jobs: Sequence[Callable[[], T]], threads: int) -> list[T]:
    """Return what each job returned, in order.

    The first error is raised once the running jobs have ended. Inside a job torch computes in one thread:
    with two processes on two cores, its threads would spend their time waiting for each other.
    """
    before = torch.get_num_threads()
    try:
        with ThreadPoolExecutor(max(1, threads), initializer=torch.set_num_threads, initargs=(1,)) as pool:
            return [future.result() for future in [pool.submit(job) for job in jobs]]
    finally:
        torch.set_num_threads(before)
