"""A real lake with a few hundred made-up movies whose genres leave a trace in every modality."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest

from features import FeatureView, build_view
from features.metadata import Metadata
from features.tags import Tags
from features.view import vector_column
from features.words import Words
from models import ModelSettings, TrainReport, train
from warehouse import Column, Location, Warehouse

START = datetime(2024, 1, 1, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
GENRES = ("Action", "Comedy", "Drama", "Horror")
WORDS = {
    "Action": ("explosion", "chase", "gun"),
    "Comedy": ("prank", "wedding", "slapstick"),
    "Drama": ("grief", "illness", "betrayal"),
    "Horror": ("zombie", "haunted house", "slasher"),
}


class Clock:
    """A clock that stands still until it is turned."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def turn(self, **by: float) -> None:
        self.now += timedelta(**by)


class Counted(FeatureView):
    """A stand-in for an encoder: how often each listed word occurs in the overview, as a vector."""

    columns: ClassVar[tuple[Column, ...]] = (Column("embedding", "FLOAT[]", "Word counts."),)
    comment: ClassVar[str] = "Word counts."

    def __init__(self, name: str, column: str) -> None:
        self.name = name  # type: ignore[misc]
        self.column = column
        self.inputs = (  # type: ignore[misc]
            f"SELECT movie_id, {column} AS given FROM core.movies "  # noqa: S608 — a test's own constant
            f"SEMI JOIN wanted USING (movie_id) WHERE {column} IS NOT NULL"
        )

    def compute(self, inputs: pa.Table) -> pa.Table:
        words = [word for group in WORDS.values() for word in group]
        counts = [[text.count(word) for word in words] for text in inputs["given"].to_pylist()]
        vectors = np.array(counts, np.float32).reshape(inputs.num_rows, len(words))
        return pa.table({"movie_id": inputs["movie_id"], "embedding": vector_column(vectors)})


class Catalogue:
    """Writes made-up movies to `core`, as conforming would."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse

    def fill(self, n: int, *, first: int = 0, seed: int = 0) -> None:
        """Movies `first` to `first + n - 1`; movie i is in bucket i % 10. Some miss some modalities."""
        rng = np.random.default_rng(seed)
        now = self.warehouse.clock()
        movies: list[dict[str, Any]] = []
        genres: list[dict[str, Any]] = []
        keywords: list[dict[str, Any]] = []
        people: list[dict[str, Any]] = []
        for i in range(first, first + n):
            own = [GENRES[k] for k in rng.choice(4, size=rng.integers(1, 3), replace=False)]
            told = [str(rng.choice(WORDS[g])) for g in own if rng.random() < 0.8]
            noise = [str(rng.choice(WORDS[GENRES[rng.integers(4)]]))]
            movies.append(
                {
                    "movie_id": i,
                    "title": f"Movie {i}",
                    "imdb_id": f"tt{i:07}",
                    "original_language": "en",
                    "year": int(1980 + 10 * GENRES.index(own[0]) + rng.integers(0, 15)),
                    "overview": " ".join(told + noise) if i % 11 else None,
                    "tagline": " ".join(told[:1] + noise) if i % 3 == 0 else None,
                    "split_key": f"tt{i:07}",
                    "bucket": i % 10,
                    "event_time": now,
                    "known_time": now,
                }
            )
            genres += [{"movie_id": i, "source": "movielens", "genre": g} for g in own if i % 7]
            genres += [{"movie_id": i, "source": "tmdb", "genre": g} for g in own if i % 2]
            if i % 4:
                words = sorted({str(rng.choice(WORDS[g])) for g in own} | set(noise))
                keywords += [{"movie_id": i, "keyword_id": abs(hash(w)) % 9999, "keyword": w} for w in words]
            person = f"nm{GENRES.index(own[0]) * 10 + int(rng.integers(0, 8)):07}"
            people.append(
                {
                    "movie_id": i,
                    "source": "imdb",
                    "person_id": person,
                    "name": person,
                    "job": "director",
                    "position": 0,
                }
            )
        with self.warehouse.transaction() as tx:
            tx.replace_keys("core.movies", _table(movies), ["movie_id"])
            for name, rows in (("genres", genres), ("keywords", keywords), ("people", people)):
                if not rows:
                    continue
                tx.replace_keys(f"core.movie_{name}", pa.Table.from_pylist(rows), ["movie_id"])

    def change(self, movie_id: int, **values: Any) -> None:
        """Change some columns of a movie, known from now on."""
        row = self.warehouse.query("SELECT * FROM core.movies WHERE movie_id = ?", [movie_id]).to_pylist()[0]
        now = self.warehouse.clock()
        row |= {"event_time": now, "known_time": now} | values
        with self.warehouse.transaction() as tx:
            tx.replace_keys("core.movies", _table([row]), ["movie_id"])


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    times = {name: TIME for name in ("event_time", "known_time", "deleted_at")}
    return pa.table({name: pa.array([row.get(name) for row in rows], times.get(name)) for name in rows[0]})


def made_views() -> dict[str, FeatureView]:
    """The four views; text and posters are encoded by counting words."""
    text, poster = Counted("text", "overview"), Counted("poster", "tagline")
    return {"metadata": Metadata(), "tags": Tags(), "text": text, "poster": poster}


def small_settings(directory: Path) -> ModelSettings:
    """Settings under which a few hundred movies are trained on in seconds."""
    return ModelSettings(model_dir=directory / "models", resamples=100, batch_rows=100, folds=2)


@dataclass(frozen=True)
class Trained:
    """A lake whose five champions are trained; for tests that change nothing."""

    warehouse: Warehouse
    settings: ModelSettings
    views: dict[str, FeatureView]
    reports: dict[str, TrainReport]
    clock: Clock


@pytest.fixture(scope="module")
def trained_lake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trained]:
    directory = tmp_path_factory.mktemp("trained")
    clock, settings = Clock(), small_settings(directory)
    views = {**made_views(), "words": Words()}
    with Warehouse.open(Location.under(directory / "home"), clock=clock) as warehouse:
        Catalogue(warehouse).fill(600)
        build_all(warehouse, views)
        reports = train(warehouse, settings, views, label_set="movielens", run_id="run")
        yield Trained(warehouse, settings, views, {r.model: r for r in reports}, clock)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def wh(tmp_path: Path, clock: Clock) -> Iterator[Warehouse]:
    with Warehouse.open(Location.under(tmp_path / "home"), clock=clock) as warehouse:
        yield warehouse


@pytest.fixture
def catalogue(wh: Warehouse) -> Catalogue:
    return Catalogue(wh)


@pytest.fixture
def views() -> dict[str, FeatureView]:
    return made_views()


@pytest.fixture
def settings(tmp_path: Path) -> ModelSettings:
    return small_settings(tmp_path)


def build_all(wh: Warehouse, views: Mapping[str, FeatureView]) -> None:
    """Bring all views up to date."""
    for view in views.values():
        build_view(wh, view)
