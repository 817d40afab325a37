"""What waiting costs: threads of LightGBM and torch that spin, and that sleep, alone and beside others.

    python -m tests.benchmarks.bench_openmp [--busy 2] [--threads 2]

Trains 100 small trees, and takes 5 steps of an LSTM, in processes of their own: with OpenMP's default, whose
threads spin while they wait for each other, and with OMP_WAIT_POLICY=PASSIVE, which `features.openmp` sets.
First with nothing else running, then beside so many processes that only count. Printed are seconds and how
many times longer spinning took.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

TREES = """
import lightgbm, numpy as np
rng = np.random.default_rng(0)
x = rng.normal(size=(4000, 100))
y = (x[:, 0] + rng.normal(size=4000) > 0).astype(int)
options = {"objective": "binary", "num_threads": THREADS, "num_leaves": 15, "verbose": -1}
data = lightgbm.Dataset(x, y).construct()
def work():
    lightgbm.train(options, data, 100)
"""
LSTM = """
import torch
torch.set_num_threads(THREADS)
net, x = torch.nn.LSTM(256, 256, batch_first=True), torch.randn(64, 48, 256)
def work():
    for _ in range(5):
        net(x)[0].sum().backward()
"""
TIMED = """
import time
work()
started = time.perf_counter()
work()
print(time.perf_counter() - started)
"""


def seconds(script: str, policy: str | None, threads: int) -> float:
    """What the second round took, in a process of its own."""
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))
    }
    if policy:
        environment["OMP_WAIT_POLICY"] = policy
    command = [sys.executable, "-c", script.replace("THREADS", str(threads)) + TIMED]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return float(done.stdout)


@contextmanager
def busy(n: int) -> Iterator[None]:
    """So many processes that keep a core each, while they are let."""
    counting = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n)]
    try:
        time.sleep(0.5)
        yield
    finally:
        for process in counting:
            process.kill()
            process.wait()


def main() -> None:
    """Read the arguments, and measure."""
    parser = argparse.ArgumentParser(description="What waiting costs OpenMP's threads.")
    parser.add_argument("--busy", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    for others in (0, args.busy):
        with busy(others):
            for name, script in {"LightGBM, 100 trees": TREES, "LSTM, 5 steps": LSTM}.items():
                spinning, asleep = (seconds(script, policy, args.threads) for policy in (None, "PASSIVE"))
                print(
                    f"beside {others} busy processes: {name}: spinning {spinning:.2f} s, "
                    f"asleep {asleep:.2f} s: {spinning / asleep:.1f} x",
                    flush=True,
                )


if __name__ == "__main__":
    main()
