"""Encoding on every core, one core for each batch.

A matrix product that is split over two threads sums in another order than on one, and rounds differently.
Here each batch runs on one thread, and the batches are spread: the same bits on any number of cores, and less
waiting than inside each product.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar

T = TypeVar("T")
R = TypeVar("R")


class OrderedMap(Protocol):
    """A map over threads that keeps the order."""

    def __call__(self, work: Callable[[T], R], pieces: Iterable[T], /) -> list[R]:
        """Return what `work` returned for each piece, in order."""


def cores() -> int:
    """Return how many cores this process may use: `OMP_NUM_THREADS`, else all that the system gives it.

    Dask sets `OMP_NUM_THREADS` for its workers.
    """
    setting = os.environ.get("OMP_NUM_THREADS", "")
    if setting.isdecimal():
        return max(1, int(setting))
    given = getattr(os, "sched_getaffinity", None)  # not on every system
    return len(given(0)) if given else os.cpu_count() or 1


@contextmanager
def spreading(begin: Callable[[], object] | None = None) -> Iterator[OrderedMap]:
    """Yield a map over as many threads as there are cores; each thread calls `begin` first."""
    with ThreadPoolExecutor(cores(), initializer=begin) as pool:

        def spread(work: Callable[[T], R], pieces: Iterable[T], /) -> list[R]:
            return list(pool.map(work, pieces))

        yield spread


@contextmanager
def spreading_torch() -> Iterator[OrderedMap]:
    """Yield the same map, with torch computing on the calling thread alone."""
    import torch

    before = torch.get_num_threads()
    try:
        with spreading(begin=partial(torch.set_num_threads, 1)) as spread:
            yield spread
    finally:
        torch.set_num_threads(before)
