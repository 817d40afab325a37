"""`reelhouse demo`: the whole product on an invented catalogue, from an empty directory to SQL."""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flows.engine.console import Reporter, Stopwatch, duration
from flows.engine.output_place import demo_home
from flows.engine.run import Outcome, nothing_done
from flows.errors import FlowError
from flows.inspect.status import print_demo
from flows.inspect.summary import read_status
from flows.mirror import LISTENING
from flows.serving.orchestration import prefect_environment, run_nightly
from flows.settings import load_settings

EXPORT = re.compile(r"export (REELHOUSE_\w+)=(.*)")
NIGHTS = (
    "the first night: everything is new",
    "the same night again: nothing is new",
    "a day later: some movies changed",
)


@contextmanager
def mirror_process(*, movies: int, seed: int, day: int) -> Iterator[dict[str, str]]:
    """Serve the invented catalogue from a process of its own; yield the settings that point at it."""
    command = [sys.executable, "-m", "flows.cli", "mirror", "--synthetic"]
    command += ["--movies", str(movies), "--seed", str(seed), "--day", str(day)]
    process = subprocess.Popen(  # noqa: S603 - our own interpreter and module, arguments are integers
        command, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        assert process.stdout is not None  # noqa: S101 - for the type checker
        env: dict[str, str] = {}
        for line in process.stdout:
            match = EXPORT.match(line)
            if match:
                env[match[1]] = shlex.split(match[2])[0] if match[2] else ""
            if line.startswith(LISTENING):
                break
        if not env:
            raise FlowError("the mirror did not start; `reelhouse mirror --synthetic` shows why")
        yield env
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def run_demo(home: Path, *, movies: int, seed: int, nights: int) -> None:
    """Run up to three nights on the invented catalogue and print what came of them."""
    reporter = Reporter()
    home = home.absolute()
    demo_home(home)
    for name in [
        name
        for name in os.environ
        if name.startswith("REELHOUSE_") and not name.startswith("REELHOUSE_TEST_")
    ]:
        del os.environ[name]  # the demo is the same everywhere: it takes no setting from outside
    os.environ["REELHOUSE_CONFIG"] = os.devnull
    load_settings(home=home)  # refuses a path that holds no lake, before anything is made there
    prefect_environment(home)
    for night in range(nights):
        reporter.line(f"Night {night + 1} of {nights}, {NIGHTS[night]}")
        with mirror_process(movies=movies, seed=seed, day=max(0, night - 1)) as env:
            os.environ.update(env)
            watch = Stopwatch()
            settings = load_settings(home=home)
            outcome = run_nightly(settings, reporter)
        _close(outcome, watch, reporter)
    print_demo(read_status(settings), sys.stdout)


def _close(outcome: Outcome, watch: Stopwatch, reporter: Reporter) -> None:
    if outcome.failures:
        raise FlowError(f"the demo's night failed: {'; '.join(outcome.failures.values())}")
    verdict = "nothing fetched, encoded, trained or scored" if nothing_done(outcome) else "completed"
    reporter.line(f"  {verdict} in {duration(watch.seconds)}")
    reporter.line("")
