"""`reelhouse features` on a Dask cluster, as a person runs it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from features import latest
from features.tags import Tags
from tests.features.conftest import Core
from warehouse import Location, Warehouse


def reelhouse(home: Path, *arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REELHOUSE_")}
    environment = {**kept, "REELHOUSE_HOME": str(home), "REELHOUSE_CONFIG": os.devnull, **settings}
    return subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def tagged(home: Path) -> None:
    with Warehouse.open(Location.under(home)) as wh:
        core = Core(wh)
        core.movies(*({"movie_id": i} for i in range(1, 6)))
        for i in range(1, 6):
            core.rows("movie_tags", i, {"tag": f"Zombies {i}", "n_users": i})


def computed_there(dask_scheduler: Any) -> list[str]:
    return sorted(dask_scheduler.task_prefixes)


@pytest.mark.slow
@pytest.mark.cluster
def test_features_are_computed_by_the_workers_and_committed_here(tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed", reason="reelhouse[dask] is not installed")
    tagged(tmp_path)
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as cluster:
        settings = {"REELHOUSE_RUNNER": "dask", "REELHOUSE_DASK_SCHEDULER": cluster.scheduler_address}
        done = reelhouse(tmp_path, "features", "tags", **settings)
        assert done.returncode == 0, done.stderr
        with distributed.Client(cluster, set_as_default=False) as client:
            assert client.run_on_scheduler(computed_there) == ["compute_partition"]
    with Warehouse.open(Location.under(tmp_path), read_only=True) as wh:
        assert latest(wh, Tags())["tags"].to_pylist() == [[f"zombies {i}"] for i in range(1, 6)]


@pytest.mark.slow
@pytest.mark.cluster
def test_a_scheduler_that_does_not_answer_is_one_line(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="reelhouse[dask] is not installed")
    tagged(tmp_path)
    settings = {"REELHOUSE_RUNNER": "dask", "REELHOUSE_DASK_SCHEDULER": "tcp://127.0.0.1:9"}
    done = reelhouse(tmp_path, "features", "tags", **settings)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "no Dask scheduler answers at tcp://127.0.0.1:9" in done.stdout + done.stderr
