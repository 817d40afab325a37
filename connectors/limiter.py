"""How fast a source may be asked: evenly spaced slots, shared by threads, clients and processes.

A request reserves the next free slot and sleeps until it comes. Reserving is all that needs the lock, so any
number of waiting requests costs nothing, and two processes that share a state file share one row of slots.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import filelock

HEADROOM = 0.015
"""Slots lie this fraction further apart than the rate asks, so that jitter cannot squeeze one request too
many into any window of one second."""
TOLERANCE = 0.008
"""Seconds a request may be late for its slot; later than that, it gives the slot up and takes the next
one.
"""
SLOWEST = 1 / 16
"""The pace never falls below this fraction of the allowed rate."""
RECOVERY = 60.0
"""Seconds in which the pace grows by the whole allowed rate again after the last 429."""
LONGEST_HOLD = 300.0
"""Seconds; a state file that points further into the future was written before a reboot and is ignored."""


@dataclass(slots=True)
class Pace:
    """What the users of one host share; times are seconds of the system-wide monotonic clock."""

    next_slot: float = 0.0
    factor: float = 1.0  # of the allowed rate, at `factor_at`
    factor_at: float = 0.0


class Memory:
    """The pace of one process."""

    def __init__(self) -> None:
        self._pace = Pace()

    def update(self, change: Callable[[Pace], float]) -> float:
        """Apply `change` to the pace and return its result."""
        return change(self._pace)


class SharedFile:
    """The pace of every process on this machine that names the same file.

    The monotonic clock counts from boot and is the same in all processes, so slots of different processes
    compare; the lock is held for the microseconds of one read and one write.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = filelock.FileLock(f"{path}.lock")

    def update(self, change: Callable[[Pace], float]) -> float:
        """Apply `change` to the pace in the file and return its result."""
        with self._lock:
            try:
                pace = Pace(**json.loads(self._path.read_bytes()))
            except (FileNotFoundError, ValueError, TypeError):
                pace = Pace()  # first use, or a torn write: start afresh
            result = change(pace)
            self._path.write_text(json.dumps(asdict(pace)))
            return result


class Limiter:
    """Awaiting the limiter returns when the caller may send one request.

    `requests_per_second` is never exceeded in any window of one second. After `slow_down` (a 429) the pace
    halves, and it recovers evenly over a minute. `shared` is a file by which several processes keep to the
    rate together. `clock` returns seconds, `sleep` takes seconds.
    """

    def __init__(
        self,
        requests_per_second: float,
        *,
        shared: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        if requests_per_second <= 0:
            raise ValueError(f"requests per second must be above 0, not {requests_per_second}")
        self.requests_per_second = requests_per_second
        self._store: Memory | SharedFile = SharedFile(shared) if shared else Memory()
        self._clock = clock
        self._sleep = sleep
        self._hold_until = 0.0

    async def __call__(self) -> None:
        """Wait for a slot."""
        while True:
            slot = self._store.update(self._reserve)
            delay = slot - self._clock()
            if delay > 0:
                await self._sleep(delay)
            now = self._clock()
            if now - slot <= TOLERANCE and now >= self._hold_until:
                return

    def _reserve(self, pace: Pace) -> float:
        now = self._clock()
        if pace.next_slot > now + LONGEST_HOLD:
            pace.next_slot, pace.factor = now, 1.0
        slot = max(now, pace.next_slot)
        pace.next_slot = slot + (1 + HEADROOM) / (self.requests_per_second * self._factor(pace, now))
        return slot

    @staticmethod
    def _factor(pace: Pace, now: float) -> float:
        return min(1.0, pace.factor + max(0.0, now - pace.factor_at) / RECOVERY)

    def slow_down(self, retry_after: float | None = None) -> None:
        """Halve the pace, and hold every request for `retry_after` seconds."""
        now = self._clock()
        hold = min(retry_after or 0.0, LONGEST_HOLD / 2)

        def change(pace: Pace) -> float:
            # The requests that were in flight at the first 429 bring more of them: one halving is enough.
            if now - pace.factor_at >= 1.0 or pace.factor == 1.0:
                pace.factor = max(SLOWEST, self._factor(pace, now) / 2)
                pace.factor_at = now
            pace.next_slot = max(pace.next_slot, now + hold)
            return 0.0

        self._store.update(change)
        self._hold_until = max(self._hold_until, now + hold)
