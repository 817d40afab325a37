"""How fast a source may be asked: evenly spaced slots, shared by threads, clients and processes.

A request reserves the next free slot and sleeps until it comes. Only the reserving needs the lock of the
shared state, and each process reserves one slot at a time, so two processes that share a file alternate.
"""

import asyncio
import json
import math
import os
import re
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import filelock

HEADROOM = 0.02
"""Slots lie this fraction further apart than the rate asks, so that jitter on the way to the source cannot
squeeze one request too many into a window of one second."""
MARGIN = 0.01
"""Seconds beyond the one that must have passed since the n-th last request, at a rate of n per second. What
is left of the headroom is how late a sleeper may wake without a slot being lost."""
TOLERANCE = 0.5
"""Seconds of lateness that are made up for; the time of a longer delay is lost, not caught up."""
ON_TIME = 0.002
"""Seconds of lateness that are not worth a note."""
WATCHED = 100
"""Up to this rate the times of the last second's requests are kept; above it, the headroom is enough."""
SLOWEST = 1 / 16
"""The pace never falls below this fraction of the allowed rate."""
RECOVERY = 60.0
"""Seconds in which the pace grows by the whole allowed rate again after the last 429."""
LONGEST_STATE = 65_536
"""Bytes of a state file that are read."""
LONGEST_HOLD = 300.0
"""Seconds; a state file that points further into the future was written before a reboot and is ignored."""


@dataclass(slots=True)
class Pace:
    """What the users of one host share; times are seconds of the system-wide monotonic clock."""

    next_slot: float = 0.0
    recent: list[float] = field(default_factory=list)  # when the last requests went out, or will
    factor: float = 1.0  # of the allowed rate, at `factor_at`
    factor_at: float = 0.0


@dataclass(slots=True)
class Turn:
    """One request that may go out: when it does, in seconds of the limiter's clock, as far as is known."""

    at: float


class Memory:
    """The pace of one process."""

    def __init__(self) -> None:
        self._pace = Pace()

    def update(self, change: Callable[[Pace], float]) -> float:
        """Apply `change` to the pace and return its result."""
        return change(self._pace)


class SharedFile:
    """The pace of every process on this machine that names the same file.

    Where the file cannot be used any more, as on a full disk, this process goes on with a pace of its own.

    The monotonic clock counts from boot and is the same in all processes, so slots of different processes
    compare; the lock is held for the microseconds of one read and one write.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._lock = filelock.FileLock(f"{path}.lock")
        self._own = Memory()

    def update(self, change: Callable[[Pace], float]) -> float:
        """Apply `change` to the pace in the file and return its result."""
        try:
            return self._update_file(change)
        except (OSError, NotImplementedError):  # the second: a file system without locks
            return self._own.update(change)

    def _update_file(self, change: Callable[[Pace], float]) -> float:
        # The usual interval, 50 ms, would be two slots late at TMDb's rate.
        with self._lock.acquire(poll_interval=0.001):
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o644)
            try:
                content = os.pread(file, LONGEST_STATE, 0)
                try:
                    pace = Pace(**json.loads(content))
                    result = change(pace)
                except (ValueError, TypeError):
                    pace = Pace()  # first use, or not ours: start afresh
                    result = change(pace)
                # Padded instead of truncated: some file systems write a truncated file to disk at once.
                os.pwrite(file, json.dumps(asdict(pace)).encode().ljust(len(content)), 0)
                return result
            finally:
                os.close(file)


def shared_pace(directory: Path, url: str) -> Path:
    """Return the file in `directory` by which processes share the request rate of the host of `url`."""
    host = urlsplit(url).netloc.rpartition("@")[2].lower()
    return directory / f"{re.sub(r'[^A-Za-z0-9.-]', '_', host)}.json"


class Limiter:
    """A limiter of requests: awaiting it returns when the caller may send one.

    After `slow_down` (a 429) the pace halves. It recovers evenly, by the whole rate in a minute.

    Args:
        requests_per_second: The rate. It is never exceeded in any window of one second.
        shared: A file by which several processes of this machine keep to the rate together.
        clock: Returns seconds.
        sleep: Takes seconds.

    Raises:
        ValueError: The rate is not above 0.

    Example:
        >>> limiter = Limiter(50)
        >>> async def send(requests: int) -> float:
        ...     began = time.monotonic()
        ...     for _ in range(requests):
        ...         await limiter()  # then send one
        ...     return time.monotonic() - began
        >>> asyncio.run(send(6)) >= 5 / 50
        True
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
        self._watched = math.ceil(requests_per_second) if requests_per_second <= WATCHED else 0
        self._store: Memory | SharedFile = SharedFile(shared) if shared else Memory()
        self._clock = clock
        self._sleep = sleep
        self._hold_until = 0.0
        self._turn = asyncio.Lock()

    async def __call__(self) -> Turn:
        """Wait for a slot, and return it."""
        if not self._watched:
            # At such a rate, taking turns would cost a round of the event loop, and with it the slot.
            return Turn(await self._slot())
        async with self._turn:
            turn = Turn(await self._slot())
            self.sent(turn)
            return turn

    @property
    def watches(self) -> bool:
        """Whether it counts the requests of the last second, and so wants to be told of late ones."""
        return self._watched > 0

    def sent(self, turn: Turn) -> None:
        """Note that the request of `turn` goes out now, where that is later than was noted of it.

        A request that has to connect first goes out late, and would meet those of the next second.
        """
        now = self._clock()
        if self._watched and now > turn.at + ON_TIME:
            before, turn.at = turn.at, now
            self._store.update(lambda pace: self._note_late(pace, before, now))

    async def _slot(self) -> float:
        """Sleep until the slot that it returns."""
        while True:
            slot = self._store.update(self._reserve)
            delay = slot - self._clock()
            if delay > 0:
                await self._sleep(delay)
            if self._clock() >= self._hold_until:
                return slot

    def _reserve(self, pace: Pace) -> float:
        now = self._clock()
        if max(pace.next_slot, *pace.recent[-1:], pace.factor_at) > now + LONGEST_HOLD:
            pace.next_slot, pace.factor, pace.factor_at, pace.recent = now, 1.0, now, []
        spacing = (1 + HEADROOM) / (self.requests_per_second * self._factor(pace, now))
        slot = pace.next_slot if pace.next_slot >= now - TOLERANCE else now
        pace.next_slot = slot + spacing
        if pace.recent:
            slot = max(slot, pace.recent[-1] + spacing / 2)
        if self._watched and len(pace.recent) >= self._watched:
            slot = max(slot, pace.recent[-self._watched] + 1.0 + MARGIN)
        pace.recent = [*pace.recent, slot][-max(1, self._watched) :]
        return slot

    @staticmethod
    def _note_late(pace: Pace, slot: float, now: float) -> float:
        """Replace a reserved time by the actual one."""
        if slot in pace.recent:
            pace.recent[pace.recent.index(slot)] = now
            pace.recent.sort()
        return now

    @staticmethod
    def _factor(pace: Pace, now: float) -> float:
        return min(1.0, max(SLOWEST, pace.factor) + max(0.0, now - pace.factor_at) / RECOVERY)

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
