"""How much of the allowed rate the TMDb client uses, and whether it ever exceeds it.

    python -m tests.benchmarks.bench_rate [--seconds 60] [--others 60] [--rate 38] [--latency 0.15]

A mirror in a process of its own answers every request after the latency and notes when it came. A
sequential client, an unlimited one and ours (one process, and two that share a limiter file) ask it for
movies; `--others` is for how long the first two do. Printed per client: requests per second and the share of
the allowed rate, by the mirror's clock, and the busiest window of one second, once by when the requests were
sent and once by when they arrived; on a busy machine, the mirror is late.
"""

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import requests

from connectors import TMDb
from connectors.http import Http
from connectors.limiter import Turn
from tests.connectors.test_limiter import busiest_second

MOVIES = 20_000
SETTLE = 2.0
"""Seconds for the mirror to log what the client before had under way."""


def serve(latency: float) -> None:
    """The mirror's process: print the address, then serve until the input ends."""
    from connectors.mirror import FaultPlan, FaultRule
    from connectors.mirror import serve as start
    from tests.connectors.sources import SmallCatalogue

    catalogue = SmallCatalogue()
    catalogue.add(*range(1, MOVIES))
    with start(catalogue, faults=FaultPlan([FaultRule("latency", seconds=latency)])) as mirror:
        print(mirror.url, flush=True)
        sys.stdin.read()


def ask(url: str, rate: float, seconds: float, limiter_file: Path | None) -> None:
    """A client's process: ask for movies for so many seconds."""

    sent: list[float] = []
    ask_once = Http._ask

    async def noted(http: Http, url: str, consume: Any, turn: Turn) -> Any:
        sent.append(time.monotonic())
        return await ask_once(http, url, consume, turn)

    Http._ask = noted  # type: ignore[assignment,method-assign]

    async def run() -> None:
        tmdb = TMDb(f"{url}/3", "token", export_url=url, requests_per_second=rate, limiter_file=limiter_file)
        end = time.monotonic() + seconds
        async with tmdb:
            async for _ in tmdb.movies(range(1, MOVIES), batch_size=200):
                if time.monotonic() > end:
                    break

    asyncio.run(run())
    print(json.dumps(sent))


def ask_one_by_one(url: str, seconds: float) -> None:
    """The usual script: requests in a loop, each after the last."""
    session = requests.Session()
    session.headers["Authorization"] = "Bearer token"
    end = time.monotonic() + seconds
    sent = []
    for movie in range(1, MOVIES):
        sent.append(time.monotonic())
        session.get(f"{url}/3/movie/{movie}", timeout=30)
        if time.monotonic() > end:
            break
    print(json.dumps(sent))


def measure(url: str, commands: list[list[str]], seconds: float) -> tuple[int, float, int, int]:
    """Requests, requests per second, and the busiest second as sent and as arrived, of all `commands`."""
    time.sleep(SETTLE)
    requests.delete(f"{url}/_mirror/log", timeout=30)
    program = [sys.executable, "-m", "tests.benchmarks.bench_rate"]
    processes = [
        subprocess.Popen([*program, *command], stdout=subprocess.PIPE, text=True) for command in commands
    ]
    outputs = [process.communicate()[0] for process in processes]
    if any(process.returncode for process in processes):
        raise SystemExit("a client failed")
    sent = [moment for output in outputs for moment in json.loads(output)]
    times = sorted(requests.get(f"{url}/_mirror/log?full=1", timeout=30).json()["seconds"])
    within = [moment for moment in times if moment < times[0] + seconds]
    speed = (len(within) - 1) / (within[-1] - within[0])
    return len(within), speed, busiest_second(sent), busiest_second(within)


def main() -> None:
    """Measure all clients and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--others", type=float, help="seconds for the other clients; as --seconds")
    parser.add_argument("--rate", type=float, default=38)
    parser.add_argument("--latency", type=float, default=0.15)
    parser.add_argument("--as", dest="part", choices=["mirror", "client", "sequential"])
    parser.add_argument("--url")
    parser.add_argument("--limiter-file", type=Path)
    given = parser.parse_args()
    if given.part == "mirror":
        serve(given.latency)
    elif given.part == "sequential":
        ask_one_by_one(given.url, given.seconds)
    elif given.part == "client":
        ask(given.url, given.rate, given.seconds, given.limiter_file)
    else:
        compare(given.seconds, given.others or given.seconds, given.rate, given.latency)


def compare(seconds: float, others: float, rate: float, latency: float) -> None:
    """Start the mirror, run the clients one after another, and print a line for each."""
    start = [sys.executable, "-m", "tests.benchmarks.bench_rate", "--as", "mirror", "--latency", str(latency)]
    mirror = subprocess.Popen(start, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert mirror.stdout is not None and mirror.stdin is not None
    url = mirror.stdout.readline().strip()
    with tempfile.TemporaryDirectory() as directory:
        shared = str(Path(directory) / "pace")
        short = ["--url", url, "--seconds", str(others)]
        ours = ["--as", "client", "--url", url, "--seconds", str(seconds), "--rate", str(rate)]
        clients = {
            "one request after another": ([["--as", "sequential", *short]], others),
            "no limiter": ([["--as", "client", *short, "--rate", "100000"]], others),
            "this client": ([ours], seconds),
            "this client, two processes": ([[*ours, "--limiter-file", shared]] * 2, seconds),
        }
        lengths = f"{seconds:g} s each, the first two {others:g} s"
        print(f"allowed: {rate:g}/s; the mirror answers after {latency * 1000:g} ms; {lengths}")
        print(f"{'':62} {'busiest second':>15}")
        print(
            f"{'client':28} {'requests':>9} {'per second':>11} {'of allowed':>11} {'sent':>7} {'arrived':>7}"
        )
        for name, (commands, length) in clients.items():
            count, speed, sent, arrived = measure(url, commands, length)
            share = speed / rate
            print(f"{name:28} {count:9,} {speed:11.2f} {share:11.1%} {sent:7} {arrived:7}", flush=True)
    mirror.stdin.close()
    mirror.wait()


if __name__ == "__main__":
    main()
