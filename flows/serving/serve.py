"""`reelhouse serve`: the scheduled deployments, in one process until SIGTERM or Ctrl-C.

It starts a Prefect server of its own, unless `PREFECT_API_URL` names one; registers the deployments; starts
each run that falls due in a process of its own; and answers for metrics and health.
"""

import asyncio
import contextlib
import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

from flows.engine.context import location
from flows.engine.logs import shorten
from flows.engine.prefect_api import healthy, require_access
from flows.engine.schedule import DEPLOYMENT, Schedules
from flows.errors import FlowError, HomeGone
from flows.serving.home_secret import secret_file
from flows.serving.metrics import MetricsServer
from flows.serving.orchestration import prefect_environment
from flows.serving.prefect_server import PrefectServer
from flows.settings import Settings, config_file
from warehouse import Warehouse, WarehouseError
from warehouse.operations import last_night

if TYPE_CHECKING:
    from prefect.runner import Runner

AT_ONCE = 3  # processes: a night, and upkeep or a report beside it
STOP_SECONDS = 10.0
Say = Callable[[str], None]


def serve(
    settings: Settings,
    say: Say,
    *,
    schedules: Schedules | None = None,
    prefect_port: int = 4200,
    metrics_port: int = 0,
    stop: threading.Event | None = None,
) -> None:
    """Serve the deployments until `stop` is set or a signal asks for it; raises `FlowError`.

    `metrics_port` 0 serves no metrics. A run under way is asked to end: what it committed stays, and the next
    `serve` starts a night at once that carries on from there.
    """
    stop = stop or threading.Event()
    schedules = schedules or Schedules.of(settings)
    with ExitStack() as stack:
        stack.enter_context(signals(stop))
        server = _environment(settings, prefect_port, stack)
        if server is not None:
            say(f"Prefect's server starts at {server.url.removesuffix('/api')} (log: {server.log})")
            secret = f'"$(cat {shlex.quote(str(secret_file(settings.home)))})"'
            say(f"its page asks for a password: the line in {secret_file(settings.home)}")
            say(f"for prefect: export PREFECT_API_URL={server.url} PREFECT_API_AUTH_STRING={secret}")
            if not server.wait(stop):
                return
        _serve(settings, say, schedules, metrics_port, server, stop, stack)
    say("stopped")


def _environment(settings: Settings, port: int, stack: ExitStack) -> PrefectServer | None:
    """Set the environment of this process and of its runs; start a server where none is named."""
    os.environ["REELHOUSE_HOME"] = str(settings.home)
    if config_file().exists():
        os.environ["REELHOUSE_CONFIG"] = str(config_file().absolute())
    os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "WARNING")
    prefect_environment(settings.home)
    if os.environ.get("PREFECT_API_URL"):
        return None
    server = PrefectServer(settings.home, port, names=settings.host_names)
    stack.callback(server.stop)
    os.environ.update(server.environment)
    return server


def _serve(
    settings: Settings,
    say: Say,
    schedules: Schedules,
    metrics_port: int,
    server: PrefectServer | None,
    stop: threading.Event,
    stack: ExitStack,
) -> None:
    url = os.environ["PREFECT_API_URL"]
    if not healthy(url):
        raise FlowError(f"no Prefect server answers at {url}: start it, or unset PREFECT_API_URL")
    require_access(url)
    spared = {server.pid} if server is not None else set()
    runs = ServedRuns(schedules, catch_up=interrupted(settings), spared=spared)
    stack.callback(runs.stop)

    def health() -> str | None:
        if not runs.alive:
            return "the runs are not being served"
        return None if healthy(url) else f"no Prefect server answers at {url}"

    if metrics_port:
        metrics = MetricsServer(settings, metrics_port, health)
        stack.callback(metrics.stop)
        say(f"metrics at http://127.0.0.1:{metrics.port}/metrics, health at /healthz")
    if runs.wait_started(stop):
        for name, cron in asdict(schedules).items():
            say(f"{name}/{DEPLOYMENT}: {f'cron {cron} (UTC)' if cron else 'by hand'}")
        say("serving; end with Ctrl-C or SIGTERM")
    while not stop.wait(1):
        if not settings.home.is_dir():
            raise HomeGone(
                f"{settings.home} is gone: it was moved or deleted; put it back and serve it again"
            )
        if server is not None:
            if not server.running:
                raise FlowError(f"Prefect's server ended: see the end of {server.log}")
            shorten(server.log)
        if not runs.alive:
            break
    runs.raise_failure()


class ServedRuns:
    """Prefect's runner in a thread of its own, so that the main thread is free for signals."""

    def __init__(self, schedules: Schedules, *, catch_up: bool, spared: set[int]) -> None:
        self._schedules = schedules
        self._catch_up = catch_up
        self._spared = spared
        self._started = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._runner: Runner | None = None
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=self._main, name="runs", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether runs are being served."""
        return self._thread.is_alive()

    def wait_started(self, stop: threading.Event) -> bool:
        """Wait until the deployments are registered; return False if `stop` is set, or it failed, before."""
        while not stop.is_set() and self.alive:
            if self._started.wait(0.2):
                return True
        return False

    def raise_failure(self) -> None:
        """Raise `FlowError` where serving ended by itself."""
        if self._failure is not None:
            reason = " ".join(str(self._failure).split())[:300]
            raise FlowError(f"the deployments cannot be served: {type(self._failure).__name__}: {reason}")

    def stop(self) -> None:
        """Ask the runs under way to end, wait for them up to `STOP_SECONDS`, then end them by force."""
        if self._loop is not None and self._runner is not None and self._runner.started:
            with contextlib.suppress(RuntimeError):  # its loop ended meanwhile
                asyncio.run_coroutine_threadsafe(self._end(self._runner), self._loop)
        self._thread.join(timeout=STOP_SECONDS)
        if self._thread.is_alive():
            for pid in child_processes() - self._spared:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(pid, signal.SIGKILL)
            self._thread.join(timeout=2)

    async def _end(self, runner: "Runner") -> None:
        await runner.astop()

    def _main(self) -> None:
        try:
            asyncio.run(self._run())
        except Exception as error:
            self._failure = error

    async def _run(self) -> None:
        from prefect.runner import Runner

        from flows.serving.deployments import deployments

        self._loop = asyncio.get_running_loop()
        # Schedules stay active while this process is away: what was missed is then late, and runs at once.
        self._runner = Runner(name=DEPLOYMENT, limit=AT_ONCE, pause_on_shutdown=False)
        for deployment in deployments(self._schedules):
            await self._runner.aadd_deployment(deployment)
        if self._catch_up:
            await _start_night()
        self._started.set()
        await self._runner.start()


async def _start_night() -> None:
    from prefect import get_client

    async with get_client() as client:
        night = await client.read_deployment_by_name(f"nightly/{DEPLOYMENT}")
        await client.create_flow_run_from_deployment(night.id, tags=["catch-up"])


def interrupted(settings: Settings) -> bool:
    """Return whether the last night was broken off by a signal, crash or power cut, and none ran since."""
    try:
        with Warehouse.open(location(settings), read_only=True) as warehouse:
            night = last_night(warehouse)
    except WarehouseError:
        return False
    return night is not None and night.state in ("running", "crashed", "cancelled")


def child_processes() -> set[int]:
    """Return the ids of this process's children that lead a process group; empty without a /proc."""
    try:
        pids = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    except OSError:
        return set()
    return {pid for pid in pids if _parent_and_group(pid) == (os.getpid(), pid)}


def _parent_and_group(pid: int) -> tuple[int, int] | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        parent, group = stat.rpartition(")")[2].split()[1:3]
        return int(parent), int(group)
    except (OSError, ValueError):
        return None


@contextmanager
def signals(stop: threading.Event) -> Iterator[None]:
    """Let SIGTERM and Ctrl-C set `stop`; only the main thread can, others leave them as they are."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ask(signum: int, frame: FrameType | None) -> None:
        stop.set()

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
