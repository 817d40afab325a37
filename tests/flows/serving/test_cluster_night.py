"""Whole nights over PostgreSQL and S3: on threads, and on a Dask cluster whose workers die."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from connectors.mirror import Mirror, SyntheticCatalogue, serve
from flows.engine.console import Reporter
from flows.engine.context import location
from flows.engine.run import run_steps
from flows.settings import Settings
from flows.steps.catalogue import nightly_steps
from tests import servers
from warehouse import Warehouse

MOVIES = 150
TIMES = "known_time, event_time"
TABLES = {
    **{
        f"core.{name}": ""
        for name in ("movie_genres", "movie_keywords", "movie_tags", "movie_people", "movie_companies",
                     "movie_countries", "movie_languages", "ratings", "posters")
    },
    "core.movies": f"{TIMES}, batch_id",
    **{f"features.{name}": TIMES for name in ("metadata", "tags", "text", "poster", "words")},
    "predictions.current": "run_id, snapshot_id, scored_at",
    "predictions.history": "run_id, snapshot_id, scored_at, superseded_at",
}  # fmt: skip
"""What two lakes must agree on, and the columns that say when and by which run."""


def settings_of(mirror: Mirror, postgres: servers.Postgres, home: Path, **more: Any) -> Settings:
    catalog = postgres.create()
    values: dict[str, Any] = {
        name.removeprefix("REELHOUSE_").lower(): value for name, value in mirror.env().items()
    }
    data = f"s3://{servers.BUCKET}/{catalog.rpartition('/')[2]}"
    return Settings(
        **values, home=home, catalog=SecretStr(catalog), data=data, label_sets=("movielens",), **more
    )


def night(settings: Settings) -> dict[str, dict[str, Any]]:
    outcome = run_steps(settings, "nightly", nightly_steps(settings), Reporter(quiet=True))
    assert not outcome.failures
    return {name: result.as_dict() for name, result in outcome.results.items()}


def content(settings: Settings) -> dict[str, list[dict[str, Any]]]:
    with Warehouse.open(location(settings), read_only=True) as warehouse:
        return {
            name: warehouse.query(
                f"SELECT * {f'EXCLUDE ({columns})' if columns else ''} FROM {name} ORDER BY ALL"  # noqa: S608
            ).to_pylist()
            for name, columns in TABLES.items()
        }


def under_way(dask_scheduler: Any) -> list[tuple[str, str]]:
    """The tasks that workers compute, and the workers' addresses; runs on the scheduler."""
    return [
        (state.prefix.name, address)
        for address, worker in dask_scheduler.workers.items()
        for state in worker.processing
    ]


@contextmanager
def killer(cluster: Any, distributed: Any) -> Iterator[dict[str, int]]:
    """Kill, of each kind of task, the process of the worker that is given the first one; yields their ids."""
    killed: dict[str, int] = {}
    over = threading.Event()

    def watch() -> None:
        with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
            while not over.wait(0.002):
                for kind, address in client.run_on_scheduler(under_way):
                    if kind in killed:
                        continue
                    for worker in cluster.workers.values():
                        if worker.worker_address == address:
                            killed[kind] = worker.pid
                            os.kill(worker.pid, signal.SIGKILL)

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield killed
    finally:
        over.set()
        watching.join()


@pytest.mark.slow
@pytest.mark.cluster
def test_nights_on_dask_equal_those_on_threads_also_when_workers_die(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed", reason="reelhouse[dask] is not installed")
    with (
        serve(SyntheticCatalogue(movies=MOVIES, seed=11)) as mirror,
        servers.postgres() as postgres,
        servers.s3() as s3,
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
        ) as cluster,
    ):
        for name, value in {**servers.KEYS, "AWS_ENDPOINT_URL": s3}.items():
            monkeypatch.setenv(name, value)
        threads = settings_of(mirror, postgres, tmp_path / "threads")
        dask = settings_of(
            mirror, postgres, tmp_path / "dask", runner="dask", dask_scheduler=cluster.scheduler_address
        )
        here, there = night(threads), night(dask)
        assert here["score movielens"] == there["score movielens"]
        assert here["score movielens"]["scored"] > MOVIES
        same(content(threads), content(dask))
        for _ in range(3):
            mirror.advance()
        here = night(threads)
        with killer(cluster, distributed) as killed:
            there = night(dask)
        assert set(killed) == {"compute_partition", "opinions_there"}
        assert here["features text"]["computed"] == there["features text"]["computed"] > 0
        same(content(threads), content(dask))


def same(expected: dict[str, list[dict[str, Any]]], found: dict[str, list[dict[str, Any]]]) -> None:
    for name, rows in expected.items():
        assert found[name] == rows, name
        assert rows or name == "predictions.history", name
