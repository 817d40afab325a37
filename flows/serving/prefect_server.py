"""A Prefect server of our own: a child process on localhost that ends when its parent does, however it ends.

Its database lies under the home directory. Who has not the home's secret is refused, and so is every page of
another origin. Run as a module this is that child: it serves until its standard input is closed, which the
operating system does when the parent dies, even by `kill -9`.
"""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from flows.engine.locks import exclusive
from flows.engine.logs import shorten
from flows.engine.prefect_api import HOST, SERVER, healthy
from flows.errors import FlowError
from flows.serving.home_secret import home_secret

START_SECONDS = 120.0
STOP_SECONDS = 5.0


class PrefectServer:
    """A Prefect server that is starting or running; `url` is its API. Ended by `stop`.

    `environment` has what its clients need: the address and the secret, which no command line has. `names`
    are further names by which browsers reach it.

    One that is only `passing` serves the runs of one process: it has neither pages nor schedules, starts in
    half the time, and other processes are not told of it. Of the others, a home has one at most: a second one
    raises AlreadyRunning.
    """

    def __init__(self, home: Path, port: int, *, names: Sequence[str] = (), passing: bool = False) -> None:
        self._held = contextlib.ExitStack()
        self._note = None if passing else home / "prefect" / "server.json"
        self._database = home / "prefect" / "prefect.db"
        self.log = home / "logs" / "prefect-server.log"
        self.port = port or _free_port()
        self.url = f"http://{HOST}:{self.port}/api"
        if port and _listening(port):
            raise FlowError(
                f"port {port} is in use: set PREFECT_API_URL to use the Prefect server that is there, "
                "or choose another port with REELHOUSE_PREFECT_PORT"
            )
        secret = home_secret(home)
        if not passing:
            self._held.enter_context(exclusive(home, SERVER))
        self.environment = {"PREFECT_API_URL": self.url, "PREFECT_API_AUTH_STRING": secret}
        self.log.parent.mkdir(parents=True, exist_ok=True)
        shorten(self.log)
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own module, no shell
                [
                    sys.executable,
                    "-m",
                    "flows.serving.prefect_server",
                    str(self.port),
                    "passing" if passing else "lasting",
                    *names,
                ],
                env={**_protection(self.port), **os.environ, "PREFECT_SERVER_API_AUTH_STRING": secret},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C must not end it before the runs have told how they ended
            )

    def wait(self, stop: threading.Event) -> bool:
        """Wait until the server answers and return True, or False when `stop` is set first.

        Raises `FlowError` when it does not start.
        """
        deadline = time.monotonic() + START_SECONDS
        while not stop.is_set():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                if _is_damaged(self._database):
                    raise FlowError(
                        f"{self._database}, the history of Prefect's runs, is damaged: move it away, then "
                        "run this again; the warehouse does not need it"
                    )
                raise FlowError(f"Prefect's server did not start: see the end of {self.log}")
            if healthy(self.url):
                if self._note:
                    self._note.write_text(json.dumps({"url": self.url, "pid": self._process.pid}))
                return True
            stop.wait(0.2)
        return False

    @property
    def pid(self) -> int:
        """Its process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether its process is there."""
        return self._process.poll() is None

    def stop(self) -> None:
        """End the server, by force where it takes longer than `STOP_SECONDS`."""
        if self._note:
            self._note.unlink(missing_ok=True)
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        finally:
            self._held.close()


def _protection(port: int) -> dict[str, str]:
    """Return Prefect's own settings for a server that serves its own pages only."""
    return {
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": f"http://{HOST}:{port}",
        "PREFECT_SERVER_CSRF_PROTECTION_ENABLED": "true",
        "PREFECT_UI_API_URL": "/api",  # of the page's own origin, whatever the name and port
    }


def _is_damaged(database: Path) -> bool:
    """Return whether SQLite cannot read a file that is there."""
    if not database.is_file():
        return False
    with contextlib.closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as connection:
        try:
            return bool(connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",))
        except sqlite3.DatabaseError as error:
            return not isinstance(error, sqlite3.OperationalError)  # such as a lock


def _listening(port: int) -> bool:
    with contextlib.closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_SECONDS)  # connections that are kept alive hold a graceful end up
    os._exit(0)


def main() -> None:
    """Serve until SIGTERM; the arguments are the port, "lasting" or "passing", and further host names.

    See `PrefectServer`. A passing server is like the one that Prefect's client starts for itself.
    """
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _, port, kind, *names = sys.argv
    os.environ["PREFECT__SERVER_FINAL"] = "1"
    if kind == "passing":
        os.environ.update(PREFECT__SERVER_EPHEMERAL="1", PREFECT_UI_ENABLED="0")
    import uvicorn
    from prefect.server.api.server import create_app

    from flows.serving.same_origin import MORE_NAMES, SameOrigin

    # At the level of debugging, uvicorn would log the secret that opens a WebSocket.
    uvicorn.run(
        SameOrigin(create_app(), names, remedy=MORE_NAMES),
        host=HOST, port=int(port), log_level="error" if kind == "passing" else "warning",
        lifespan="on", timeout_graceful_shutdown=1,
    )  # fmt: skip


if __name__ == "__main__":
    main()
