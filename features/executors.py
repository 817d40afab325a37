"""Where partitions are computed: in this process, in others, or on a Dask cluster.

Only the process that builds reads and writes the lake. It sends a partition's inputs to whoever computes, and
commits what comes back, in order; so the rows are the same wherever they were computed, and a worker needs
the code and the encoder's files, but neither the lake nor its keys.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Any, TypeVar

import pyarrow as pa

from features.errors import RunnerError
from features.view import FeatureView

Request = TypeVar("Request")
Result = TypeVar("Result")

CONNECT_SECONDS = 10
AHEAD = 4
"""Partitions that an executor is given at a time: bounds what is held here."""

_ONE_AT_A_TIME = Lock()
_kept: tuple[str, FeatureView] | None = None  # the last request, and its view with the encoder


def compute_partition(view: FeatureView, version: str, inputs: pa.Table) -> pa.Table:
    """Compute the view's rows for one partition, in a process that was sent the view.

    The encoder stays loaded for the next partition. A view spreads its work over the cores by itself, so that
    threads of one process take turns. Raises FeatureError where this process would compute another version:
    its code or its encoder's files differ from those of the process that builds.
    """
    global _kept
    with _ONE_AT_A_TIME:
        request = f"{type(view)} {version} {view.__getstate__()}"
        if _kept is None or _kept[0] != request:
            view.require(version)
            _kept = request, view
        return _kept[1].compute(inputs)


def in_order(submitted: Iterable[tuple[Request, "Future[Result]"]]) -> Iterator[tuple[Request, Result]]:
    """Yield (request, result) pairs in submission order; about `AHEAD` are under way at a time."""
    ahead: deque[tuple[Request, Future[Result]]] = deque()
    for each in submitted:
        ahead.append(each)
        if len(ahead) > AHEAD:
            request, future = ahead.popleft()
            yield request, future.result()
    for request, future in ahead:
        yield request, future.result()


@contextmanager
def dask_executor(scheduler: str) -> Iterator[Executor]:
    """Yield an executor on the Dask cluster of the scheduler at an address like ``tcp://127.0.0.1:8786``.

    A partition whose worker dies is computed by another one. Raises RunnerError, in one line, where Dask is
    not installed or no scheduler answers.
    """
    if find_spec("distributed") is None:
        raise RunnerError(
            "computing on Dask needs the extra `dask`: pip install 'reelhouse[dask]', "
            "or set REELHOUSE_RUNNER=threads"
        )
    dask: Any = import_module("dask")
    distributed: Any = import_module("distributed")
    # A partition travels inside its task, through the scheduler: there it outlives the workers.
    quiet = {"distributed.admin.large-graph-warning-threshold": "1GB"}
    with dask.config.set(quiet):
        try:
            client = distributed.Client(scheduler, timeout=CONNECT_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            reason = str(error).strip().partition("\n")[0] or type(error).__name__
            raise RunnerError(
                f"no Dask scheduler answers at {scheduler} ({reason}): start one with `dask scheduler`, "
                "correct REELHOUSE_DASK_SCHEDULER, or set REELHOUSE_RUNNER=threads"
            ) from None
        with client:
            yield client.get_executor(pure=False)
