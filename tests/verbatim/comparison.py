"""Puts a home beside the files that it was made from, and tells every value that differs."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from tests.verbatim import rules, sources
from tests.verbatim.home import Home, exported

UNKNOWN: tuple[object, ...] = (None, 0, "", [])
"""What the mirror sends where an older table of the directory has null: TMDb's own "unknown"."""
MOST_TOLD = 200


@dataclass(frozen=True)
class Difference:
    """One value that is not what it should be."""

    table: str
    key: object
    column: str
    expected: object
    found: object

    def __str__(self) -> str:
        return f"{self.table} {self.key}, {self.column}: {self.expected!r} became {self.found!r}"


@dataclass
class Comparison:
    """What was compared, in values per table, and what differs."""

    compared: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)

    def value(self, table: str, key: object, column: str, expected: object, found: object) -> None:
        """Compare one value; equal numbers of different types differ, but for 1 and 1.0."""
        self.compared[table] += 1
        if expected != found or isinstance(expected, bool) != isinstance(found, bool):
            self.differences.append(Difference(table, key, column, expected, found))

    def rows(self, table: str, expected: Iterable[Any], found: Iterable[Any]) -> None:
        """Compare rows as often as they occur, whatever their order."""
        wanted, held = Counter(expected), Counter(found)
        self.compared[table] += wanted.total()
        self.differences += [
            Difference(table, row, "row", n, held[row]) for row, n in (wanted - held).items()
        ]
        self.differences += [
            Difference(table, row, "row", wanted[row], n) for row, n in (held - wanted).items()
        ]

    def told(self) -> str:
        """Return both as lines."""
        lines = [f"{table:24} {n:>12,} values compared" for table, n in sorted(self.compared.items())]
        lines += [str(difference) for difference in self.differences[:MOST_TOLD]]
        return "\n".join([*lines, f"{len(self.differences)} differences"])


def compare(home: Path, directory: Path) -> Comparison:
    """Compare all of `raw` and `core` with the files in `directory` that a mirror served."""
    comparison = Comparison()
    titles = {dataset: sources.imdb(directory, dataset) for dataset in sources.IMDB}
    sets = sources.movielens(directory)
    with exported(home) as tables:
        payloads = {tmdb_id: json.loads(row["payload"]) for tmdb_id, row in tables.answers().items()}
        _tmdb(comparison, sources.tmdb_records(directory), payloads)
        _imdb(comparison, titles, tables)
        _movielens(comparison, sets, tables)
        _core(comparison, tables, payloads, titles, sets)
    return comparison


def _tmdb(comparison: Comparison, records: dict[int, Any], payloads: dict[int, Any]) -> None:
    """Compare each record with its answer in `raw`: whatever the record says, the answer says."""
    for tmdb_id, record in records.items():
        payload = payloads.get(tmdb_id, {})
        for key, value in record.items():
            if key == "content_rating":
                if value:
                    found = rules.certification(payload)
                    comparison.value("raw.tmdb_movies", tmdb_id, key, rules.stripped(value), found)
            elif key == "keywords" and isinstance(value, list):
                found = payload.get("keywords", {}).get("keywords")
                comparison.value("raw.tmdb_movies", tmdb_id, key, value, found)
            elif key == "poster_path" and payload.get(key) != value:
                # The mirror gives a movie the poster that lies in the directory.
                comparison.value(
                    "raw.tmdb_movies", tmdb_id, key, True, str(payload.get(key)).startswith("/tt")
                )
            elif value in UNKNOWN:
                comparison.value("raw.tmdb_movies", tmdb_id, key, True, payload.get(key) in UNKNOWN)
            else:
                comparison.value("raw.tmdb_movies", tmdb_id, key, value, _as_given(payload.get(key), value))


def _as_given(found: object, given: object) -> object:
    """Return what was found without fields that the record lacks: the mirror completes objects."""
    if isinstance(found, dict) and isinstance(given, dict):
        return {key: _as_given(found[key], value) for key, value in given.items() if key in found}
    if isinstance(found, list) and isinstance(given, list) and len(found) == len(given):
        return [_as_given(one, other) for one, other in zip(found, given, strict=True)]
    return found


def _imdb(comparison: Comparison, titles: dict[str, dict[str, Any]], home: Home) -> None:
    for dataset, expected in titles.items():
        table = dataset.replace(".", "_")
        found = home.last(f"raw.imdb_{table}", "tconst")
        comparison.value(f"raw.imdb_{table}", "", "rows", len(expected), len(found))
        for tconst, row in expected.items():
            for column, value in row.items():
                comparison.value(
                    f"raw.imdb_{table}", tconst, column, value, found.get(tconst, {}).get(column)
                )


def _movielens(comparison: Comparison, sets: dict[str, dict[str, list[Any]]], home: Home) -> None:
    for table, columns in sources.MOVIELENS.items():
        expected = [
            (dataset, *(row[column] for column in columns))
            for dataset, tables in sets.items()
            for row in tables.get(table, ())
        ]
        name = table.replace("-", "_")
        found = [tuple(row.values()) for row in home.rows(f"raw.movielens_{name}", "dataset", *columns)]
        comparison.rows(f"raw.movielens_{name}", expected, found)


def _core(
    comparison: Comparison,
    home: Home,
    payloads: dict[int, Any],
    titles: dict[str, dict[str, Any]],
    sets: dict[str, dict[str, list[Any]]],
) -> None:
    """Compare what `core` says of each movie with what its sources say; which ids it has is not judged."""
    ids: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in home.rows("core.id_map"):
        if row["state"] == "active":
            ids[row["movie_id"]][row["source"]].append(row["source_id"])
    around: dict[str, dict[int, set[Any]]] = {
        "movie_genres": _grouped(home, "movie_genres", "source", "genre"),
        "movie_keywords": _grouped(home, "movie_keywords", "keyword_id", "keyword"),
        "movie_companies": _grouped(home, "movie_companies", "company_id", "company"),
        "movie_countries": _grouped(home, "movie_countries", "country"),
        "movie_languages": _grouped(home, "movie_languages", "language"),
        "movie_people": _grouped(home, "movie_people", "source", "person_id", "name", "job", "position"),
        "movie_tags": _grouped(home, "movie_tags", "tag", "n_users", "last_tagged_at"),
    }
    ratings = {row["movie_id"]: row for row in home.rows("core.ratings")}
    lens = _latest_titles(sets)
    tags, rated = _tags(sets), _ratings(sets)
    for row in home.rows("core.movies"):
        if row["deleted_at"] is not None:
            continue
        movie_id, own = row["movie_id"], ids[row["movie_id"]]
        record = payloads[min(map(int, own["tmdb"]))] if own["tmdb"] else None
        numbers = sorted(map(int, own["movielens"]))
        tconst = row["imdb_id"] or ""
        title = titles["title.basics"].get(tconst)
        values = {"imdb": rules.of_imdb(title, titles["title.ratings"].get(tconst))}
        if record is not None:
            values["tmdb"] = rules.of_tmdb(record)
        if numbers:
            values["movielens"] = rules.of_movielens(lens[numbers[0]]["title"])
        for column, value in rules.movie(values).items():
            comparison.value("core.movies", movie_id, column, value, row[column])
        record_ = record or {}
        expected: dict[str, set[Any]] = {
            "movie_genres": rules.genres(
                record, [lens[n]["genres"] for n in numbers], (title or {}).get("genres")
            ),
            "movie_keywords": rules.keywords(record_),
            "movie_companies": rules.companies(record_),
            "movie_countries": {
                (code,) for code in rules.codes(record_, "production_countries", "iso_3166_1")
            },
            "movie_languages": {(code,) for code in rules.codes(record_, "spoken_languages", "iso_639_1")},
            "movie_people": rules.people(record, titles["title.crew"].get(tconst)),
            "movie_tags": _tags_of(tags, numbers),
        }
        for table, members in expected.items():
            comparison.rows(
                f"core.{table}", _of(movie_id, members), _of(movie_id, around[table].get(movie_id, set()))
            )
        _compare_ratings(
            comparison, movie_id, [rated[n] for n in numbers if n in rated], ratings.get(movie_id)
        )


def _of(movie_id: int, members: set[Any]) -> list[Any]:
    return [(movie_id, *member) for member in members]


def _grouped(home: Home, table: str, *columns: str) -> dict[int, set[Any]]:
    groups: dict[int, set[Any]] = defaultdict(set)
    for row in home.rows(f"core.{table}", "movie_id", *columns):
        groups[row["movie_id"]].add(tuple(row[column] for column in columns))
    return groups


def _latest_titles(sets: dict[str, dict[str, list[Any]]]) -> dict[int, Any]:
    latest: dict[int, Any] = {}
    for dataset in sorted(sets, key=rules.recency):
        latest.update({row["movielens_id"]: row for row in sets[dataset]["movies"]})
    return latest


def _tags(sets: dict[str, dict[str, list[Any]]]) -> dict[int, dict[tuple[str, str], tuple[set[int], Any]]]:
    """Return (set, tag) → who gave it and when last, by MovieLens' id."""
    given: dict[int, dict[tuple[str, str], tuple[set[int], Any]]] = defaultdict(dict)
    for dataset, tables in sets.items():
        for row in tables.get("tags", ()):
            tag = (rules.stripped(row["tag"]) or "").lower()
            if tag:
                users, last = given[row["movielens_id"]].get((dataset, tag), (set(), row["tagged_at"]))
                given[row["movielens_id"]][dataset, tag] = (
                    users | {row["user_id"]},
                    max(last, row["tagged_at"]),
                )
    return given


def _tags_of(given: dict[int, Any], numbers: list[int]) -> set[Any]:
    """Return (tag, users, last) of a movie with these ids at MovieLens."""
    by_set: dict[tuple[str, str], tuple[set[int], Any]] = {}
    for number in numbers:
        for key, (users, last) in given.get(number, {}).items():
            before, then = by_set.get(key, (set(), last))
            by_set[key] = before | users, max(then, last)
    by_tag: dict[str, tuple[int, Any]] = {}
    for (_, tag), (users, last) in by_set.items():
        n, then = by_tag.get(tag, (0, last))
        by_tag[tag] = max(n, len(users)), max(then, last)
    return {(tag, n, last) for tag, (n, last) in by_tag.items()}


def _ratings(sets: dict[str, dict[str, list[Any]]]) -> dict[int, list[tuple[float, Any]]]:
    """Return (stars, when) by MovieLens' id, of the one set that has ratings."""
    (tables,) = [tables for tables in sets.values() if "ratings" in tables]
    rated: dict[int, list[tuple[float, Any]]] = defaultdict(list)
    for row in tables["ratings"]:
        rated[row["movielens_id"]].append((row["rating"], row["rated_at"]))
    return rated


def _compare_ratings(comparison: Comparison, movie_id: int, rated: list[Any], found: Any) -> None:
    every = [rating for one in rated for rating in one]
    comparison.value("core.ratings", movie_id, "n_ratings", len(every), (found or {}).get("n_ratings", 0))
    if not every or not found:
        return
    stars = [Fraction(value) for value, _ in every]
    mean = sum(stars) / len(stars)
    spread = sum((value - mean) ** 2 for value in stars) / (len(stars) - 1) if len(stars) > 1 else None
    for column, exact in (
        ("mean_rating", float(mean)),
        ("stddev_rating", None if spread is None else math.sqrt(spread)),
    ):
        near = exact is not None and found[column] is not None
        near = near and math.isclose(exact or 0, found[column], rel_tol=1e-12, abs_tol=1e-12)
        comparison.value("core.ratings", movie_id, column, exact, exact if near else found[column])
    last = max(when for _, when in every)
    comparison.value("core.ratings", movie_id, "last_rated_at", last, found["last_rated_at"])
