"""Partitions computed on a Dask cluster of two workers: the same rows, also when a worker dies."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest

from features import FeatureView, OtherVersion, RunnerError, build_view, dask_executor, drop_version, latest
from features import executors as room
from features.executors import compute_partition
from features.metadata import Metadata
from features.poster import Poster
from features.tags import Tags
from features.text import Text
from features.weights import minilm_directory
from features.words import Words
from tests.features.conftest import Core
from tests.features.test_poster import drawn, kept
from tests.features.test_store import Shout, words
from warehouse import Location, Warehouse

MOVIES = 14


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    distributed = pytest.importorskip("distributed", reason="reelhouse[dask] is not installed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, silence_logs=50
    ) as cluster:
        yield cluster.scheduler_address


class Deadly(Shout):
    """Kills the process that first computes movie 5."""

    def __init__(self, witness: Path) -> None:
        super().__init__(partition_rows=2)
        self.witness = witness

    def compute(self, inputs: pa.Table) -> pa.Table:
        if 5 in inputs["movie_id"].to_pylist() and not self.witness.exists():
            self.witness.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().compute(inputs)


def put(core: Core, posters: Path, movies: range) -> None:
    """Movies with every modality, as ever the same for the same numbers."""
    overview = "A thief falls in love with a clock. "
    core.movies(
        *(
            {"movie_id": i, "title": f"Film {i}", "year": 1980 + i, "overview": overview * (1 + i % 5)}
            for i in movies
        )
    )
    for i in movies:
        core.rows("movie_tags", i, {"tag": f"Zombies {i}", "n_users": i + 1}, {"tag": "heist", "n_users": 1})
        core.rows("posters", i, {"tmdb_id": i, "sha256": kept(posters, drawn(i)), "format": "JPEG"})


def made(posters: Path) -> list[FeatureView]:
    views: list[FeatureView] = [Metadata(), Tags(), Words(), Poster("statistics", posters)]
    return [*views, Text()] if minilm_directory() else views


def values(wh: Warehouse, view: FeatureView) -> list[pa.ChunkedArray]:
    rows = latest(wh, view)
    assert rows.num_rows == MOVIES
    return [rows[name] for name in ("movie_id", "input_hash", *(column.name for column in view.columns))]


@pytest.mark.slow
@pytest.mark.cluster
def test_a_row_is_the_same_in_one_process_on_dask_in_any_order_and_incrementally(
    wh: Warehouse, core: Core, scheduler: str, tmp_path: Path
) -> None:
    put(core, tmp_path, range(MOVIES))
    with (
        dask_executor(scheduler) as cluster,
        Warehouse.open(Location.under(tmp_path / "other"), clock=wh.clock) as other,
    ):
        put(Core(other), tmp_path, range(MOVIES - 1, 4, -1))
        for view in made(tmp_path):
            assert build_view(wh, view).computed == MOVIES
            here = values(wh, view)
            drop_version(wh, view, view.version)
            view.partition_rows = 3
            assert build_view(wh, view, executor=cluster).computed == MOVIES
            assert values(wh, view) == here, f"{view} differs on Dask"
            assert build_view(other, view, executor=cluster).computed == MOVIES - 5
        put(Core(other), tmp_path, range(5))
        for view in made(tmp_path):
            assert build_view(other, view).computed == 5
            assert values(other, view) == values(wh, view), f"{view} differs when built incrementally"


@pytest.mark.slow
@pytest.mark.cluster
def test_a_worker_that_dies_costs_no_row(wh: Warehouse, core: Core, scheduler: str, tmp_path: Path) -> None:
    core.movies(*words(*"abcdefghijkl"))
    view = Deadly(tmp_path / "witness")
    with dask_executor(scheduler) as cluster:
        result = build_view(wh, view, executor=cluster)
    assert int(view.witness.read_text()) != os.getpid()
    assert (result.computed, result.failed) == (12, 0)
    assert latest(wh, view)["loud"].to_pylist() == list("ABCDEFGHIJKL")
    assert wh.scalar("SELECT count(*) FROM features.shout") == 12


def test_a_process_with_other_files_refuses_the_view(tmp_path: Path) -> None:
    inputs = pa.table({"movie_id": [1], "overview": ["a"]})
    assert compute_partition(Shout(), Shout().version, inputs)["loud"].to_pylist() == ["A"]
    room._kept = None
    with pytest.raises(OtherVersion, match=f"version 0123, but .* it is {Shout().version}"):
        compute_partition(Shout(), "0123", inputs)
    view = Poster("statistics", tmp_path / "nowhere")
    with pytest.raises(OtherVersion, match=r"has no poster store at .*nowhere"):
        compute_partition(view, view.version, inputs)


def test_an_encoder_is_kept_for_the_next_partition_of_the_process() -> None:
    class Counts(Shout):
        made: ClassVar[list[Any]] = []

        def require(self, version: str) -> None:
            self.made.append(version)
            super().require(version)

    inputs = pa.table({"movie_id": [1], "overview": ["a"]})
    for _ in range(3):
        compute_partition(Counts(), Counts().version, inputs)
    assert len(Counts.made) == 1
    compute_partition(Counts(refuse=[1]), Counts().version, inputs)
    assert len(Counts.made) == 2


def test_a_light_view_is_sent_nowhere(wh: Warehouse, core: Core) -> None:
    class Refuses:
        def submit(self, *_: Any) -> None:
            raise AssertionError("was sent a partition")

    core.movies({"movie_id": 1, "year": 1999}, {"movie_id": 2, "year": 2000})
    assert build_view(wh, Metadata(), executor=Refuses()).computed == 2  # type: ignore[arg-type]


def test_no_dask_is_one_line_with_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "find_spec", lambda name: None)
    with pytest.raises(RunnerError, match=r"'reelhouse\[dask\]'.*REELHOUSE_RUNNER=threads") as error:
        dask_executor("tcp://127.0.0.1:1").__enter__()
    assert "\n" not in str(error.value)


@pytest.mark.cluster
def test_no_scheduler_is_one_line_with_the_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="reelhouse[dask] is not installed")
    monkeypatch.setattr(room, "CONNECT_SECONDS", 0.5)
    with pytest.raises(RunnerError, match=r"at tcp://127.0.0.1:1 .*REELHOUSE_DASK_SCHEDULER") as error:
        dask_executor("tcp://127.0.0.1:1").__enter__()
    assert "\n" not in str(error.value)
