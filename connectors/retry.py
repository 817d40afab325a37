"""When to ask again, how long to wait before, and when to give a source up."""

import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

import tenacity

from connectors.errors import BudgetSpent, CircuitOpen, Damaged, TransientError
from connectors.redaction import parse_date

T = TypeVar("T")


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a Retry-After header asks for, or None where it gives no usable hint.

    The header may be seconds, an HTTP date (compared with `now`, best the Date of the same answer), 0 or
    absent. 0 and the past are no hint: a client that obeys them burns all its attempts at once.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        date = parse_date(value)
        if date is None:
            return None
        seconds = (date - now).total_seconds()
    return seconds if math.isfinite(seconds) and seconds > 0 else None


class WaitAsTold(tenacity.wait.wait_base):
    """Wait as long as the source asks, at most `longest` seconds; without a hint, wait as `otherwise`
    says.
    """

    def __init__(self, longest: float, otherwise: tenacity.wait.wait_base) -> None:
        self.longest = longest
        self.otherwise = otherwise

    def __call__(self, retry_state: tenacity.RetryCallState) -> float:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        retry_after = getattr(error, "retry_after", None)
        usual = self.otherwise(retry_state)
        return usual if retry_after is None else min(max(retry_after, usual), self.longest)


class StopAfterDamage(tenacity.stop.stop_base):
    """Stop once `attempts` answers were damaged: what arrives broken three times is broken at the source."""

    def __init__(self, attempts: int) -> None:
        self.attempts = attempts

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        error = retry_state.outcome.exception() if retry_state.outcome else None
        return isinstance(error, Damaged) and retry_state.attempt_number >= self.attempts


@dataclass
class Budget:
    """What one run may spend on one source: requests in all, and retries among them; None is no limit."""

    requests: int | None = None
    retries: int | None = 2_000
    spent_requests: int = field(default=0, init=False)
    spent_retries: int = field(default=0, init=False)

    def spend(self, source: str, *, retry: bool) -> None:
        """Count one request; raises BudgetSpent when there is none left."""
        if self.requests is not None and self.spent_requests >= self.requests:
            raise BudgetSpent(
                f"{source}: the {self.requests:,} requests of this run are used up; run it again"
            )
        if retry and self.retries is not None and self.spent_retries >= self.retries:
            raise BudgetSpent(
                f"{source}: {self.retries:,} requests had to be repeated in this run; "
                "the source is not well: run it again later"
            )
        self.spent_requests += 1
        self.spent_retries += retry


class Breaker:
    """Gives a source up for the rest of the run after `failures` requests in a row failed despite their
    retries.
    """

    def __init__(self, source: str, failures: int = 5) -> None:
        self.source = source
        self.failures = failures
        self._in_a_row = 0
        self._last = ""

    def check(self) -> None:
        """Raise CircuitOpen if the source has been given up."""
        if self._in_a_row >= self.failures:
            raise CircuitOpen(
                f"{self.source} failed {self._in_a_row} times in a row and is left alone for this run "
                f"(last: {self._last}); what is missing is fetched by the next run"
            )

    def succeeded(self) -> None:
        """Note that the source answered."""
        self._in_a_row = 0

    def failed(self, error: Exception) -> None:
        """Note that a request failed in spite of its retries."""
        self._in_a_row += 1
        self._last = str(error)


@dataclass(frozen=True)
class RetryPolicy:
    """Transient errors are tried again, `attempts` times in all and no longer than `seconds` per request;
    damaged answers, `damaged_attempts` times in all.

    The wait doubles from `first_wait` to `longest_wait` seconds, with jitter; a Retry-After replaces it, up
    to `longest_retry_after` seconds.
    """

    attempts: int = 5
    damaged_attempts: int = 3
    seconds: float = 180.0
    first_wait: float = 0.5
    longest_wait: float = 20.0
    longest_retry_after: float = 60.0

    def _options(self) -> dict[str, Any]:
        return {
            "retry": tenacity.retry_if_exception_type(TransientError),
            "stop": tenacity.stop_after_attempt(self.attempts)
            | tenacity.stop_before_delay(self.seconds)
            | StopAfterDamage(self.damaged_attempts),
            "wait": WaitAsTold(
                self.longest_retry_after,
                tenacity.wait_exponential(multiplier=self.first_wait, max=self.longest_wait)
                + tenacity.wait_random(0, self.first_wait),
            ),
            "reraise": True,
        }

    def asynchronous(self, sleep: Callable[[float], Awaitable[Any]]) -> tenacity.AsyncRetrying:
        """Return the policy for coroutines; `sleep` takes seconds."""
        return tenacity.AsyncRetrying(sleep=sleep, **self._options())

    def blocking(self, sleep: Callable[[float], Any] = time.sleep) -> tenacity.Retrying:
        """Return the policy for plain functions; `sleep` takes seconds."""
        return tenacity.Retrying(sleep=sleep, **self._options())


def utc_now() -> datetime:
    """Return the local clock's time, aware, in UTC."""
    return datetime.now(UTC)
