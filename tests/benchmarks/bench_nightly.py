"""How long a night takes when little changed, what Prefect adds to it, and how much memory it needs.

    python -m tests.benchmarks.bench_nightly --movies 5000 --changed 100

A home loads an invented catalogue, and is copied. Then the catalogue's clock moves on until at least
`--changed` of its movies changed, and both take that night: without Prefect, with Prefect starting a server
of its own, and, a further night, with a Prefect server that is already running, as under `reelhouse serve`.
Each night is a process of its own, from its start to its end. With `--keep DIRECTORY` the loaded home stays
there, and is used where there is one already: then nothing is printed of the first night.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from connectors.mirror import SyntheticCatalogue, serve
from flows.serving.orchestration import prefect_environment
from flows.serving.prefect_server import PrefectServer
from warehouse import Location, Warehouse

STEPS = """
SELECT step, epoch(ended_at - started_at) AS seconds, counts FROM ops.steps
WHERE run_id = (SELECT arg_max(run_id, started_at) FROM ops.runs) ORDER BY started_at
"""


@dataclass(frozen=True)
class Night:
    """A night's wall time and processor time in seconds, and its process's peak memory in MB.

    A server that the night started and ended is in its processor time.
    """

    seconds: float
    cpu: float
    peak_mb: float


def night(environment: dict[str, str], home: Path, *options: str, **variables: str) -> Night:
    """Run `reelhouse nightly` in a process of its own."""
    command = [sys.executable, "-m", "flows.cli", "nightly", "--home", str(home), *options]
    started = time.monotonic()
    process = subprocess.Popen(command, env={**environment, **variables}, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"the night failed with exit code {process.returncode}: run it by hand to see why")
    return Night(time.monotonic() - started, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def main() -> None:
    """Run the nights and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--movies", type=int, default=5000)
    parser.add_argument("--changed", type=int, default=100)
    parser.add_argument("--keep", type=Path)
    arguments = parser.parse_args()
    catalogue = SyntheticCatalogue(movies=arguments.movies, seed=7)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        mirror = stack.enter_context(serve(catalogue))
        kept = {
            name: text for name, text in os.environ.items() if not name.startswith(("REELHOUSE_", "PREFECT_"))
        }
        environment = {**kept, **mirror.env(), "REELHOUSE_CONFIG": os.devnull}
        local, under = folder / "local", folder / "prefect"
        loaded = arguments.keep or folder / "loaded"
        first = None
        if not (loaded / "catalog.sqlite").exists():
            first = night(environment, loaded, "--local")
            show("first night, without Prefect", first, None)
            steps(loaded)
        shutil.copytree(loaded, local)
        shutil.copytree(loaded, under)
        changed = move_on(catalogue, arguments.changed)
        later = night(environment, local, "--local")
        print(f"{changed} of {arguments.movies} movies changed")
        show("next night, without Prefect", later, None)
        steps(local)
        show("next night, Prefect with a server of its own", night(environment, under), later)
        if first:
            print(f"next night / first night: {later.seconds / first.seconds:.1%}")
        changed = move_on(catalogue, arguments.changed)
        later = night(environment, local, "--local")
        prefect_environment(folder / "server")
        server = PrefectServer(folder / "server", 0)
        stack.callback(server.stop)
        server.wait(threading.Event())
        print(f"{changed} of {arguments.movies} movies changed")
        show("next night, without Prefect", later, None)
        show(
            "next night, Prefect's server running",
            night(environment, under, **server.environment),
            later,
        )


def steps(home: Path) -> None:
    """Print what the steps of the newest run took."""
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        for row in warehouse.query(STEPS).to_pylist():
            print(f"    {row['step']:<32} {row['seconds']:7.1f} s  {row['counts']}", flush=True)


def move_on(catalogue: SyntheticCatalogue, wanted: int) -> int:
    """Let days pass until `wanted` movies changed since today; how many did."""
    start = catalogue.today()
    while True:
        catalogue.advance()
        changed = len(set(catalogue.changed(start, catalogue.today())))
        if changed >= wanted:
            return changed


def show(name: str, found: Night, beside: Night | None) -> None:
    """Print a night, and how much longer it took than the one beside it."""
    more = (
        f"  {found.seconds / beside.seconds - 1:+.0%} time, {found.cpu / beside.cpu - 1:+.0%} processor time"
        if beside
        else ""
    )
    print(
        f"{name:<46} {found.seconds:7.1f} s {found.cpu:7.1f} s processor {found.peak_mb:6.0f} MB{more}",
        flush=True,
    )


if __name__ == "__main__":
    main()
