"""`reelhouse serve`: a real Prefect server, the deployments in it, their runs, and a clean end."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from connectors.mirror import Mirror
from connectors.mirror.faults import FaultRule
from flows.engine.context import location
from flows.engine.locks import exclusive
from flows.engine.prefect_api import SERVER, running_server
from flows.engine.schedule import Schedules
from flows.errors import FlowError
from flows.serving.prefect_server import PrefectServer
from flows.serving.serve import interrupted
from flows.settings import Settings
from tests.flows.lake import scalar
from warehouse import Warehouse

NIGHTS = 4
PROGRAM = """
from flows.serving.serve import serve
from flows.settings import load_settings
serve(load_settings(), lambda text: print(text, flush=True), prefect_port=0)
"""


@dataclass
class Served:
    """A `serve` that is running: its process, what it printed, and its Prefect API with the secret."""

    process: "subprocess.Popen[str]"
    reader: threading.Thread
    lines: list[str]
    url: str
    secret: str

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """GET, or POST where there is a body."""
        data = None if body is None else json.dumps(body).encode()
        headers = {
            "content-type": "application/json",
            "authorization": f"Basic {base64.b64encode(self.secret.encode()).decode()}",
        }
        if body is not None:
            headers["prefect-csrf-client"] = "test"
            headers["prefect-csrf-token"] = self.ask("/csrf-token?client=test")["token"]
        request = urllib.request.Request(  # noqa: S310 - the server that the test started
            self.url + path, data=data, headers=headers
        )
        for wait in (0.2, 0.5, 1.0, 2.0, None):  # as Prefect's client does: the server's database was busy
            try:
                with urllib.request.urlopen(request) as answer:  # noqa: S310 - as above
                    return json.load(answer)
            except urllib.error.HTTPError as error:
                if error.code != 503 or wait is None:
                    raise
                threading.Event().wait(wait)
        return None

    def start(self, flow: str) -> str:
        """Start a run of a deployment by hand; its id."""
        deployment = self.ask(f"/deployments/name/{flow}/reelhouse")["id"]
        return str(self.ask(f"/deployments/{deployment}/create_flow_run", {})["id"])

    def state(self, run: str) -> str:
        """The type of a run's state."""
        return str(self.ask(f"/flow_runs/{run}")["state"]["type"])


def until(true: Callable[[], object], seconds: float = 600) -> None:
    """Ask again and again until it is true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.2)


def started(environment: dict[str, str], home: Path) -> Served:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=home.parent,
    )  # fmt: skip
    lines: list[str] = []

    def read() -> None:
        for line in process.stdout or ():
            lines.append(line)  # noqa: PERF402 - each line when it comes

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    until(lambda: process.poll() is not None or any(line.startswith("serving") for line in lines))
    assert process.poll() is None, "".join(lines)
    url = json.loads((home / "prefect" / "server.json").read_text())["url"]
    return Served(process, reader, lines, url, (home / "prefect" / "auth").read_text().strip())


@pytest.fixture
def served(environment: dict[str, str], tmp_path: Path) -> Iterator[Served]:
    running = started(environment, tmp_path / "home")
    yield running
    running.process.kill()
    running.process.wait()
    running.reader.join()  # ends with the last process that holds the pipe
    assert running.process.stdout is not None
    running.process.stdout.close()


OLD_RUNS = """
from datetime import UTC, datetime, timedelta
from prefect import flow, get_client
from prefect.states import Completed
from flows.serving.nightly import forget_old_runs

@flow
def night():
    pass

with get_client(sync_client=True) as client:
    client.set_flow_run_state(client.create_flow_run(night, name="ended").id, Completed(), force=True)
    client.create_flow_run(night, name="waiting")
    for days in (89, 91):
        print(forget_old_runs(datetime.now(UTC) + timedelta(days=days)))
    print(*{run.name for run in client.read_flow_runs()})
"""


@pytest.mark.slow
def test_the_server_knows_the_deployments_and_plans_their_next_runs(served: Served):
    found = {each["entrypoint"]: each for each in served.ask("/deployments/filter", {})}
    assert set(found) == {
        f"flows.serving.deployments.{name}"
        for name in ("nightly", "backfill", "features", "train", "score", "upkeep", "backup", "report")
    }
    nightly = found["flows.serving.deployments.nightly"]
    assert [each["schedule"]["cron"] for each in nightly["schedules"]] == [Schedules.nightly]
    assert nightly["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert "mirror" not in json.dumps(nightly["parameters"])
    planned = {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    until(lambda: len({run["deployment_id"] for run in served.ask("/flow_runs/filter", planned)}) == 3)


@pytest.mark.slow
def test_a_night_under_way_keeps_a_second_one_out_and_ends_with_sigterm(
    served: Served, mirror: Mirror, environment: dict[str, str], tmp_path: Path
):
    home = tmp_path / "home"
    mirror.set_faults(FaultRule("latency", match="/3/movie/", seconds=2.0))
    first = served.start("nightly")
    until(lambda: any("ingest imdb title.basics" in line for line in served.lines))
    second = served.start("nightly")
    until(lambda: served.state(second) == "CANCELLED")
    assert served.state(first) == "RUNNING"
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait() == 0
    served.reader.join()
    assert served.lines[-1] == "stopped\n"
    assert running_server(home) is None
    # One that did not end by itself in time is found dead, and called crashed, by the next run.
    assert scalar(home, "SELECT list(state) FROM ops.runs") in (["cancelled"], ["running"])


@pytest.mark.slow
def test_it_says_where_the_secret_is_and_nothing_else_has_it(served: Served, tmp_path: Path):
    run = served.start("upkeep")
    until(lambda: served.state(run) in ("COMPLETED", "FAILED", "CRASHED"))
    assert served.state(run) == "COMPLETED", "".join(served.lines)
    home = tmp_path / "home"
    assert any(str(home / "prefect" / "auth") in line for line in served.lines)
    password = served.secret.partition(":")[2]
    assert password not in "".join(served.lines)
    holders = [path for path in home.rglob("*") if path.is_file() and password.encode() in path.read_bytes()]
    assert holders == [home / "prefect" / "auth"]
    lake = "SELECT count(*) FROM ops.runs AS run WHERE contains(CAST(run AS VARCHAR), ?)"
    with Warehouse.open(location(Settings(home=home)), read_only=True) as warehouse:
        assert warehouse.scalar(lake, [password]) == 0
    processes = {path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline")}
    assert not any(password.encode() in command for command in processes)


@pytest.mark.slow
def test_a_run_leaves_its_table_as_an_artifact(served: Served, tmp_path: Path):
    run = served.start("upkeep")
    until(lambda: served.state(run) in ("COMPLETED", "FAILED", "CRASHED"))
    assert served.state(run) == "COMPLETED", "".join(served.lines)
    (artifact,) = served.ask("/artifacts/filter", {})
    assert json.loads(artifact["data"])[0]["step"] == "upkeep"
    assert running_server(tmp_path / "home") == served.url


@pytest.mark.slow
def test_nights_show_in_the_server_and_its_database_is_never_locked(
    served: Served, mirror: Mirror, tmp_path: Path
):
    home = tmp_path / "home"
    for _ in range(NIGHTS):
        run = served.start("nightly")
        until(lambda run=run: served.state(run) in ("COMPLETED", "FAILED", "CRASHED"))
        assert served.state(run) == "COMPLETED", "".join(served.lines)
        mirror.advance()
    assert scalar(home, "SELECT count(*) FROM ops.runs WHERE state = 'completed'") == NIGHTS
    done = {"flow_runs": {"state": {"type": {"any_": ["COMPLETED"]}}}}
    runs = served.ask("/flow_runs/filter", done)
    assert len({run["id"] for run in runs}) == NIGHTS
    assert {run["name"].split()[0] for run in runs} == {"nightly"}
    ids = {"flow_runs": {"id": {"any_": [run["id"] for run in runs]}}}
    steps = scalar(home, "SELECT count(*) FROM ops.steps")
    until(lambda: served.ask("/task_runs/count", ids) == steps)  # the server learns of tasks from events
    tables = served.ask("/artifacts/filter", {"artifacts": {"key": {"any_": ["nightly"]}}})
    assert len(tables) == NIGHTS
    said = (home / "logs" / "prefect-server.log").read_text() + "".join(served.lines)
    assert "database is locked" not in said


@pytest.mark.slow
def test_a_run_by_timer_forgets_what_prefect_kept_for_over_ninety_days(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    server = PrefectServer(tmp_path, 0, passing=True)
    try:
        environment = {
            **os.environ, "PREFECT_HOME": str(tmp_path / "prefect"), **server.environment,
        }  # fmt: skip
        assert server.wait(threading.Event())
        result = subprocess.run(
            [sys.executable, "-c", OLD_RUNS], env=environment, capture_output=True, text=True, check=False
        )
        assert result.returncode == 0, result.stderr
        assert result.stdout.split() == ["0", "1", "waiting"]
    finally:
        server.stop()


@pytest.mark.slow
def test_the_server_ends_when_serve_is_killed(served: Served, tmp_path: Path):
    server = json.loads((tmp_path / "home" / "prefect" / "server.json").read_text())["pid"]
    os.kill(server, 0)
    served.process.kill()
    served.process.wait()
    until(lambda: not alive(server), seconds=30)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has waited for does not."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


def test_a_port_in_use_is_one_line(tmp_path: Path):
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(FlowError, match="PREFECT_API_URL"):
        PrefectServer(tmp_path, taken.getsockname()[1])


@pytest.mark.parametrize(
    ("state", "again"), [("completed", False), ("failed", False), ("cancelled", True), ("running", True)]
)
def test_a_night_that_was_broken_off_is_to_be_started_again(tmp_path: Path, state: str, again: bool):
    settings = Settings(home=tmp_path / "home")
    assert not interrupted(settings)
    with Warehouse.open(location(settings)) as warehouse:
        run_id = warehouse.start_run("nightly")
        if state != "running":
            warehouse.finish_run(run_id, state)
    assert interrupted(settings) is again


def test_without_a_note_no_server_is_taken_to_run(tmp_path: Path):
    assert running_server(tmp_path) is None
    (tmp_path / "prefect").mkdir()
    (tmp_path / "prefect" / "server.json").write_text('{"url": "http://127.0.0.1:9/api"}')
    assert running_server(tmp_path) is None


def test_the_address_that_a_killed_server_left_is_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever listens there by now would be sent the home's secret."""
    requests: list[str] = []

    class Stranger(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requests.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api"
        (tmp_path / "prefect").mkdir()
        (tmp_path / "prefect" / "server.json").write_text(json.dumps({"url": url}))
        assert running_server(tmp_path) is None
        assert requests == []
        with exclusive(tmp_path, SERVER):
            assert running_server(tmp_path) == url
        server.shutdown()
