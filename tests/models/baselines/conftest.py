"""An invented lake whose genres can be learnt: from numbers, tags, overviews and the colour of the poster."""

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from models import split
from models.baselines.data import Data
from models.labels import MOVIELENS
from warehouse import Location, Warehouse

MOVIES = 260
START = datetime(2026, 1, 1, tzinfo=UTC)
STORIES = {
    "Comedy": ("a funny wedding where friends laugh and dance", (230, 200, 60), "hilarious"),
    "Horror": ("a ghost haunts the dark house and evil kills", (20, 20, 40), "creepy"),
    "Action": ("an agent fights a gang in a car chase with guns", (200, 40, 30), "explosions"),
    "Drama": ("a family mourns the loss of a mother in silence", (120, 110, 100), "slow"),
}
SHARED_SET = 0.3


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake and a poster store of invented movies."""
    directory = tmp_path_factory.mktemp("compared")
    with Warehouse.open(Location.under(directory)) as wh:
        _fill(wh, directory / "posters")
    return directory


@pytest.fixture
def wh(home: Path) -> Iterator[Warehouse]:
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        yield warehouse


@pytest.fixture
def data(wh: Warehouse, home: Path, seeds: Path) -> Data:
    return Data(wh, home / "posters", seeds, threads=1)


@pytest.fixture(scope="session")
def seeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Document D's files, invented: the first number tells the first genre."""
    directory = tmp_path_factory.mktemp("seeds") / "uvg"
    directory.mkdir()
    rng = np.random.default_rng(0)
    for name, genres in (("final_data", ("a", "b", "c", "d")), ("final_data_top_7_genres", ("a", "b"))):
        x = rng.normal(size=(400, 5))
        y = rng.random((400, len(genres))) < 0.3
        y[:, 0] = x[:, 0] > 0
        y[~y.any(axis=1), 1] = True
        head = "approval_index,movie_averagerating,production_budget,runtime_minutes,worldwide_gross,"
        lines = [
            ",".join([*(f"{v:.6f}" for v in a), *map(str, b.astype(int))]) for a, b in zip(x, y, strict=True)
        ]
        text = head + ",".join(genres) + "\n" + "\n".join(lines) + "\n"
        (directory / f"{name}.csv.gz").write_bytes(gzip.compress(text.encode()))
    return directory.parent


def _fill(wh: Warehouse, posters: Path) -> None:
    rng = np.random.default_rng(7)
    names = list(STORIES)
    movies, genres, tags, pictures = [], [], [], []
    for number in range(1, MOVIES + 1):
        first = names[int(rng.integers(4))]
        has = {first} | ({"Action"} if first == "Horror" and rng.random() < SHARED_SET else set())
        story, colour, tag = STORIES[first]
        words = story.split()
        kept = [words[i] for i in sorted(rng.choice(len(words), 6, replace=False))]
        key = f"tt{number:07}"
        movies.append(
            {
                "movie_id": number, "tmdb_id": number, "movielens_id": number, "imdb_id": key,
                "title": f"Movie {number}",
                "year": 1990 + number % 30, "original_language": "en" if number % 9 else None,
                "overview": " ".join(kept) if number % 11 else None,
                "runtime_minutes": int(80 + 12 * names.index(first) + rng.normal(0, 4)),
                "popularity": float(rng.gamma(2) * (1 + names.index(first))),
                "budget_usd": int(1e6 * rng.gamma(2)) if number % 3 else None,
                "tmdb_vote_average": float(5 + rng.normal()), "tmdb_vote_count": int(rng.gamma(2) * 100),
                "split_key": key, "bucket": split.bucket_of(key), "event_time": START, "known_time": START,
            }
        )  # fmt: skip
        genres += [(number, source, genre) for genre in sorted(has) for source in ("tmdb", "movielens")]
        tags += [(number, tag, 3), (number, "Seen!", 1)] if number % 3 == 0 else []
        if number % 4:
            pictures.append(_poster(posters, number, colour, rng))
    scores = [
        (number, "movielens", "tags", "v1", genre, 0.9 if (number, "movielens", genre) in genres else 0.1)
        for number in range(1, MOVIES + 1)
        for genre in MOVIELENS.genres
        if number % 3 == 0
    ]
    with wh.transaction() as tx:
        columns = ("movie_id", "label_set", "model", "model_version", "genre", "probability")
        tx.append(
            "predictions.scores",
            _columns(columns, scores)
            .append_column("threshold", pa.array([0.5] * len(scores)))
            .append_column("predicted", pa.array([row[-1] > 0.5 for row in scores]))
            .append_column("scored_at", pa.array([START] * len(scores))),
        )
        champion = {"label_set": "movielens", "model": "tags", "model_version": "v1", "stage": "champion"}
        tx.append("ops.models", _table([champion | {"created_at": START}]))
        tx.append("core.movies", _table(movies))
        tx.append("core.movie_genres", _columns(("movie_id", "source", "genre"), genres))
        tx.append("core.movie_tags", _columns(("movie_id", "tag", "n_users"), tags))
        tx.append("core.posters", _table(pictures))


def _poster(
    directory: Path, number: int, colour: tuple[int, int, int], rng: np.random.Generator
) -> dict[str, Any]:
    noisy = np.clip(np.array(colour) + rng.normal(0, 25, (96, 64, 3)), 0, 255).astype(np.uint8)
    stream = io.BytesIO()
    Image.fromarray(noisy).save(stream, "JPEG")
    content = stream.getvalue()
    sha256 = hashlib.sha256(content).hexdigest()
    file = directory / sha256[:2] / f"{sha256}.jpg"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    row = {"movie_id": number, "tmdb_id": number, "poster_path": f"/{number}.jpg", "sha256": sha256}
    return row | {"width": 64, "height": 96, "format": "JPEG", "bytes": len(content)}


def _columns(names: tuple[str, ...], rows: list[tuple[Any, ...]]) -> pa.Table:
    return pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.table({name: [row[name] for row in rows] for name in rows[0]})


@pytest.fixture
def quiet() -> Callable[[int, int | None], None]:
    return lambda done, total: None
