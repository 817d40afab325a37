"""A catalogue over a directory of real records.

The layout (any part may be absent; other files are ignored):

- `tmdb/movies.jsonl.gz`: one movie per line in the shape of TMDb's `/movie/{id}` with `keywords` and,
  optionally, `credits` and a flat `content_rating` (the US certification);
- `tmdb/keywords.jsonl.gz`: `{"id", "imdb_id", "keywords": [{"id", "name"}]}` per line, for further ids;
- `posters/manifest.csv` with at least the columns `file` (relative to `posters/`), `imdb_id`, `tmdb_id` (may
  be empty), and the files;
- `movielens/*.zip` and `imdb/*.tsv.gz`, served under their own names.

Links may lead to regular files within the directory. One that leads out of it is refused, and so is what is
no regular file, such as a FIFO.

A keyword list or a poster without a movie record is served as a *sparse* record, in which everything else is
TMDb's "unknown" (no title, budget 0, no genres). A poster goes to the record with its `tmdb_id`, unless that
record names another IMDb title; else to the one with its `imdb_id`; else to a record of its own (see
`POSTER_ID_BASE`).
"""

import csv
import gzip
import json
import os
import zlib
from collections.abc import Iterator, Sequence
from copy import copy
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from connectors.mirror.source_catalogue import MirrorError, Record

POSTER_ID_BASE = 1_000_000_000
"""A poster that no record of the directory can carry gets a sparse record of its own, whose TMDb id is this
plus the number in the IMDb id: `tt0250305` becomes 1000250305. TMDb's real ids are far below."""

_EMPTY: Record = {
    "adult": False,
    "backdrop_path": None,
    "belongs_to_collection": None,
    "budget": 0,
    "genres": [],
    "homepage": "",
    "id": None,
    "imdb_id": None,
    "origin_country": [],
    "original_language": "",
    "original_title": "",
    "overview": "",
    "popularity": 0.0,
    "poster_path": None,
    "production_companies": [],
    "production_countries": [],
    "release_date": "",
    "revenue": 0,
    "runtime": 0,
    "spoken_languages": [],
    "status": "",
    "tagline": "",
    "title": "",
    "video": False,
    "vote_average": 0.0,
    "vote_count": 0,
}


class DirectoryCatalogue:
    """The movies, posters and bulk files of a directory, as a `Catalogue`.

    Parameters
    ----------
    path
        the directory.
    today
        the catalogue's first day; the real date (UTC) without it.
    withhold
        keep back one movie in 500 (chosen by its id), so that `advance` can bring new ones.

    Raises `MirrorError` when the directory holds none of the parts, or one is malformed (with file and line).
    Lines are kept as read and parsed when asked for: 40,000 records take about 30 MB.
    """

    def __init__(self, path: Path | str, today: date | None = None, *, withhold: bool = False) -> None:
        self._root = Path(path).resolve()
        self._today = today or datetime.now(UTC).date()
        self._movies: dict[int, bytes] = {}
        self._keywords: dict[int, bytes] = {}
        self._only_posters: dict[int, str] = {}
        self._poster_paths: dict[int, str] = {}
        self._poster_files: dict[str, Path] = {}
        if not self._root.is_dir():
            raise MirrorError(f"{path} is not a directory: give one that holds records to serve")
        self._bulk = {
            part: {
                file.name.removesuffix(suffix): file
                for file in sorted((self._root / part).glob("*" + suffix))
            }
            for part, suffix in (("imdb", ".tsv.gz"), ("movielens", ".zip"))
        }
        parts = ("tmdb/movies.jsonl.gz", "tmdb/keywords.jsonl.gz", "posters/manifest.csv")
        files = [self._root / part for part in parts]
        if not any(self._bulk.values()) and not any(os.path.lexists(file) for file in files):
            expected = ", ".join((*parts, "movielens/*.zip or imdb/*.tsv.gz"))
            raise MirrorError(f"{path} holds nothing to serve: expected {expected} in it")
        for file in (*files, *(file for part in self._bulk.values() for file in part.values())):
            if os.path.lexists(file) and not self._may_serve(file):
                raise MirrorError(self._refusal(file))
        self._load(*files)
        self._withheld = {i for i in self._known() if withhold and _draw("withheld", i) % 500 == 0}
        self._deleted: set[int] = set()
        self._edits: dict[int, list[date]] = {}
        self._changed: dict[date, list[int]] = {}
        self._ids: list[int] = sorted(self._known() - self._withheld)

    def today(self) -> date:
        return self._today

    def ids(self) -> Sequence[int]:
        return self._ids

    def changed(self, start: date, end: date) -> list[int]:
        days = [ids for day, ids in self._changed.items() if start <= day <= end]
        return sorted({i for ids in days for i in ids} - self._deleted)

    def movie(self, tmdb_id: int) -> Record | None:
        if tmdb_id in self._deleted or tmdb_id in self._withheld:
            return None
        if tmdb_id in self._movies:
            record = _full(json.loads(self._movies[tmdb_id]))
        elif tmdb_id in self._keywords or tmdb_id in self._only_posters:
            record = self._sparse(tmdb_id)
        else:
            return None
        if tmdb_id in self._poster_paths:
            record["poster_path"] = self._poster_paths[tmdb_id]
        for day in self._edits.get(tmdb_id, ()):
            _edit(record, day)
        return record

    def poster(self, path: str) -> bytes | None:
        file = self._servable(self._poster_files.get(path))
        return file.read_bytes() if file else None

    def imdb_datasets(self) -> list[str]:
        return list(self._bulk["imdb"])

    def imdb_file(self, name: str) -> Path | None:
        return self._servable(self._bulk["imdb"].get(name))

    def movielens_sets(self) -> list[str]:
        return list(self._bulk["movielens"])

    def movielens_zip(self, name: str) -> Path | None:
        return self._servable(self._bulk["movielens"].get(name))

    def advance(self, days: int) -> None:
        """Move on by `days`.

        Each day one movie in 200 is edited (its votes and popularity move, and it may lose a keyword), one in
        5,000 (of at least ten) is deleted, and a tenth of the withheld ones appear. Nothing is invented about
        real movies: no text changes. The same days give the same edits.
        """
        if days < 1:
            raise ValueError(f"a catalogue can only move forward: {days} days")
        for _ in range(days):
            self._today += timedelta(days=1)
            self._live_one_day(self._today)

    def _live_one_day(self, day: date) -> None:
        drawn = sorted((_draw(day.isoformat(), i), i) for i in self._ids)
        n_edited = -(-len(drawn) // 200)
        edited = [i for _, i in drawn[:n_edited]]
        n_deleted = -(-len(drawn) // 5000) if len(drawn) >= 10 else 0
        deleted = {i for _, i in drawn[len(drawn) - n_deleted :]}
        waiting = sorted((_draw("appears", i), i) for i in self._withheld)
        new = {i for _, i in waiting[: -(-len(waiting) // 10)]}
        for i in edited:
            self._edits.setdefault(i, []).append(day)
        self._withheld -= new
        self._deleted |= deleted
        self._changed[day] = sorted({*edited, *new})
        self._ids = sorted({*self._ids, *new} - deleted)

    def _may_serve(self, file: Path) -> bool:
        """Return whether a path leads to a regular file within the directory, through links or not."""
        # os.path, because neither raises for a loop of links, a long name or one with a NUL character.
        inside = Path(os.path.realpath(file)).is_relative_to(self._root)
        return inside and os.path.isfile(file)  # noqa: PTH113

    def _servable(self, file: Path | None) -> Path | None:
        """Return the file where it may be served now: it may have become a link since the mirror started."""
        return file if file is not None and self._may_serve(file) else None

    def _refusal(self, file: Path) -> str:
        name = file.relative_to(self._root)
        return (
            f"{self._root}: {name} is not a regular file of this directory, or a link leads out of it: "
            "put a copy of the file in its place, or remove it"
        )

    def _known(self) -> set[int]:
        return {*self._movies, *self._keywords, *self._only_posters}

    def _load(self, movies: Path, keywords: Path, manifest: Path) -> None:
        imdb_of: dict[int, str | None] = {}
        for number, line, record in _json_lines(movies):
            if not isinstance(record.get("title"), str):
                raise MirrorError(f"{movies}, line {number}: a movie record without a title")
            if record["id"] not in self._movies:
                self._movies[record["id"]] = line
                imdb_of[record["id"]] = record.get("imdb_id") or None
        for number, line, record in _json_lines(keywords):
            if not isinstance(record.get("keywords"), list):
                raise MirrorError(f"{keywords}, line {number}: a keyword record without a list of keywords")
            if record["id"] not in imdb_of:
                self._keywords[record["id"]] = line
                imdb_of[record["id"]] = record.get("imdb_id") or None
        by_imdb = {imdb: i for i, imdb in imdb_of.items() if imdb}
        for file, imdb, tmdb in _manifest_rows(manifest):
            if os.path.lexists(file) and not self._may_serve(file):
                raise MirrorError(self._refusal(file))
            path = "/" + file.name
            self._poster_files[path] = file
            # The manifest knows posters by IMDb id: a record with another IMDb id is another movie's.
            owner = tmdb if tmdb is not None and imdb_of.get(tmdb) in (imdb, None) else by_imdb.get(imdb)
            if owner is None or owner in self._poster_paths:
                owner = POSTER_ID_BASE + int(imdb.removeprefix("tt"))
            self._poster_paths[owner] = path
            if owner not in imdb_of:
                self._only_posters[owner] = imdb

    def _sparse(self, tmdb_id: int) -> Record:
        if tmdb_id in self._keywords:
            known = json.loads(self._keywords[tmdb_id])
            keywords = {"keywords": known["keywords"]}
            return _full({"id": tmdb_id, "imdb_id": known.get("imdb_id") or None, "keywords": keywords})
        return _full({"id": tmdb_id, "imdb_id": self._only_posters[tmdb_id]})


def _full(record: Record) -> Record:
    """Complete a record of the directory to the wire format, in TMDb's order of keys."""
    certification = record.pop("content_rating", None)
    keywords = record.pop("keywords", None) or {"keywords": []}
    credits = record.pop("credits", None) or {"cast": [], "crew": []}
    full = {}
    for key, default in _EMPTY.items():
        value = record.pop(key, None)  # older tables have null where TMDb sends 0 or ""
        full[key] = copy(default) if value is None else value
    full.update(record)
    for company in full["production_companies"]:
        company.setdefault("logo_path", None)
        company.setdefault("origin_country", "")
    for language in full["spoken_languages"]:
        language.setdefault("english_name", "")
    releases = []
    if certification:
        day = f"{full['release_date']}T00:00:00.000Z" if full["release_date"] else ""
        first = {"certification": certification, "descriptors": [], "iso_639_1": "", "note": ""}
        releases.append({"iso_3166_1": "US", "release_dates": [{**first, "release_date": day, "type": 3}]})
    full["keywords"] = keywords
    full["credits"] = credits
    full.setdefault("release_dates", {"results": releases})
    no_ids = dict.fromkeys(("wikidata_id", "facebook_id", "instagram_id", "twitter_id"))
    full.setdefault("external_ids", {"imdb_id": full["imdb_id"], **no_ids})
    full.setdefault("alternative_titles", {"titles": []})
    return full


def _edit(record: Record, day: date) -> None:
    draw = _draw(f"edit {day}", record["id"])
    record["vote_count"] += 1 + draw % 50
    record["popularity"] = round(record["popularity"] * (0.8 + draw % 41 / 100) + 0.01, 6)
    keywords = record["keywords"]["keywords"]
    if len(keywords) > 3 and draw % 2:
        del keywords[draw % len(keywords)]


def _draw(what: str, tmdb_id: int) -> int:
    """Return 64 bits that depend on the occasion and the id alone, not on the rest of the directory."""
    return int.from_bytes(sha256(f"{what} {tmdb_id}".encode()).digest()[:8], "big")


def _json_lines(file: Path) -> Iterator[tuple[int, bytes, dict[str, Any]]]:
    """Yield number, bytes and content of each line of a gzipped file of records; nothing if it is absent."""
    if not file.exists():
        return
    number = 0
    try:
        with gzip.open(file) as lines:
            for number, line in enumerate(lines, start=1):
                record = json.loads(line)
                if not isinstance(record, dict) or type(record.get("id")) is not int:
                    raise MirrorError(f"{file}, line {number}: not a JSON object with a whole number as id")
                yield number, line, record
    except ValueError as error:
        raise MirrorError(f"{file}, line {number}: not valid JSON ({error})") from None
    except (OSError, EOFError, zlib.error) as error:
        raise MirrorError(f"{file}, after line {number}: cannot be read as gzip ({error})") from None


def _manifest_rows(manifest: Path) -> Iterator[tuple[Path, str, int | None]]:
    """Yield file, IMDb id and TMDb id (None where empty) of each poster; nothing if there is no manifest."""
    if not manifest.exists():
        return
    with manifest.open(encoding="utf-8", newline="") as lines:
        rows = csv.DictReader(lines)
        missing = {"file", "imdb_id", "tmdb_id"} - set(rows.fieldnames or ())
        if missing:
            raise MirrorError(f"{manifest}, line 1: no column {', '.join(sorted(missing))}")
        for row in rows:
            file, imdb, tmdb = (row[column] or "" for column in ("file", "imdb_id", "tmdb_id"))
            number = imdb.removeprefix("tt")
            inside = file and not PurePosixPath(file).is_absolute() and ".." not in PurePosixPath(file).parts
            if not inside or number == imdb or not number.isdecimal() or not (tmdb == "" or tmdb.isdecimal()):
                raise MirrorError(
                    f"{manifest}, line {rows.line_num}: expected a file below posters/, an IMDb id such as "
                    f"tt0113101, and a TMDb id or nothing, not {file!r}, {imdb!r}, {tmdb!r}"
                )
            yield manifest.parent / file, imdb, int(tmdb) if tmdb else None
