"""Programs of Reelhouse that answer over HTTP, and requests of a stranger to them."""

import http.client
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from tests.attack.ground import Ground

FOREIGN: tuple[dict[str, str], ...] = (
    {"host": "page.example"},
    {"host": "127.0.0.1.page.example"},
    {"host": ""},
    {"origin": "http://page.example"},
    {"origin": "null"},
    {"sec-fetch-site": "cross-site"},
)
"""Headers of a page of somebody else's, as a browser sends them."""


def exchange(url: str, method: str, path: str, body: str | None = None, **headers: str) -> tuple[int, str]:
    """Return the status and the text of an answer; path and headers are sent as they stand."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
    try:
        connection.request(
            method, path, body, {name.replace("_", "-"): value for name, value in headers.items()}
        )
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    finally:
        connection.close()


@contextmanager
def mirror(ground: Ground, directory: Path) -> Iterator[str]:
    """Yield the address of `reelhouse mirror DIRECTORY`."""
    with _started(ground, ("mirror", str(directory)), "# the mirror listens on") as lines:
        yield lines[-1].removeprefix("# the mirror listens on ").partition(";")[0]


@contextmanager
def serve(ground: Ground, home: Path, metrics_port: int) -> Iterator[tuple[int, str]]:
    """Yield the port of the Prefect server of `reelhouse serve`, and the secret of the home."""
    options = {
        "REELHOUSE_HOME": str(home),
        "REELHOUSE_PREFECT_PORT": "0",
        "REELHOUSE_METRICS_PORT": str(metrics_port),
        "REELHOUSE_TMDB_TOKEN": "none",
        "REELHOUSE_NIGHTLY_CRON": "0 0 29 2 *",
    }
    with _started(ground, ("serve",), "serving;", **options):
        url = json.loads((home / "prefect" / "server.json").read_text())["url"]
        port = urlsplit(url).port
        assert port is not None
        yield port, (home / "prefect" / "auth").read_text().strip()


@contextmanager
def _started(ground: Ground, command: tuple[str, ...], ready: str, **options: str) -> Iterator[list[str]]:
    """Yield the lines of a program once one of them begins with `ready`; then end it."""
    process = subprocess.Popen(
        [sys.executable, "-m", "flows.cli", *command],
        env=ground.environment(**options),
        cwd=ground.root,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line.strip())
        if lines[-1].startswith(ready):
            break
    else:
        raise AssertionError(f"{command[0]} did not start: {lines[-5:]}")
    rest = threading.Thread(target=lambda: lines.extend(process.stdout or ()), daemon=True)
    rest.start()
    try:
        yield list(lines)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        rest.join()
        process.stdout.close()
    ground.hides("\n".join(lines))
