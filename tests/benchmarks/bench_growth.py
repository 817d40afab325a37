"""What a million and ten million movies would take, computed from what a first night measured.

    python -m tests.benchmarks.bench_growth HOME [--movies 1000000 10000000] [--posters 0.75]

Reads the ledger and the file sizes of a home whose first night was a load (`bench_nightly --keep HOME` and
`bench_backfill --home HOME --load-only` leave one). Every step's time per row of that night is taken for
constant, which holds for what works in batches, and requests go at the rates of the settings. It prints, per
movie and for each number of movies with every modality: time per step, data files, and the memory of the
steps that hold all movies at once; and which of them is the first limit.
"""

import argparse
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from features import latest
from flows.engine.context import feature_views
from flows.settings import Settings, load_settings
from models.dataset import views_of
from models.modalities.modality import MODALITIES
from warehouse import Location, Warehouse

STEPS = """
SELECT step, epoch(ended_at - started_at) AS seconds, rows_out, counts FROM ops.steps
WHERE run_id = (SELECT arg_min(run_id, started_at) FROM ops.runs WHERE flow = 'nightly') ORDER BY started_at
"""
FILES = """
SELECT s.schema_name AS layer, sum(t.file_size_bytes) AS bytes
FROM ducklake_table_info('lake') AS t JOIN (
    SELECT DISTINCT table_schema AS schema_name, table_name FROM information_schema.tables
    WHERE table_catalog = 'lake'
) AS s USING (table_name) GROUP BY ALL ORDER BY ALL
"""
HELD = """
SELECT (SELECT count(*) FROM core.movies) AS core,
       (SELECT count(*) FROM predictions.scores) AS scores,
       (SELECT count(*) FROM raw.tmdb_movies) AS raw,
       (SELECT avg(bytes) FROM ops.poster_files WHERE state = 'stored') AS poster,
       (SELECT count(*) FROM ops.models WHERE stage = 'champion') AS champions
"""
POSTER_VIEWS = ("poster", "texture")
GB = 1e9


@dataclass(frozen=True)
class Cost:
    """What a step takes for each movie that it is about, and the share of movies that it is about."""

    step: str
    seconds: float
    share: float = 1.0
    source: str = "measured"

    def hours(self, movies: int) -> float:
        """For that many movies, alone and on this machine."""
        return self.seconds * self.share * movies / 3600


def costs(warehouse: Warehouse, settings: Settings, posters: float) -> list[Cost]:
    """Every step of a first night: requests at the allowed rates, all else as it was measured."""
    measured = warehouse.query(STEPS).to_pylist()
    rate = f"{settings.tmdb_requests_per_second:g}/s allowed"
    images = f"{settings.image_requests_per_second:g}/s allowed"
    found = [
        Cost("details requests", 1 / settings.tmdb_requests_per_second, 1.0, rate),
        Cost("poster requests", 1 / settings.image_requests_per_second, posters, images),
    ]
    for row in measured:
        counts = json.loads(row["counts"]) if isinstance(row["counts"], str) else row["counts"]
        name, rows = row["step"], row["rows_out"]
        if not rows or name.startswith(("ingest", "conform posters", "quality", "upkeep")):
            continue
        if name.startswith("train"):
            found.append(Cost(name, row["seconds"] / _labelled(warehouse, name.split()[1])))
        elif name.startswith("score"):
            found.append(Cost(name, row["seconds"] / counts["scored"] * len((*MODALITIES, "combined"))))
        else:
            shares = posters if name.split()[-1] in POSTER_VIEWS else 1.0
            found.append(Cost(name, row["seconds"] / rows, shares))
    return found


def _labelled(warehouse: Warehouse, source: str) -> int:
    asked = "SELECT count(DISTINCT movie_id) FROM core.movie_genres WHERE source = $source"
    return int(warehouse.scalar(asked, {"source": source}))


def storage(warehouse: Warehouse, posters: float) -> dict[str, float]:
    """Bytes per movie: Parquet of raw, core and scores, features of every view, and the poster's file."""
    held = warehouse.query(HELD).to_pylist()[0]
    files = {row["layer"]: float(row["bytes"]) for row in warehouse.query(FILES).to_pylist()}
    per_movie = {
        "raw": files["raw"] / held["core"],
        "core": files["core"] / held["core"],
        "posters": float(held["poster"] or 0) * posters,
    }
    genres = held["scores"] / max(1, _pairs(warehouse))
    per_movie["predictions"] = files["predictions"] / held["scores"] * genres * held["champions"]
    return per_movie


def _pairs(warehouse: Warehouse) -> int:
    asked = "SELECT count(*) FROM (SELECT DISTINCT movie_id, label_set, model FROM predictions.scores)"
    return int(warehouse.scalar(asked))


def in_training(warehouse: Warehouse, settings: Settings) -> dict[str, float]:
    """Bytes per movie of each view's rows in memory, as training holds them all at once."""
    views = feature_views(settings)
    names = {name for modality in MODALITIES for name in views_of(modality, views)}
    found = {}
    for name in sorted(names):
        rows = latest(warehouse, views[name])
        if rows.num_rows:
            found[name] = rows.nbytes / rows.num_rows
    return found


def main() -> None:
    """Print the three tables and the first limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("home", type=Path)
    parser.add_argument("--movies", type=int, nargs="+", default=[1_000_000, 10_000_000])
    parser.add_argument("--posters", type=float, default=0.75, help="share of movies with a poster")
    parser.add_argument("--poster-encoder", default="statistics")
    arguments = parser.parse_args()
    settings = load_settings(home=arguments.home, poster_encoder=arguments.poster_encoder)
    with Warehouse.open(Location.under(arguments.home), read_only=True) as warehouse:
        spent = costs(warehouse, settings, arguments.posters)
        stored = storage(warehouse, arguments.posters)
        held = in_training(warehouse, settings)
    stored["features"] = sum(
        size * (arguments.posters if name in POSTER_VIEWS else 1.0) for name, size in held.items()
    )
    heading = "".join(f"{movies:>16,}" for movies in arguments.movies)
    print(f"{'hours per step':<28}{'per movie':>12}{heading}")
    for cost in spent:
        hours = "".join(f"{cost.hours(movies):>14.1f} h" for movies in arguments.movies)
        print(f"{cost.step:<28}{cost.seconds * 1000:>9.2f} ms{hours}  {cost.source}")
    table("data files", stored, arguments.movies)
    table("training holds, at most", held, arguments.movies)
    slowest = max(spent, key=lambda cost: cost.hours(1))
    print(f"first limit in time: {slowest.step} ({slowest.source})")
    memory = sum(held.values())
    print(f"training of all movies with every modality fits {16e9 / memory:,.0f} of them in 16 GB")


def table(name: str, sizes: dict[str, float], movies: Iterable[int]) -> None:
    """Print bytes per movie, and gigabytes for so many movies."""
    print()
    for part, size in {**sizes, "together": sum(sizes.values())}.items():
        total = "".join(f"{size * number / GB:>13.1f} GB" for number in movies)
        print(f"{name + ': ' + part:<38}{size:>9.0f} B{total}")


if __name__ == "__main__":
    main()
