"""Many small requests at once, handed over in batches that lose nothing when something stops them."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from typing import TypeVar, cast

A = TypeVar("A")
R = TypeVar("R")


async def in_batches(
    fetch: Callable[[A], Awaitable[R]], wanted: Iterable[A], *, rows: int, concurrency: int
) -> AsyncGenerator[list[R], None]:
    """Yield the results of `fetch` for all of `wanted`, in lists of up to `rows`, in order of arrival.

    While the consumer is busy with one list, at most `rows` further results are fetched, so that no more than
    `2 * rows` are at risk of being fetched twice when the process dies. An error of `fetch` ends the
    iteration, after everything that had arrived before it was handed over.
    """
    source = iter(wanted)
    end = object()
    done: list[R] = []
    failure: BaseException | None = None
    room = asyncio.Semaphore(2 * rows)
    arrived = asyncio.Event()

    async def worker() -> None:
        nonlocal failure
        while failure is None:
            await room.acquire()
            try:
                item = next(source, end)
                if item is end:
                    room.release()  # for the workers that wait to find the same
                    return
                done.append(await fetch(cast(A, item)))
            except Exception as error:
                failure = failure or error
            if len(done) >= rows or failure:
                arrived.set()

    workers = [asyncio.create_task(worker()) for _ in range(max(1, min(concurrency, 2 * rows)))]
    for task in workers:
        task.add_done_callback(lambda _: arrived.set())
    try:
        while True:
            await arrived.wait()
            if failure is not None:
                await _stop(workers)
            finished = all(task.done() for task in workers)
            if len(done) >= rows or (finished and done):
                batch = done[:rows]
                del done[:rows]
                if len(done) < rows and not finished:
                    arrived.clear()
                yield batch
                for _ in batch:  # the consumer has come back: that batch is safe
                    room.release()
            elif finished:
                break
            else:
                arrived.clear()
        if failure is not None:
            raise failure
    finally:
        await _stop(workers)


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
