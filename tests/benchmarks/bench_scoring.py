"""Scoring many movies with all five models from stored features.

    python -m tests.benchmarks.bench_scoring [--movies 1000000] [--loop 200] [--plain 50000]

Trains the models on a made-up lake, puts features of that many movies into the store (embeddings of the width
that real encoders give), and scores them in a process of its own. Prints movies per second, by clock and by
processor time, and that process's peak resident memory; then, for the same models, a loop that looks up,
predicts and writes movie by movie, and plain `predict` calls on features that lie in memory already, writing
nothing.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

from features import FeatureView, build_view, latest
from features.metadata import Metadata
from features.tags import Tags
from features.view import vector_column
from features.words import Words
from models import ModelSettings, champion, score, train
from models.dataset import rows_of, views_of
from models.modalities.modality import MODALITIES
from models.predictors.apply import load_model, probabilities_of
from tests.models.conftest import Catalogue, Clock, Counted
from warehouse import Location, Warehouse

WIDTHS = {"text": 384, "poster": 1280}
SHARES = {"metadata": 1.0, "tags": 0.5, "text": 0.8, "words": 0.8, "poster": 0.6}
"""The share of movies that have each view's row; a movie that has `text` has `words`."""
CHUNK = 50_000
LIMIT_GB = 4.0


class Wide(Counted):
    """Word counts over and over up to the width of a real embedding, with a movie's own noise."""

    def compute(self, inputs: pa.Table) -> pa.Table:
        counts = np.stack(super().compute(inputs)["embedding"].to_numpy(zero_copy_only=False))
        width = WIDTHS[self.name]
        repeated = np.tile(counts, (1, -(-width // counts.shape[1])))[:, :width]
        noise = np.random.default_rng(len(counts)).normal(0, 0.5, repeated.shape)
        vectors = vector_column((repeated + noise).astype(np.float32))
        return pa.table({"movie_id": inputs["movie_id"], "embedding": vectors})


def made_views() -> dict[str, FeatureView]:
    """All views that the models read, as wide as real ones."""
    wide = {name: Wide(name, column) for name, column in (("text", "overview"), ("poster", "tagline"))}
    return {"metadata": Metadata(), "tags": Tags(), **wide, "words": Words()}


def settings_of(home: Path) -> ModelSettings:
    """The settings of the measured process and of the others."""
    return ModelSettings(model_dir=home / "models", folds=2, resamples=50)


def prepare(home: Path, movies: int) -> None:
    """A lake with trained champions and the stored features of `movies` movies."""
    views = made_views()
    with Warehouse.open(Location.under(home), clock=Clock()) as warehouse:
        Catalogue(warehouse).fill(900)
        for view in views.values():
            build_view(warehouse, view)
        train(warehouse, settings_of(home), views, label_set="movielens")
        models = {name: latest(warehouse, view) for name, view in views.items()}
        core = warehouse.query("SELECT * FROM core.movies ORDER BY movie_id LIMIT 1")
        for start in range(10_000, 10_000 + movies, CHUNK):
            ids = np.arange(start, min(start + CHUNK, 10_000 + movies))
            _append(warehouse, ids, core, models, views)


def _append(
    warehouse: Warehouse,
    ids: np.ndarray,
    core: pa.Table,
    models: dict[str, pa.Table],
    views: dict[str, FeatureView],
) -> None:
    rng = np.random.default_rng(int(ids[0]))
    rows = core.take(pa.array(np.zeros(len(ids), np.int64)))
    rows = _put(rows, "movie_id", pa.array(ids))
    rows = _put(rows, "imdb_id", pa.array([f"tt{i:08}" for i in ids]))
    with warehouse.transaction() as tx:
        tx.append("core.movies", _put(rows, "split_key", rows["imdb_id"]))
        for name, model in models.items():
            own = ids[(ids * 2654435761 % 1000) < 1000 * SHARES[name]]
            part = model.take(pa.array(rng.integers(0, model.num_rows, len(own))))
            part = _put(part, "movie_id", pa.array(own))
            part = _put(part, "input_hash", pa.array([f"{name}{i:027}" for i in own]))
            if name in WIDTHS:
                vectors = rng.normal(0, 1, (len(own), WIDTHS[name])).astype(np.float32)
                part = _put(part, "embedding", vector_column(vectors))
            constants = {"view_version": views[name].version, "present": True}
            tx.append(f"features.{name}", part, constants=constants)


def _put(table: pa.Table, name: str, column: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, column)


def measured(home: Path) -> None:
    """What the process of its own does: score everything, and say what it took."""
    with Warehouse.open(Location.under(home), clock=Clock()) as warehouse:
        began, cpu = time.perf_counter(), time.process_time()
        report = score(warehouse, settings_of(home), made_views(), label_set="movielens")
        seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(report.scored, report.per_model["combined"], seconds, cpu, peak)


def one_by_one(home: Path, movies: int) -> tuple[float, float]:
    """Movies per second, of the clock and of processor time, of a loop over single movies: features,
    predictions, rows."""
    with Warehouse.open(Location.under(home), clock=Clock()) as warehouse:
        views, settings = made_views(), settings_of(home)
        models = {name: load_model(settings, _entry(warehouse, name)) for name in (*MODALITIES, "combined")}
        began, cpu = time.perf_counter(), time.process_time()
        for movie_id in range(10_000, 10_000 + movies):
            ids = np.array([movie_id])
            tables = {name: rows_of(warehouse, views, views_of(name, views), ids) for name in MODALITIES}
            said = {name: probabilities_of(model, ids, tables) for name, model in models.items()}
            rows = [(name, i, p) for name, each in said.items() for i, p in enumerate(each[0])]
            with warehouse.transaction() as tx:
                tx.register("said", pa.table({"p": [p for *_, p in rows]}))
                tx.query("SELECT sum(p) FROM said")  # written nowhere: the loop is flattered
        return movies / (time.perf_counter() - began), movies / (time.process_time() - cpu)


def plain(home: Path, movies: int) -> tuple[float, float]:
    """Movies per second, of the clock and of processor time, of plain calls on features in memory: nothing
    read, checked or written."""
    with Warehouse.open(Location.under(home), clock=Clock()) as warehouse:
        views, settings = made_views(), settings_of(home)
        models = {name: load_model(settings, _entry(warehouse, name)) for name in (*MODALITIES, "combined")}
        ids = np.arange(10_000, 10_000 + movies)
        tables = {name: rows_of(warehouse, views, views_of(name, views), ids) for name in MODALITIES}
    began, cpu = time.perf_counter(), time.process_time()
    for model in models.values():
        probabilities_of(model, ids, tables)
    return movies / (time.perf_counter() - began), movies / (time.process_time() - cpu)


def _entry(warehouse: Warehouse, name: str):  # type: ignore[no-untyped-def]
    entry = champion(warehouse, "movielens", name)
    assert entry is not None, f"{name} was not good enough to become champion"
    return entry


def main() -> None:
    """Prepare, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movies", type=int, default=1_000_000)
    parser.add_argument("--loop", type=int, default=200, help="Movies of the row-by-row loop.")
    parser.add_argument("--plain", type=int, default=50_000, help="Movies of the plain calls.")
    parser.add_argument("--measured", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.measured:
        measured(given.measured)
        return
    with tempfile.TemporaryDirectory() as directory:
        home = Path(directory)
        began = time.perf_counter()
        prepare(home, given.movies)
        print(f"prepared {given.movies:,} movies in {time.perf_counter() - began:.0f} s", flush=True)
        command = [sys.executable, "-m", "tests.benchmarks.bench_scoring", "--measured", str(home)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        pairs, movies = int(told[0]), int(told[1])
        seconds, cpu, peak = (float(number) for number in told[2:])
        ours, ours_cpu = movies / seconds, movies / cpu
        took = (
            f"{movies:,} movies, {pairs:,} opinions of five models, {seconds:.0f} s, of processor {cpu:.0f}"
        )
        _say("ours", ours, ours_cpu, took)
        held = f"{'under' if peak < LIMIT_GB else 'OVER'} {LIMIT_GB:g}"
        print(f"peak memory    {peak:10.2f} GB  ({held})", flush=True)
        loop, loop_cpu = one_by_one(home, given.loop)
        ratio = f"ours is {ours / loop:,.0f} times as fast, {ours_cpu / loop_cpu:,.0f} by processor time"
        _say("row by row", loop, loop_cpu, ratio)
        bare, bare_cpu = plain(home, min(given.plain, given.movies))
        share = f"{ours / bare:.2f} of it, {ours_cpu / bare_cpu:.2f} by processor time"
        _say("plain predict", bare, bare_cpu, f"ours, with reading and writing, is {share}")


def _say(what: str, pace: float, pace_cpu: float, about: str) -> None:
    """A line; processor time, unlike the clock's, says the same on a busy machine."""
    print(f"{what:<15}{pace:10,.1f} movies/s  {pace_cpu:10,.1f} per s of processor  ({about})", flush=True)


if __name__ == "__main__":
    main()
