"""An invented lake: movies, genres, posters, models and scores, written as the rooms would write them."""

import hashlib
import io
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from flows.settings import Settings, load_settings
from models.files import directory_sha256, write_tensors
from warehouse import Location, Warehouse

GENRES = ("Action", "Comedy", "Drama", "Western")
START = datetime(2026, 11, 20, 2, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
TIMES = {name: TIME for name in ("event_time", "known_time", "created_at", "promoted_at", "scored_at")}


def table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    names = list(dict.fromkeys(name for row in rows for name in row))
    return pa.table({name: pa.array([row.get(name) for row in rows], TIMES.get(name)) for name in names})


class Lake:
    """A lake under a home; its clock stands at `now`."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.now = START
        self.warehouse = Warehouse.open(Location.under(home), clock=lambda: self.now)

    def settings(self) -> Settings:
        return load_settings(home=self.home, label_sets=("movielens",))

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)

    def append(self, name: str, rows: Sequence[Mapping[str, Any]]) -> None:
        with self.warehouse.transaction() as tx:
            tx.append(name, table(rows))

    def run(self, note: str | None = None, **counts: int) -> str:
        """A night of one step, an hour long."""
        run_id = self.warehouse.start_run("nightly", {})
        with self.warehouse.step(run_id, "conform") as step:
            step.note = note
            step.counts.update(counts)
            self.turn(hours=1)
        self.warehouse.finish_run(run_id, "completed")
        return run_id

    def movies(self, titles: Sequence[str], *, first: int = 1, **values: Any) -> None:
        """Movies with these titles, numbered on from `first`; every bucket in turn."""
        self.append(
            "core.movies",
            [
                {
                    "movie_id": i,
                    "imdb_id": f"tt{i:07}",
                    "tmdb_id": i,
                    "movielens_id": i,
                    "title": title,
                    "year": 1980 + i % 40,
                    "original_language": ("en", "fr", "ja")[i % 3],
                    "overview": f"What happens in {i}.",
                    "split_key": f"tt{i:07}",
                    "bucket": i % 3 if i % 2 else 2 + i % 8,
                    "event_time": self.now,
                    "known_time": self.now,
                    "row_hash": str(i),
                    **values,
                }
                for i, title in enumerate(titles, first)
            ],
        )

    def genres(self, given: Mapping[int, Sequence[str]], source: str = "movielens") -> None:
        self.append(
            "core.movie_genres",
            [{"movie_id": i, "source": source, "genre": g} for i, names in given.items() for g in names],
        )

    def posters(self, movie_ids: Sequence[int]) -> None:
        """A plain poster for each movie, in the store and in `core.posters`."""
        rows = []
        for i in movie_ids:
            out = io.BytesIO()
            Image.new("RGB", (185, 278), (i * 37 % 256, i * 91 % 256, i * 17 % 256)).save(out, "JPEG")
            content = out.getvalue()
            sha256 = hashlib.sha256(content).hexdigest()
            path = self.home / "posters" / sha256[:2] / f"{sha256}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            rows.append({"movie_id": i, "tmdb_id": i, "poster_path": f"/{i}.jpg", "sha256": sha256,
                         "width": 185, "height": 278, "format": "JPEG", "bytes": len(content)})  # fmt: skip
        self.append("core.posters", rows)

    def champion(
        self,
        model: str,
        metrics: Mapping[str, Any],
        label_set: str = "movielens",
        thresholds: Mapping[str, float] | None = None,
    ) -> None:
        self.append(
            "ops.models",
            [
                {
                    "label_set": label_set,
                    "model": model,
                    "model_version": f"{model[:4]}0001",
                    "stage": "champion",
                    "created_at": self.now,
                    "promoted_at": self.now,
                    "reason": "first model",
                    "metrics": json.dumps(metrics),
                    "thresholds": json.dumps(thresholds or {}),
                    "artefact_path": f"{label_set}/{model}",
                    "artefact_sha256": self.artefact(label_set, model),
                }
            ],
        )

    def artefact(self, label_set: str, model: str) -> str:
        """The hash of the files that lie where a model's artefact would; empty where there are none."""
        directory = self.home / "models" / label_set / model
        return directory_sha256(directory) if directory.is_dir() else ""

    def honest(
        self, label_set: str, model: str, movie_ids: Sequence[int], p: Sequence[Sequence[float]]
    ) -> None:
        """What a model said of movies that it had not seen, as its artefact keeps it; before `champion`."""
        directory = self.home / "models" / label_set / model
        directory.mkdir(parents=True)
        tensors = {"movie_ids": np.array(movie_ids), "probabilities": np.array(p, np.float32)}
        write_tensors(directory / "honest.safetensors", tensors)

    def scores(
        self,
        model: str,
        probabilities: Mapping[int, Sequence[float]],
        genres: Sequence[str] = GENRES,
        label_set: str = "movielens",
    ) -> None:
        self.append(
            "predictions.scores",
            [
                {
                    "movie_id": i,
                    "label_set": label_set,
                    "model": model,
                    "model_version": f"{model[:4]}0001",
                    "genre": genre,
                    "probability": float(p),
                    "threshold": 0.5,
                    "predicted": bool(p >= 0.5),
                    "scored_at": self.now,
                }
                for i, row in probabilities.items()
                for genre, p in zip(genres, row, strict=True)
            ],
        )


METRICS = {
    "n": 12, "auc": 0.81, "micro_f1": 0.6, "macro_f1": 0.5, "samples_f1": 0.55, "jaccard": 0.4,
    "exact_match": 0.25, "map": 0.62, "ece": 0.07,
    "described": {"n": 10, "auc": 0.79, "micro_f1": 0.58, "ece": 0.08},
    "curve": [
        {"epoch": 1.0, "training_loss": 0.7, "validation_loss": 0.72},
        {"epoch": 2.0, "training_loss": 0.5, "validation_loss": 0.6},
    ],
}  # fmt: skip


def fill(lake: Lake, titles: Sequence[str], genres: Sequence[str] = GENRES) -> None:
    """Sixty movies, of which no test movie has the last genre, two models, and two nights."""
    names = [titles[i] if i < len(titles) else f"Movie {i}" for i in range(60)]
    lake.movies(names)
    given = {i: [genres[i // 3 % 3], *([genres[2]] if i % 5 == 0 else [])] for i in range(1, 61)}
    given |= {i: [genres[3]] for i in (8, 16)}  # even numbers are training movies
    lake.genres({i: sorted(set(names)) for i, names in given.items()})
    lake.posters(range(1, 40))
    random = np.random.default_rng(3)
    said = {
        i: [float(np.clip(0.3 + 0.35 * (g in given[i]) + random.normal(0, 0.15), 0.01, 0.99)) for g in genres]
        for i in range(1, 61)
    }
    lake.champion("combined", METRICS)
    lake.champion("poster", {})
    lake.scores("combined", said, genres)
    lake.scores("poster", said, genres)
    lake.run(added=60, note="first night")
