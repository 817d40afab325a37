"""A real PostgreSQL and an S3 server for the tests, started once and stopped at the end."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from connectors.mirror.serving import _listen

BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: float(path.parent.name))
USER = "reelhouse"
PASSWORD = "made-up-password"
KEYS = {"AWS_ACCESS_KEY_ID": "made-up-key", "AWS_SECRET_ACCESS_KEY": "made-up-secret"}
BUCKET = "reelhouse"


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens at."""
    with _listen("127.0.0.1", 0) as listening:
        return int(listening.getsockname()[1])


class Postgres:
    """A PostgreSQL server that is running."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._made = 0

    def url(self, database: str) -> str:
        """Return a database's address."""
        return f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template1") -> str:
        """Return the address of a new database, a copy of `template`."""
        self._made += 1
        name = f"lake_{self._made}"
        self.run(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def run(self, statement: str) -> None:
        """Run one statement as the server's owner."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[arg-type]


@contextmanager
def postgres() -> Iterator[Postgres]:
    """Start PostgreSQL on a free port of 127.0.0.1; skips where it is not installed."""
    if not BINARIES:
        message = "PostgreSQL is not installed: apt-get install postgresql"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    # It refuses to run as root, and its user cannot enter root's temporary directories.
    user = "postgres" if os.geteuid() == 0 else None
    home = Path(tempfile.mkdtemp(prefix="reelhouse-postgres-"))
    try:
        if user:
            shutil.chown(home, user)
        (home / "password").write_text(PASSWORD)
        (home / "password").chmod(0o644)
        made = subprocess.run(
            [BINARIES[-1] / "initdb", "-D", home / "data", "-U", USER, "--auth=scram-sha-256",
             f"--pwfile={home / 'password'}", "--no-sync", "--locale=C.UTF-8"],
            user=user, cwd=home, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert made.returncode == 0, made.stderr
        port = free_port()
        with (home / "log").open("w") as log:
            server = subprocess.Popen(
                [BINARIES[-1] / "postgres", "-D", home / "data", "-p", str(port), "-k", home, "-c",
                 "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "max_connections=200"],
                user=user, cwd=home, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            running = Postgres(port)
            _wait(running, server, home / "log")
            yield running
        finally:
            server.send_signal(signal.SIGQUIT)
            server.wait()
    finally:
        shutil.rmtree(home)


def _wait(running: Postgres, server: "subprocess.Popen[bytes]", log: Path) -> None:
    while True:
        assert server.poll() is None, log.read_text()
        try:
            running.run("SELECT 1")
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return


@contextmanager
def s3() -> Iterator[str]:
    """Start an S3 server with one empty bucket on a free port; yields its URL.

    It is a process of its own: within one process, all of moto's servers hold the same objects.
    """
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}"
        while not _answers(port):
            assert server.poll() is None, "the S3 server did not start"
            time.sleep(0.05)
        bucket(url).create()
        yield url
    finally:
        server.terminate()
        server.wait()


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


def bucket(url: str) -> Any:
    """Return boto3's view of the bucket."""
    import boto3

    keys = {name.lower(): value for name, value in KEYS.items()}
    return boto3.resource("s3", endpoint_url=url, region_name="us-east-1", **keys).Bucket(BUCKET)
