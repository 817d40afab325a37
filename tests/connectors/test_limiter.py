"""The limiter: evenly spaced slots, within one process and across several."""

import asyncio
import itertools
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.limiter import HEADROOM, Limiter, shared_pace
from tests.connectors.sources import Clock


def busiest_second(times: list[float]) -> int:
    """The largest number of `times` in any half-open window of one second."""
    times = sorted(times)
    return max(
        sum(1 for other in times[i : i + 2000] if other < start + 1.0) for i, start in enumerate(times)
    )


def released(limiter: Limiter, clock: Clock, requests: int) -> list[float]:
    async def run() -> list[float]:
        times = []
        for _ in range(requests):
            await limiter()
            times.append(clock())
        return times

    return asyncio.run(run())


@settings(deadline=None)  # a busy machine is no failure
@given(rate=st.floats(0.5, 1000), requests=st.integers(2, 100))
def test_slots_are_evenly_spaced_and_never_more_than_the_rate(rate: float, requests: int) -> None:
    clock = Clock()
    times = released(Limiter(rate, clock=clock, sleep=clock.sleep), clock, requests)
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(gap == pytest.approx((1 + HEADROOM) / rate, rel=1e-6) for gap in gaps)


def test_97_percent_of_the_rate_is_used_and_no_second_has_more() -> None:
    clock = Clock()
    times = released(Limiter(38, clock=clock, sleep=clock.sleep), clock, 38 * 60)
    assert 38 * 60 / (times[-1] - times[0]) >= 0.97 * 38
    assert busiest_second(times) <= 38


def test_time_that_passed_unused_is_not_caught_up() -> None:
    clock = Clock()
    limiter = Limiter(10, clock=clock, sleep=clock.sleep)
    released(limiter, clock, 1)
    clock.advance(60)
    assert busiest_second(released(limiter, clock, 30)) <= 10


def test_a_sleeper_that_wakes_late_delays_those_after_it() -> None:
    clock = Clock()

    async def oversleep(seconds: float) -> None:
        clock.advance(seconds + (0.2 if len(clock.slept) % 5 == 0 else 0.0))

    times = released(Limiter(38, clock=clock, sleep=oversleep), clock, 200)
    assert busiest_second(times) <= 38
    assert min(later - earlier for earlier, later in itertools.pairwise(times)) > 0.01


@settings(deadline=None)  # a busy machine is no failure
@given(st.lists(st.sampled_from([0.0, 0.001, 0.005, 0.014, 0.03, 0.3]), min_size=300, max_size=300))
def test_however_late_the_sleeper_wakes_no_second_has_more(delays: list[float]) -> None:
    clock = Clock()
    late = iter(delays)

    async def oversleep(seconds: float) -> None:
        clock.advance(seconds + next(late, 0.0))

    times = released(Limiter(38, clock=clock, sleep=oversleep), clock, 200)
    assert busiest_second(times) <= 38


def test_a_little_lateness_costs_nothing() -> None:
    clock = Clock()

    async def oversleep(seconds: float) -> None:
        clock.advance(seconds + 0.004)

    times = released(Limiter(38, clock=clock, sleep=oversleep), clock, 38 * 20)
    assert 38 * 20 / (times[-1] - times[0]) >= 0.97 * 38


def test_a_429_halves_the_pace_and_a_minute_brings_it_back() -> None:
    clock = Clock()
    limiter = Limiter(10, clock=clock, sleep=clock.sleep)
    released(limiter, clock, 1)
    limiter.slow_down()
    limiter.slow_down()  # what was in flight brings its own 429: one halving is enough
    slow = released(limiter, clock, 3)
    assert slow[2] - slow[1] == pytest.approx(0.2, rel=0.1)
    clock.advance(60)
    fast = released(limiter, clock, 3)
    assert fast[2] - fast[1] == pytest.approx(0.1 * (1 + HEADROOM))


def test_a_hold_keeps_everyone_waiting() -> None:
    clock = Clock()
    limiter = Limiter(10, clock=clock, sleep=clock.sleep)
    released(limiter, clock, 1)
    before = clock()
    limiter.slow_down(retry_after=7)
    assert released(limiter, clock, 1)[0] >= before + 7


def test_clients_that_share_a_file_keep_to_the_rate_together(tmp_path: Path) -> None:
    clock = Clock()
    one, two = (Limiter(10, shared=tmp_path / "pace", clock=clock, sleep=clock.sleep) for _ in "ab")
    times = released(one, clock, 1) + released(two, clock, 1) + released(one, clock, 1)
    assert [b - a for a, b in itertools.pairwise(times)] == pytest.approx([0.1 * (1 + HEADROOM)] * 2)
    one.slow_down(5)
    assert released(two, clock, 1)[0] >= times[-1] + 5


def test_the_file_is_named_after_the_host_without_secrets(tmp_path: Path) -> None:
    assert shared_pace(tmp_path, "https://api.themoviedb.org/3").name == "api.themoviedb.org.json"
    assert shared_pace(tmp_path, "http://me:secret@127.0.0.1:80/3").name == "127.0.0.1_80.json"


@pytest.mark.parametrize(
    "content",
    ["", "{", '{"next_slot": 1e18}', "[]", '{"surprise": 1}', "\x00" * 9, '{"recent": "x"}',
     '{"next_slot": 87400, "factor": 0.1}', '{"factor": 0, "factor_at": 1e9}',
     '{"factor": NaN, "next_slot": NaN, "recent": [NaN]}',
     '{"next_slot": 999, "recent": [87400.0], "factor": -1}'],
)  # fmt: skip
def test_a_file_from_before_a_reboot_or_a_torn_one_does_not_stop_anybody(
    tmp_path: Path, content: str
) -> None:
    (tmp_path / "pace").write_text(content)
    clock = Clock()
    (first,) = released(Limiter(10, shared=tmp_path / "pace", clock=clock, sleep=clock.sleep), clock, 1)
    assert first == 1_000.0


def test_a_pace_from_before_a_reboot_is_forgotten_whole(tmp_path: Path) -> None:
    (tmp_path / "pace").write_text('{"next_slot": 1000, "factor": 0.0625, "factor_at": 90000}')
    clock = Clock()
    limiter = Limiter(10, shared=tmp_path / "pace", clock=clock, sleep=clock.sleep)
    times = released(limiter, clock, 3)
    assert times[2] - times[1] == pytest.approx(0.1 * (1 + HEADROOM))


def test_a_file_that_cannot_be_used_any_more_leaves_each_client_its_own_rate(tmp_path: Path) -> None:
    clock = Clock()
    limiter = Limiter(10, shared=tmp_path / "limits" / "pace", clock=clock, sleep=clock.sleep)
    released(limiter, clock, 2)
    shutil.rmtree(tmp_path / "limits")
    (tmp_path / "limits").write_text("in the way")
    times = released(limiter, clock, 30)
    assert busiest_second(times) <= 10
    assert times[-1] - times[0] == pytest.approx(29 * 0.1 * (1 + HEADROOM))


HOLDER = """
import os, sys, time
from pathlib import Path
from connectors.limiter import SharedFile

def stop(pace):
    print("held", flush=True)
    time.sleep(1000)

SharedFile(Path(sys.argv[1])).update(stop)
"""


def test_a_process_killed_with_the_lock_holds_up_nobody(tmp_path: Path) -> None:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path / "pace")], stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    holder.kill()
    holder.communicate()
    clock = Clock()
    assert released(Limiter(10, shared=tmp_path / "pace", clock=clock, sleep=clock.sleep), clock, 1) == [
        1_000
    ]


def test_clients_with_different_rates_keep_to_the_higher_one_together(tmp_path: Path) -> None:
    clock = Clock()
    fast, slow = (
        Limiter(rate, shared=tmp_path / "pace", clock=clock, sleep=clock.sleep) for rate in (38, 10)
    )
    times = [
        time for _ in range(60) for limiter in (fast, fast, slow) for time in released(limiter, clock, 1)
    ]
    assert busiest_second(times) <= 38


def test_two_processes_together_keep_to_the_rate(tmp_path: Path) -> None:
    program = textwrap.dedent(
        """
        import asyncio, sys, time
        from pathlib import Path
        from connectors.limiter import Limiter

        async def run():
            limiter = Limiter(50, shared=Path(sys.argv[1]))
            for _ in range(60):
                await limiter()
                print(time.monotonic())

        asyncio.run(run())
        """
    )
    command = [sys.executable, "-c", program, str(tmp_path / "pace")]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in "ab"]
    times = [float(line) for process in processes for line in process.communicate()[0].split()]
    assert len(times) == 120
    assert busiest_second(times) <= 50


@pytest.mark.parametrize("rate", [0, -1.0])
def test_a_rate_that_lets_nothing_through_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Limiter(rate)


def test_a_request_that_goes_out_late_delays_those_of_the_next_second() -> None:
    clock = Clock()
    limiter = Limiter(10, clock=clock, sleep=clock.sleep)

    async def run() -> list[float]:
        sent = []
        for number in range(30):
            turn = await limiter()
            if number in (0, 13):
                clock.advance(0.3)  # connecting took that long
                limiter.sent(turn)
                clock.advance(0.2)  # and its answer
            limiter.sent(turn)
            sent.append(clock())
        return sent

    assert busiest_second(asyncio.run(run())) <= 10
