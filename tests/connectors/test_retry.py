"""What is asked again, when, how often, and when a source is given up."""

import asyncio
from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors import (
    Budget,
    BudgetSpent,
    CircuitOpen,
    ConnectionFailed,
    ConnectorError,
    Damaged,
    NotFound,
    RateLimited,
    RetryPolicy,
    ServerFailed,
    TransientError,
)
from connectors.retry import Breaker, retry_after_seconds
from tests.connectors.sources import Clock

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", None),
        ("-5", None),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("7", 7.0),
        ("1.5", 1.5),
        ("86400000", 86_400_000.0),
        ("Fri, 20 Nov 2026 08:00:30 GMT", 30.0),
        ("Fri, 20 Nov 2026 07:59:00 GMT", None),
        ("Fri, 99 Nov 2026 07:59:00 GMT", None),
    ],
)
def test_a_retry_after_is_read_or_no_hint(header: str | None, seconds: float | None) -> None:
    assert retry_after_seconds(header, NOW) == seconds


@settings(deadline=None)  # a busy machine is no failure
@given(st.text(max_size=40))
def test_no_retry_after_breaks_the_reading(header: str) -> None:
    seconds = retry_after_seconds(header, NOW)
    assert seconds is None or seconds > 0


@settings(deadline=None)  # a busy machine is no failure
@given(st.datetimes(datetime(2026, 11, 20, 9), datetime(2027, 1, 1)))  # noqa: DTZ001  aware below
def test_a_date_ahead_is_the_time_until_then(then: datetime) -> None:
    then = then.replace(tzinfo=UTC, microsecond=0)
    assert retry_after_seconds(format_datetime(then, usegmt=True), NOW) == (then - NOW).total_seconds()


def slept(policy: RetryPolicy, *errors: ConnectorError) -> list[float]:
    """The waits of a call that fails with `errors`, and then succeeds."""
    clock = Clock()
    left = list(errors)

    async def call() -> str:
        if left:
            raise left.pop(0)
        return "done"

    async def run() -> None:
        assert await policy.asynchronous(clock.sleep)(call) == "done"

    asyncio.run(run())
    return clock.slept


def test_the_waits_double_with_jitter() -> None:
    waits = slept(RetryPolicy(first_wait=1.0), *[ServerFailed("x")] * 4)
    for wait, base in zip(waits, [1, 2, 4, 8], strict=True):
        assert base <= wait <= base + 1


@pytest.mark.parametrize(
    ("told", "least", "most"), [(7.0, 7, 7), (86_400.0, 60, 60), (0.01, 0.5, 1), (None, 0.5, 1)]
)
def test_the_wait_is_as_told_but_capped_and_never_shorter_than_usual(
    told: float | None, least: float, most: float
) -> None:
    (wait,) = slept(RetryPolicy(first_wait=0.5), RateLimited("x", told))
    assert least <= wait <= most


@pytest.mark.parametrize("error", [NotFound("x"), BudgetSpent("x"), CircuitOpen("x")])
def test_a_terminal_error_is_not_tried_again(error: ConnectorError) -> None:
    with pytest.raises(type(error)):
        slept(RetryPolicy(), error)


@pytest.mark.parametrize(
    ("error", "attempts"), [(ConnectionFailed("x"), 5), (ServerFailed("x"), 5), (Damaged("x"), 3)]
)
def test_a_transient_error_is_tried_as_often_as_the_policy_says(error: TransientError, attempts: int) -> None:
    assert len(slept(RetryPolicy(), *[error] * (attempts - 1))) == attempts - 1
    with pytest.raises(type(error)):
        slept(RetryPolicy(), *[error] * attempts)


def test_no_request_waits_longer_than_its_budget_of_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr("time.monotonic", clock)  # tenacity's clock

    async def call() -> None:
        raise RateLimited("x", 50)

    async def run() -> None:
        await RetryPolicy(seconds=120).asynchronous(clock.sleep)(call)

    with pytest.raises(RateLimited):
        asyncio.run(run())
    assert clock.slept == [50, 50]


def test_the_budget_of_a_run_ends() -> None:
    budget = Budget(requests=3)
    for _ in range(3):
        budget.spend("TMDb", retry=False)
    with pytest.raises(BudgetSpent, match="3 requests of this run"):
        budget.spend("TMDb", retry=False)


def test_repeats_have_a_budget_of_their_own() -> None:
    budget = Budget(retries=1)
    budget.spend("TMDb", retry=True)
    budget.spend("TMDb", retry=False)
    with pytest.raises(BudgetSpent, match="run it again later"):
        budget.spend("TMDb", retry=True)


def test_the_breaker_opens_after_failures_in_a_row_only() -> None:
    breaker = Breaker("TMDb", failures=2)
    breaker.failed(ServerFailed("first"))
    breaker.succeeded()
    breaker.failed(ServerFailed("second"))
    breaker.check()
    breaker.failed(ServerFailed("third"))
    with pytest.raises(CircuitOpen, match="third"):
        breaker.check()
