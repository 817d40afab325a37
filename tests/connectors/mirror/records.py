"""A small directory in the layout that the mirror serves, and ways to make it lead elsewhere."""

import csv
import gzip
import http.client
import io
import json
import os
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

from PIL import Image

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


def write_records(root: Path, *parts: str) -> Path:
    """Write some parts of the directory, all where none is named, and return it."""
    names = set(parts or ("movies", "keywords", "posters", "movielens", "imdb"))
    root.mkdir(exist_ok=True)
    if "movies" in names:
        write_lines(root / "tmdb/movies.jsonl.gz", MOVIES)
    if "keywords" in names:
        write_lines(root / "tmdb/keywords.jsonl.gz", KEYWORDS)
    if "posters" in names:
        (root / "posters/w185").mkdir(parents=True)
        with (root / "posters/manifest.csv").open("w", newline="") as lines:
            rows = csv.writer(lines)
            rows.writerow(["file", "imdb_id", "movielens_id", "tmdb_id"])
            for imdb, tmdb in POSTERS:
                rows.writerow([f"w185/{imdb}.jpg", imdb, "", tmdb])
                (root / f"posters/w185/{imdb}.jpg").write_bytes(jpeg())
    if "movielens" in names:
        (root / "movielens").mkdir()
        with zipfile.ZipFile(root / "movielens/ml-tiny.zip", "w") as archive:
            archive.writestr("ml-tiny/movies.csv", "movieId,title,genres\r\n1,Low Water (2001),Comedy\r\n")
    if "imdb" in names:
        (root / "imdb").mkdir()
        with gzip.open(root / "imdb/title.ratings.tsv.gz", "wt") as lines:
            lines.write("tconst\taverageRating\tnumVotes\ntt0000105\t6.1\t900\n")
    return root


SERVED = (
    "imdb/title.ratings.tsv.gz",
    "movielens/ml-tiny.zip",
    "tmdb/movies.jsonl.gz",
    "tmdb/keywords.jsonl.gz",
    "posters/manifest.csv",
    "posters/w185/tt0000120.jpg",
)


def link_out(file: Path, outside: Path) -> None:
    file.rename(outside)
    file.symlink_to(outside)


def link_to_a_link_out(file: Path, outside: Path) -> None:
    link_out(file, outside)
    file.rename(file.with_name("link"))
    file.symlink_to("link")


def folder_linked_out(file: Path, outside: Path) -> None:
    file.parent.rename(outside)
    file.parent.symlink_to(outside)


def fifo(file: Path, outside: Path) -> None:
    file.unlink()
    os.mkfifo(file)


def loop(file: Path, outside: Path) -> None:
    file.unlink()
    file.symlink_to(file.name)


def folder(file: Path, outside: Path) -> None:
    file.unlink()
    file.mkdir()


CHANGES = (link_out, link_to_a_link_out, folder_linked_out, fifo, loop, folder)
UP = ("../", "..%2f", "..%2F..%2F", "%2e%2e/", "..%5c", "....//", "%2f", "..%252f", "./")


def status(url: str, path: str) -> int:
    """The status of an answer to a path that no client has normalised."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    finally:
        connection.close()
