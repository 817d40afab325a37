"""`reelhouse import`: a table of movies from elsewhere, as far as its rows name IMDb titles.

Rows without ids may name known movies by title and year.
"""

import csv
import hashlib
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa

from flows.engine.step import StepSpec, Work
from flows.errors import FlowError
from flows.settings import Settings
from flows.steps.catalogue import conform_steps
from flows.steps.csv_lines import Rows
from warehouse import Transaction
from warehouse.land import find_titled

NAMES: dict[str, tuple[str, ...]] = {
    "tconst": ("tconst", "imdb_id", "imdb_title_id", "imdbid", "movie_imdb_link"),
    "primary_title": ("primary_title", "title", "movie_title"),
    "start_year": ("start_year", "year", "title_year", "release_date", "production_date"),
    "runtime_minutes": ("runtime_minutes", "runtime", "duration"),
    "genres": ("genres", "genre"),
    "average_rating": ("average_rating", "imdb_rating", "imdb_score", "movie_averagerating"),
    "num_votes": ("num_votes", "imdb_votes", "num_voted_users", "movie_numerofvotes"),
}
"""Column of IMDb's tables → what others call it, in lower case."""
UNKNOWN = ("", "-", "\\N", "NA", "NaN", "null")
_BLANKS = " \t\r\n\u00a0\ufeff"


@dataclass(frozen=True)
class Number:
    """What a column of numbers may hold."""

    least: int
    most: int
    whole: bool = True

    def read(self, text: str) -> float:
        """Return the number that a text is, such as 1999 or 1999.0; raises ValueError for any other."""
        try:
            number: float = int(text)
        except ValueError:
            number = float(text)
        if not self.least <= number <= self.most or (self.whole and number != int(number)):
            raise ValueError(text)
        return int(number) if self.whole else number

    def __str__(self) -> str:
        return f"a {'whole ' if self.whole else ''}number from {self.least} to {self.most}"


NUMBERS = {
    "start_year": Number(1870, 2100),
    "runtime_minutes": Number(0, 999_999),
    "average_rating": Number(0, 10, whole=False),
    "num_votes": Number(0, 10**15),
}


@dataclass
class Movies:
    """What a file holds: rows in the columns of NAMES, and lines that are none or whose row lacks a value."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    rejects: list[tuple[str, str]] = field(default_factory=list)
    originals: list[str] = field(default_factory=list)
    """The lines of the rows."""
    titled: bool = False
    """The rows name no ids: which movies they mean is to be told from title and year."""


def read(path: Path) -> Movies:
    """Read a CSV, plain or gzipped, with a header; raises `FlowError` where it cannot tell titles apart."""
    lines = Rows(path)
    rows = iter(lines)
    header = [name.strip(_BLANKS).lower() for name in next(rows, [])]
    place = {
        column: header.index(name)
        for column, names in NAMES.items()
        for name in names[::-1]
        if name in header
    }
    titled = "tconst" not in place
    descriptions = {
        "primary_title": f"titles (one of {', '.join(NAMES['primary_title'])})",
        "start_year": f"IMDb ids (one of {', '.join(NAMES['tconst'])}) nor one for years",
    }
    for column in ("start_year", "primary_title") if titled else ("primary_title",):
        if column not in place:
            raise FlowError(
                f"{path} has no column for {descriptions[column]}: "
                "its rows do not say which movies they are about"
            )
    lines.width = len(header)
    return _judged(lines, rows, place, titled)


def _written(fields: Sequence[str]) -> str:
    """Return a line of the file with these fields."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()


def _judged(file: Rows, lines: Iterator[Sequence[str]], place: dict[str, int], titled: bool) -> Movies:
    movies, first_lines = Movies(titled=titled), dict[Any, Sequence[str]]()
    odd_values: list[tuple[str, str]] = []
    same_key = "title, year and running time" if titled else "IMDb id"
    for line in lines:
        original = _written(line)
        values = {column: line[i].strip(_BLANKS) for column, i in place.items()}
        row: dict[str, Any] = {c: None if value in UNKNOWN else value for c, value in values.items()}
        if re.fullmatch(r"\d{4}-\d\d-\d\d", row.get("start_year") or ""):
            row["start_year"] = row["start_year"][:4]
        id_match = re.search(r"\btt\d{7,10}\b", row.get("tconst") or "")
        reason = None if id_match or titled else "no IMDb id"
        row["tconst"] = id_match[0] if id_match else None
        if row["primary_title"] is None:
            reason = reason or "no title"
        odd: list[str] = []
        for column, number in NUMBERS.items():
            try:
                row[column] = None if row.get(column) is None else number.read(row[column])
            except (ValueError, OverflowError):
                row[column] = None
                odd.append(f"{column} is not {number}")
        if titled and row["start_year"] is None:
            reason = reason or "; ".join([*odd, "no year"])
        key = (
            (row["primary_title"], row["start_year"], row.get("runtime_minutes")) if titled else row["tconst"]
        )
        if not reason and key in first_lines:
            reason = "repeats an earlier row" + ("" if first_lines[key] == line else f"'s {same_key}")
        if reason:
            file.reject(original, reason)
            continue
        if odd:
            odd_values.append((original, f"{'; '.join(odd)}; the row is kept without it"))
        first_lines[key] = line
        row["genres"] = re.sub(r"\s*[|,]\s*", ",", row["genres"]) if row.get("genres") else None
        movies.rows.append(row)
        movies.originals.append(original)
    movies.rejects = file.rejects + odd_values
    return movies


def import_steps(settings: Settings, path: Path) -> list[StepSpec]:
    """Return the steps that land the movies that IMDb's files have not brought, then conform."""
    return [StepSpec("import", partial(_import, path=path, movies=read(path))), *conform_steps(settings, ())]


def _import(work: Work, path: Path, movies: Movies) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    landed, known, aside = work.warehouse.commit(
        partial(_land, work=work, name=path.name, movies=movies, digest=digest)
    )
    work.step.rows_in = len(movies.rows) + len(movies.rejects)
    work.step.rows_out = landed
    work.step.counts.update(landed=landed, known_already=known, quarantined=aside)


def _land(tx: Transaction, work: Work, name: str, movies: Movies, digest: str) -> tuple[int, int, int]:
    if movies.titled:
        movies = _identified(tx, movies)
    batch_id = tx.batch(work.run_id, "imdb", f"import {name}", f"file {name}", digest)
    constants = {
        "source": "imdb",
        "fetched_at": datetime.now(UTC),
        "request": f"file {name}",
        "batch_id": batch_id,
        "deleted": False,
    }
    basics = ("tconst", "primary_title", "start_year", "runtime_minutes", "genres")
    landed = 0
    for table, columns in (
        ("raw.imdb_title_basics", basics),
        ("raw.imdb_title_ratings", ("tconst", "average_rating", "num_votes")),
    ):
        landed_ids = set(tx.query(f"SELECT DISTINCT tconst FROM {table}")["tconst"].to_pylist())  # noqa: S608 - above
        rows = [
            {column: row.get(column) for column in columns}
            for row in movies.rows
            if row["tconst"] not in landed_ids
            and (columns is basics or row.get("average_rating") is not None)
        ]
        if rows and columns is basics:
            films = {**constants, "title_type": "movie"}
            landed = tx.append(table, pa.Table.from_pylist(rows), constants=films).rows_landed
        elif rows:
            tx.append(table, pa.Table.from_pylist(rows), constants=constants)
    if movies.rejects:
        original, reason = zip(*movies.rejects, strict=True)
        rejects = pa.table({"original": list(original), "reason": list(reason)})
        tx.quarantine("imdb", "raw.imdb_title_basics", rejects, batch_id)
    return landed, len(movies.rows) - landed, len(movies.rejects)


def _identified(tx: Transaction, movies: Movies) -> Movies:
    """Return the rows with the ids of the movies that they mean; reject those that mean none, or several."""
    columns = {
        "n": pa.array(range(len(movies.rows)), pa.int64()),
        "title": pa.array([row["primary_title"] for row in movies.rows], pa.string()),
        "year": pa.array([row["start_year"] for row in movies.rows], pa.int32()),
        "runtime_minutes": pa.array([row.get("runtime_minutes") for row in movies.rows], pa.int32()),
    }
    tconsts = find_titled(tx, pa.table(columns))
    identified, meant = Movies(rejects=list(movies.rejects)), set[str]()
    for n, tconst in tconsts.items():
        if tconst is None:
            identified.rejects.append((movies.originals[n], "several movies have this title and year"))
        elif tconst in meant:
            identified.rejects.append((movies.originals[n], "another row means the same movie"))
        else:
            meant.add(tconst)
            identified.rows.append({**movies.rows[n], "tconst": tconst})
    identified.rejects += [
        (original, "no known movie has this title and year")
        for n, original in enumerate(movies.originals)
        if n not in tconsts
    ]
    return identified
