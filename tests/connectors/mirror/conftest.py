"""A small directory in the layout that the mirror serves, made up on the spot, and a client of its mirror."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import requests
from PIL import Image

from connectors.mirror import DirectoryCatalogue, Mirror, serve

DAY = date(2026, 3, 10)

MOVIES: list[dict[str, Any]] = [
    {
        "id": 5,
        "imdb_id": "tt0000105",
        "title": "The Tin Harbour",
        "original_title": "Der Blechhafen",
        "original_language": "de",
        "overview": "A harbour pilot keeps a secret.",
        "release_date": "1995-12-09",
        "runtime": 98,
        "budget": 4000000,
        "popularity": 22.5,
        "vote_average": 6.5,
        "vote_count": 530,
        "genres": [{"id": 80, "name": "Crime"}, {"id": 35, "name": "Comedy"}],
        "production_companies": [{"name": "Pier Pictures", "id": 14}],
        "spoken_languages": [{"iso_639_1": "de", "name": "Deutsch"}],
        "poster_path": "/tt0000105.jpg",
        "keywords": {"keywords": [{"id": k, "name": f"word {k}"} for k in range(1, 9)]},
        "credits": {
            "cast": [{"name": "Ada Amber", "order": 0}],
            "crew": [{"name": "Bo Birch", "job": "Director", "department": "Directing"}],
        },
        "content_rating": "R",
    },
    {
        "id": 6,
        "imdb_id": "tt0000106",
        "title": "Low Water",
        "original_title": "Low Water",
        "original_language": "en",
        "release_date": "2001-02-03",
        "popularity": 40.25,
        "vote_count": 7,
        "genres": [{"id": 35, "name": "Comedy"}],
        "poster_path": "/elsewhere.jpg",
        "keywords": {"keywords": []},
    },
    {
        "id": 7,
        "imdb_id": None,
        "title": "Untold",
        "original_title": "Untold",
        "original_language": "en",
        "release_date": "",
        "popularity": 0.5,
        "genres": [],
        "poster_path": None,
        "keywords": {"keywords": []},
    },
]
KEYWORDS: list[dict[str, Any]] = [
    {"id": 5, "imdb_id": "tt0000105", "keywords": [{"id": 999, "name": "not this one"}]},
    {"id": 20, "imdb_id": "tt0000120", "keywords": [{"id": 1, "name": "word 1"}]},
    {"id": 21, "imdb_id": None, "keywords": []},
    {"id": 22, "imdb_id": "tt0000122", "keywords": []},
]
POSTERS = [  # IMDb id, TMDb id
    ("tt0000105", "5"),
    ("tt0000120", "20"),
    ("tt0000122", ""),  # known by its IMDb id alone
    ("tt0000130", "30"),  # no record at all
    ("tt0000140", ""),  # not even a TMDb id
    ("tt0000150", "6"),  # TMDb's record 6 is another title
]


def jpeg(width: int = 185, height: int = 278, colour: str = "teal") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (width, height), colour).save(data, "JPEG")
    return data.getvalue()


def write_lines(file: Path, records: list[dict[str, Any]]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with gzip.open(file, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def write_directory(tmp_path: Path) -> Callable[..., Path]:
    def write(*parts: str, root: Path = tmp_path / "records") -> Path:
        chosen = set(parts or ("movies", "keywords", "posters", "movielens", "imdb"))
        root.mkdir(exist_ok=True)
        if "movies" in chosen:
            write_lines(root / "tmdb/movies.jsonl.gz", MOVIES)
        if "keywords" in chosen:
            write_lines(root / "tmdb/keywords.jsonl.gz", KEYWORDS)
        if "posters" in chosen:
            (root / "posters/w185").mkdir(parents=True)
            with (root / "posters/manifest.csv").open("w", newline="") as lines:
                rows = csv.writer(lines)
                rows.writerow(["file", "imdb_id", "movielens_id", "tmdb_id"])
                for imdb, tmdb in POSTERS:
                    rows.writerow([f"w185/{imdb}.jpg", imdb, "", tmdb])
                    (root / f"posters/w185/{imdb}.jpg").write_bytes(jpeg())
        if "movielens" in chosen:
            (root / "movielens").mkdir()
            with zipfile.ZipFile(root / "movielens/ml-tiny.zip", "w") as archive:
                archive.writestr(
                    "ml-tiny/movies.csv", "movieId,title,genres\r\n1,Low Water (2001),Comedy\r\n"
                )
        if "imdb" in chosen:
            (root / "imdb").mkdir()
            with gzip.open(root / "imdb/title.ratings.tsv.gz", "wt") as lines:
                lines.write("tconst\taverageRating\tnumVotes\ntt0000105\t6.1\t900\n")
        return root

    return write


@pytest.fixture
def catalogue(write_directory: Callable[..., Path]) -> DirectoryCatalogue:
    return DirectoryCatalogue(write_directory(), today=DAY)


class Client:
    """A requests session with the mirror's address and a made-up token."""

    def __init__(self, mirror: Mirror) -> None:
        self.mirror = mirror
        self.session = requests.Session()
        self.session.headers["Authorization"] = "Bearer made-up"

    def get(self, path: str, **arguments: Any) -> requests.Response:
        return self.session.get(self.mirror.url + path, timeout=20, **arguments)

    def json(self, path: str, **params: Any) -> Any:
        answer = self.get(path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture
def mirror(catalogue: DirectoryCatalogue) -> Iterator[Mirror]:
    with serve(catalogue) as mirror:
        yield mirror


@pytest.fixture
def client(mirror: Mirror) -> Iterator[Client]:
    client = Client(mirror)
    with client.session:
        yield client
