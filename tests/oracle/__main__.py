"""Run the oracle for long, and print every difference that it finds.

Another allocator (`LD_PRELOAD` of libmimalloc) takes a quarter of the processor's time off each step.
"""

import argparse
import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.oracle.lake import SPARED
from tests.oracle.lakes import LOCAL, SERVERS, started
from tests.oracle.machine import Machine
from tests.oracle.remote import Remote
from tests.oracle.running import LAKES, run_seed


def main() -> int:
    """Run, and return 1 where anything differed."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--backend", choices=(LOCAL, SERVERS), default=LOCAL)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--length", type=int, default=50, help="steps of one lake")
    parser.add_argument("--lakes", type=int, default=LAKES, help="lakes of one seed")
    parser.add_argument("--directory", type=Path)
    parser.add_argument("--bucket", type=float, default=0.1, help="share of lakes with data in S3")
    parser.add_argument("--two-processes", action="store_true", help="another process reads throughout")
    parser.add_argument("--shrink-seconds", type=int, default=120)
    parser.add_argument("--spare", nargs="*", default=SPARED, help="known faults that are not to be met")
    parser.add_argument("--stop", action="store_true", help="stop at the first difference")
    asked = parser.parse_args()
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    print(f"commit {commit.stdout.strip()}, {vars(asked)}", flush=True)
    began, number, differences = time.monotonic(), asked.seed, 0
    with contextlib.ExitStack() as stack:
        if asked.directory is not None:
            asked.directory.mkdir(parents=True, exist_ok=True)
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=asked.directory)))
        Machine.place = stack.enter_context(started(asked.backend, directory))
        Machine.buckets = asked.bucket
        Machine.spared = frozenset(asked.spare)
        if asked.two_processes:
            Machine.remote = stack.enter_context(Remote())
        while Machine.steps < asked.steps and time.monotonic() - began < asked.seconds:
            before, Machine.met = Machine.steps, None
            told = run_seed(number, asked.lakes, asked.length, shrink_seconds=asked.shrink_seconds)
            elapsed = time.monotonic() - began
            if told is not None:
                differences += 1
                first = (Machine.met or Machine.steps) - before
                print(f"DIFFERENCE {differences} with --seed {number}, in the {first}th step of that seed; "
                      f"what follows is smaller:\n{told}", flush=True)  # fmt: skip
                if asked.stop:
                    break
            rate = time.process_time() / max(1, Machine.steps) * 1000
            print(f"seed {number}: {Machine.steps} steps, {Machine.lakes} lakes, {elapsed:.0f} s, "
                  f"{rate:.0f} ms of CPU a step, {differences} differences", flush=True)  # fmt: skip
            number += 1
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
