"""What ran: runs and their steps, each written when it happens, also when it fails."""

import json
import os
import re
import secrets
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol, TypeVar

import duckdb
import psutil

from warehouse.connection import process_runs
from warehouse.errors import Busy, WarehouseError
from warehouse.location import Location
from warehouse.migrations import code_version
from warehouse.transaction import Transaction

T = TypeVar("T")

PROCESS = secrets.token_hex(8)
"""Marks this process in ops.runs: the system gives a dead process's number again."""

_SECRET = re.compile(
    r"(?i)(api_key=|token=|password=|authorization\W{1,4}bearer\s+|bearer\s+(?=[^\s&'\"]{16}))[^\s&'\"]+"
)


STOPPED = "stopped by the user or the system"


def cause(error: BaseException) -> str:
    """Return what the ledger says of an exception that ended a step or a run.

    >>> cause(ValueError("no such file")), cause(KeyboardInterrupt())
    ('ValueError: no such file', 'stopped by the user or the system')
    """
    return f"{type(error).__name__}: {error}" if isinstance(error, Exception) else STOPPED


class Writer(Protocol):
    """What the ledger needs of a warehouse."""

    clock: Callable[[], datetime]

    @property
    def snapshot_id(self) -> int:
        """The lake's newest snapshot."""

    def commit(self, work: Callable[[Transaction], T]) -> T:
        """Return what `work` returns, after its transaction committed."""


def redacted(text: str) -> str:
    """Return a message of ours with what follows api_key=, token=, password= and Bearer replaced.

    After "Bearer" alone only what is long enough for a key: a title may have that word. Data never pass here.

    >>> redacted("GET /3/movie/5?api_key=abc&page=1")
    'GET /3/movie/5?api_key=***&page=1'
    """
    return _SECRET.sub(r"\1***", text)


@dataclass
class Step:
    """One step of a run while it works; what it sets is written to ops.steps at the end."""

    run_id: str
    name: str
    attempt: int
    rows_in: int | None = None
    rows_out: int | None = None
    counts: dict[str, int] = field(default_factory=dict)
    note: str | None = None
    """What there is to say of it beside the counts."""


def start_run(warehouse: Writer, flow: str, parameters: Mapping[str, Any] | None) -> str:
    """Write a running run and return its id; mark as crashed what dead processes left running."""
    run_id = f"{warehouse.clock():%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"

    def write(tx: Transaction) -> None:
        bury_dead(tx, warehouse)
        tx.execute(
            "INSERT INTO ops.runs "
            "(run_id, flow, state, started_at, code_version, parameters, host, pid, process) "
            "VALUES (?, ?, 'running', ?, ?, ?, ?, ?, ?)",
            [
                run_id,
                flow,
                warehouse.clock(),
                code_version(),
                json.dumps(dict(parameters or {}), default=str),
                socket.gethostname(),
                os.getpid(),
                PROCESS,
            ],
        )

    warehouse.commit(write)
    return run_id


def refuse_running(connection: duckdb.DuckDBPyConnection, location: Location) -> None:
    """Raise Busy where another process of this machine has a run under way in a lake that is to be migrated.

    It is of an earlier release, and would go on writing by the layout that it found.
    """
    try:
        running = connection.execute(
            "SELECT flow, pid, started_at FROM ops.runs WHERE state = 'running' AND host = ? "
            "ORDER BY started_at",
            [socket.gethostname()],
        ).fetchall()
    except (duckdb.CatalogException, duckdb.BinderException):  # a layout from before runs had processes
        return
    for flow, pid, started_at in running:
        if pid is not None and pid != os.getpid() and _ran_at(pid, started_at):
            raise Busy(
                f"a {flow} run of an earlier release is writing to {location} (process {pid}): wait for it "
                "to end, or stop it first; then this release changes the layout"
            )


def _ran_at(pid: int, time: datetime) -> bool:
    """Return whether a process runs, and ran at that time already: numbers are given again."""
    try:
        began = float(psutil.Process(pid).create_time())
    except psutil.Error:
        return False
    return began <= time.timestamp() + 1  # a second for what the two clocks differ


def bury_dead(tx: Transaction, warehouse: Writer) -> None:
    """Mark as crashed the runs of this machine whose process is gone, and their unfinished steps."""
    running = tx.query(
        "SELECT run_id, pid, process FROM ops.runs WHERE state = 'running' AND host = ?",
        [socket.gethostname()],
    ).to_pylist()
    dead = [row["run_id"] for row in running if not _alive(row["pid"], row["process"])]
    if dead:
        now = warehouse.clock()
        tx.execute(
            "UPDATE ops.runs SET state = 'crashed', ended_at = ?, error = 'its process ended without a word' "
            "WHERE list_contains(?, run_id)",
            [now, dead],
        )
        tx.execute(
            "UPDATE ops.steps SET state = 'crashed', ended_at = ? "
            "WHERE state = 'running' AND list_contains(?, run_id)",
            [now, dead],
        )


def _alive(pid: int | None, process: str | None) -> bool:
    if pid is None:
        return False
    if pid == os.getpid():
        return process == PROCESS
    return process_runs(pid)


def finish_run(warehouse: Writer, run_id: str, state: str, error: str | None) -> None:
    """Write how a run ended."""
    text = None if error is None else redacted(error)
    warehouse.commit(
        lambda tx: tx.execute(
            "UPDATE ops.runs SET state = ?, ended_at = ?, error = ? WHERE run_id = ?",
            [state, warehouse.clock(), text, run_id],
        )
    )


@contextmanager
def step(
    warehouse: Writer, run_id: str, kind: str, source: str | None, subject: str | None, name: str | None
) -> Iterator[Step]:
    """Write a running step, yield it, and write how it ended; an exception is written and raised again."""
    before = warehouse.snapshot_id
    name = name or " ".join(word for word in (kind, source, subject) if word)

    def begin(tx: Transaction) -> int:
        tried = tx.scalar("SELECT count(*) FROM ops.steps WHERE run_id = ? AND step = ?", [run_id, name])
        tx.execute(
            "INSERT INTO ops.steps "
            "(run_id, step, kind, source, subject, attempt, state, started_at, snapshot_before) "
            "VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?)",
            [run_id, name, kind, source, subject, tried + 1, warehouse.clock(), before],
        )
        return int(tried) + 1

    running = Step(run_id, name, warehouse.commit(begin))
    try:
        yield running
    except BaseException as error:
        # On a full disk this cannot be written either; the step's own error is the one to tell.
        with suppress(WarehouseError):
            _end(warehouse, running, "failed", redacted(cause(error)))
        raise
    _end(warehouse, running, "completed", None)


def _end(warehouse: Writer, done: Step, state: str, error: str | None) -> None:
    after = warehouse.snapshot_id
    warehouse.commit(
        lambda tx: tx.execute(
            "UPDATE ops.steps SET state = ?, ended_at = ?, rows_in = ?, rows_out = ?, counts = ?, note = ?, "
            "snapshot_after = ?, error = ? WHERE run_id = ? AND step = ? AND attempt = ?",
            [
                state,
                warehouse.clock(),
                done.rows_in,
                done.rows_out,
                json.dumps(done.counts),
                done.note,
                after,
                error,
                done.run_id,
                done.name,
                done.attempt,
            ],
        )
    )
