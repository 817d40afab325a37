"""The sources' own files, read with the standard library alone: rows in the columns of `raw`, by key."""

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

Record = dict[str, Any]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

MOVIELENS: dict[str, dict[str, tuple[str, Any]]] = {
    "movies": {"movielens_id": ("movieId", int), "title": ("title", str), "genres": ("genres", str)},
    "links": {"movielens_id": ("movieId", int), "imdb_id": ("imdbId", str), "tmdb_id": ("tmdbId", int)},
    "tags": {
        "user_id": ("userId", int),
        "movielens_id": ("movieId", int),
        "tag": ("tag", str),
        "tagged_at": ("timestamp", lambda seconds: _EPOCH + timedelta(seconds=int(seconds))),
    },
    "ratings": {
        "user_id": ("userId", int),
        "movielens_id": ("movieId", int),
        "rating": ("rating", float),
        "rated_at": ("timestamp", lambda seconds: _EPOCH + timedelta(seconds=int(seconds))),
    },
    "genome-tags": {"tag_id": ("tagId", int), "tag": ("tag", str)},
}
"""Table → column of `raw` → (column of the file, its type)."""
IMDB: dict[str, dict[str, tuple[str, Any]]] = {
    "title.basics": {
        "tconst": ("tconst", str),
        "title_type": ("titleType", str),
        "primary_title": ("primaryTitle", str),
        "original_title": ("originalTitle", str),
        "is_adult": ("isAdult", lambda flag: {"0": False, "1": True}[flag]),
        "start_year": ("startYear", int),
        "end_year": ("endYear", int),
        "runtime_minutes": ("runtimeMinutes", int),
        "genres": ("genres", str),
    },
    "title.ratings": {
        "tconst": ("tconst", str),
        "average_rating": ("averageRating", float),
        "num_votes": ("numVotes", int),
    },
    "title.crew": {
        "tconst": ("tconst", str),
        "directors": ("directors", str),
        "writers": ("writers", str),
    },
}


def movielens(directory: Path) -> dict[str, dict[str, list[Record]]]:
    """Return the rows of each set by set and table; an empty field is None."""
    sets: dict[str, dict[str, list[Record]]] = {}
    for path in sorted((directory / "movielens").glob("*.zip")):
        tables = sets.setdefault(path.stem, {})
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                name = member.rsplit("/", 1)[-1].removesuffix(".csv")
                if name in MOVIELENS:
                    lines = io.TextIOWrapper(archive.open(member), encoding="utf-8", newline="")
                    tables[name] = [_typed(row, MOVIELENS[name], "") for row in csv.DictReader(lines)]
    return sets


def imdb(directory: Path, dataset: str) -> dict[str, Record]:
    r"""Return the rows of one file by tconst; `\N` is None, and quotes are data."""
    with gzip.open(directory / "imdb" / f"{dataset}.tsv.gz", "rt", encoding="utf-8", newline="\n") as lines:
        header = next(lines).rstrip("\n").split("\t")
        rows = (dict(zip(header, line.rstrip("\n").split("\t"), strict=True)) for line in lines)
        return {row["tconst"]: _typed(row, IMDB[dataset], "\\N") for row in rows}


def _typed(row: Record, columns: dict[str, tuple[str, Any]], null: str) -> Record:
    return {
        column: None if row[name] == null else kind(row[name]) for column, (name, kind) in columns.items()
    }


def tmdb_records(directory: Path) -> dict[int, Record]:
    """Return the records of movies.jsonl.gz and, for other ids, the keyword lists, as their lines say it."""
    records: dict[int, Record] = {}
    for name in ("movies", "keywords"):
        for record in _json_lines(directory / "tmdb" / f"{name}.jsonl.gz"):
            records.setdefault(record["id"], record)
    return records


def _json_lines(path: Path) -> Iterator[Record]:
    with gzip.open(path, "rt", encoding="utf-8", newline="\n") as lines:
        yield from map(json.loads, lines)
