"""What `core` makes of what the sources say, restated in plain Python, value by value.

On purpose: white space around texts, U+0000 and halves of surrogate pairs in them go, five HTML entities of
TMDb's are read, an empty text and a zero that stands for "unknown" are None, numbers of minutes, dollars and
votes are whole, MovieLens' titles lose their year, their second titles and an article at the end. A value of
another type than its field's is unknown. Everything else is as it was sent.
"""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

Record = Mapping[str, Any]
Values = dict[str, Any]

BLANKS = " \t\n\f\r\u00a0\ufeff"
ASCII_BLANKS = " \t\n\f\r"
ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&quot;", '"'), ("&#39;", "'"), ("&amp;", "&"))
HALVES = re.compile("[\ud800-\udfff]")
FIRST_YEAR, LAST_YEAR = 1870, 2100
ARTICLES = {
    "The", "A", "An", "La", "Le", "Les", "El", "Los", "Las", "Lo", "Il", "I", "Gli", "Der", "Die", "Das",
    "Den", "Det", "De", "Ein", "Eine", "En", "Ett", "Un", "Une", "Una", "Uno", "O", "Os",
}  # fmt: skip
RELEASED = {"ml-20m": 2015, "ml-latest-small": 2018}
"""The year in which a set of MovieLens came out, by the beginning of its name."""


def stripped(text: str | None) -> str | None:
    """Return the text without white space around it and without U+0000, None where nothing is left."""
    return None if text is None else text.replace("\0", "").strip(BLANKS) or None


def plain(text: str | None) -> str | None:
    """Return the text with its entities read, and without white space around it."""
    if text is None:
        return None
    for entity, character in ENTITIES:
        text = text.replace(entity, character)
    return stripped(text)


def as_text(value: object) -> str | None:
    return HALVES.sub("", value).replace("\0", "") if isinstance(value, str) else None


def as_number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def as_whole(value: object) -> int | None:
    return value if type(value) is int and abs(value) < 10**18 else None


def as_small(value: object) -> int | None:
    return value if type(value) is int and abs(value) < 10**12 else None


def as_flag(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def as_list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def as_object(value: object) -> Record:
    return value if isinstance(value, dict) else {}


def positive(number: float | None, limit: float) -> int | None:
    return round(number) if number is not None and 1 <= number < limit else None


def known_year(year: int | None) -> int | None:
    return year if year is not None and FIRST_YEAR <= year <= LAST_YEAR else None


def release_date(text: str | None) -> date | None:
    if text is None or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def certification(record: Record) -> str | None:
    """Return the first one for the United States, of a theatrical release (type 3) where there is one."""
    best: tuple[int, str] | None = None
    for country in map(as_object, as_list(as_object(record.get("release_dates")).get("results"))):
        if as_text(country.get("iso_3166_1")) != "US":
            continue
        for nth, release in enumerate(map(as_object, as_list(country.get("release_dates"))), start=1):
            kind, name = as_small(release.get("type")), stripped(as_text(release.get("certification")))
            if kind is None or name is None:
                continue
            order = (0 if kind == 3 else kind) * 1000 + nth
            if best is None or order < best[0]:
                best = order, name
    return best[1] if best else None


def of_tmdb(record: Record) -> Values:
    """Return the columns of core.movies as TMDb's record gives them."""
    released = release_date(as_text(record.get("release_date")))
    popularity, votes = as_number(record.get("popularity")), as_number(record.get("vote_count"))
    average, collection = (
        as_number(record.get("vote_average")),
        as_object(record.get("belongs_to_collection")),
    )
    return {
        "title": plain(as_text(record.get("title"))),
        "original_title": plain(as_text(record.get("original_title"))),
        "release_date": released,
        "year": known_year(released.year) if released else None,
        "original_language": as_text(record.get("original_language")) or None,
        "overview": plain(as_text(record.get("overview"))),
        "tagline": plain(as_text(record.get("tagline"))),
        "runtime_minutes": positive(as_number(record.get("runtime")), 1_000_000),
        "budget_usd": positive(as_number(record.get("budget")), 1e15),
        "revenue_usd": positive(as_number(record.get("revenue")), 1e15),
        "popularity": popularity if popularity is not None and 0 < popularity < 1e9 else None,
        "tmdb_vote_average": average
        if votes and votes > 0 and average is not None and 0 <= average <= 10
        else None,
        "tmdb_vote_count": round(votes) if votes is not None and 0 <= votes <= 1e15 else None,
        "certification": certification(record),
        "adult": as_flag(record.get("adult")),
        "status": as_text(record.get("status")) or None,
        "collection_id": as_whole(collection.get("id")),
        "collection": plain(as_text(collection.get("name"))),
        "poster_path": as_text(record.get("poster_path")) or None,
    }


def of_imdb(title: Record | None, rating: Record | None) -> Values:
    """Return the columns as IMDb's rows give them."""
    title, rating = title or {}, rating or {}
    average, votes = rating.get("average_rating"), rating.get("num_votes")
    return {
        "title": stripped(title.get("primary_title")),
        "original_title": stripped(title.get("original_title")),
        "year": known_year(title.get("start_year")),
        "runtime_minutes": positive(title.get("runtime_minutes"), 1_000_000),
        "adult": title.get("is_adult"),
        "imdb_rating": average if average is not None and 0 <= average <= 10 else None,
        "imdb_votes": votes if votes is not None and votes >= 0 else None,
    }


def of_movielens(title: str | None) -> Values:
    """Return the columns as a title of MovieLens' gives them."""
    name, year = _without_year(stripped(title) or "")
    return {"title": _movielens_title(name), "year": known_year(year)}


def _without_year(title: str) -> tuple[str, int | None]:
    opening = title.rfind("(")
    inside = title[opening + 1 : -1] if opening >= 0 and title.endswith(")") else ""
    match = re.fullmatch(r"([0-9]{4})(?:[ \t\n\f\r]*[-–—][ \t\n\f\r]*(?:[0-9]{4})?)?[ \t\n\f\r]*", inside)
    if not match:
        return title, None
    before = title[:opening].rstrip(ASCII_BLANKS)
    return before or title, int(match[1])


def _movielens_title(title: str) -> str | None:
    title = title.strip(BLANKS)
    for _ in range(3):
        title = _without_second_title(title)
    for cut in range(len(title) - 1, 0, -1):
        if title[cut] in ",;":
            article, rest = title[cut + 1 :].lstrip(ASCII_BLANKS), title[:cut].rstrip(ASCII_BLANKS)
            if rest and article in ARTICLES:
                title = f"{article} {rest}"
            elif rest and article in ("L'", "L’"):
                title = f"{article}{rest}"
            break
    return stripped(title)


def _without_second_title(title: str) -> str:
    """Return the title without the parentheses at its end, unless they are all there is."""
    depth = deepest = 0
    for at in range(len(title) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(title[at], 0)
        deepest = max(deepest, depth)
        if depth == 0:
            before = title[:at].rstrip(ASCII_BLANKS)
            ends_well = title[at] == "(" and deepest <= 2 and before and before[-1] != "("
            return before if ends_well else title
    return title


PRECEDENCE: dict[str, tuple[str, ...]] = {
    "title": ("tmdb", "movielens", "imdb"),
    "original_title": ("tmdb", "imdb"),
    "year": ("tmdb", "imdb", "movielens"),
    "release_date": ("tmdb",),
    "original_language": ("tmdb",),
    "overview": ("tmdb",),
    "tagline": ("tmdb",),
    "runtime_minutes": ("tmdb", "imdb"),
    "budget_usd": ("tmdb",),
    "revenue_usd": ("tmdb",),
    "popularity": ("tmdb",),
    "tmdb_vote_average": ("tmdb",),
    "tmdb_vote_count": ("tmdb",),
    "imdb_rating": ("imdb",),
    "imdb_votes": ("imdb",),
    "certification": ("tmdb",),
    "status": ("tmdb",),
    "collection_id": ("tmdb",),
    "collection": ("tmdb",),
    "poster_path": ("tmdb",),
}
"""Column → sources: the first one that knows a value gives it. Ids are not restated here."""


def movie(values: Mapping[str, Values]) -> Values:
    """Return a movie's columns from those of its sources: the first that knows a value gives it."""
    chosen = {
        column: next((v for s in sources if (v := values.get(s, {}).get(column)) is not None), None)
        for column, sources in PRECEDENCE.items()
    }
    said = [values.get(source, {}).get("adult") for source in ("tmdb", "imdb")]
    # One source that says so is enough.
    chosen["adult"] = True if True in said else False if False in said else None
    return chosen


def genres(record: Record | None, movielens: Iterable[str | None], imdb: str | None) -> set[tuple[str, str]]:
    """Return (source, genre) of a movie."""
    found = {
        ("tmdb", stripped(as_text(as_object(g).get("name")))) for g in as_list((record or {}).get("genres"))
    }
    for joined in movielens:
        names = {stripped(name) for name in (joined or "").split("|")} - {"(no genres listed)", "IMAX"}
        found |= {("movielens", "Children" if name == "Children's" else name) for name in names}
    found |= {("imdb", stripped(name)) for name in (imdb or "").split(",")}
    return {(source, name) for source, name in found if name is not None and name != "\\N"}


def keywords(record: Record) -> set[tuple[int, str]]:
    """Return (id, keyword) of a movie; of several words with one id, the first in code point order."""
    named: dict[int, str] = {}
    for keyword in map(as_object, as_list(as_object(record.get("keywords")).get("keywords"))):
        number, name = as_whole(keyword.get("id")), plain(as_text(keyword.get("name")))
        if number is not None and name is not None:
            named[number] = min(name, named.get(number, name))
    return set(named.items())


def companies(record: Record) -> set[tuple[int | None, str]]:
    """Return (id, company) of a movie."""
    listed = map(as_object, as_list(record.get("production_companies")))
    named = {(as_whole(company.get("id")), plain(as_text(company.get("name")))) for company in listed}
    return {(number, name) for number, name in named if name is not None}


def codes(record: Record, part: str, key: str) -> set[str]:
    """Return the codes of countries or languages."""
    listed = map(as_object, as_list(record.get(part)))
    return {code for entry in listed if (code := stripped(as_text(entry.get(key)))) is not None}


def people(record: Record | None, crew: Record | None) -> set[tuple[str, str, str | None, str, int]]:
    """Return (source, person_id, name, job, position) of a movie; the first ten of its actors."""
    credited: dict[tuple[str, str, str], tuple[int, list[tuple[int, str]]]] = {}

    def add(source: str, person: str | None, name: str | None, job: str | None, place: int) -> None:
        if person is None or job is None:
            return
        first, names = credited.setdefault((source, job, person), (place, []))
        if name is not None:
            names.append((place, name))
        credited[source, job, person] = min(first, place), names

    credits = as_object((record or {}).get("credits"))
    for nth, member in enumerate(map(as_object, as_list(credits.get("crew"))), start=1):
        director = as_text(member.get("job")) == "Director"
        writer = as_text(member.get("department")) == "Writing"
        add("tmdb", *_person(member), "director" if director else "writer" if writer else None, nth)
    for nth, member in enumerate(map(as_object, as_list(credits.get("cast"))), start=1):
        add("tmdb", *_person(member), "actor", (as_small(member.get("order")) or 0) * 10_000 + nth)
    for part, job in (("directors", "director"), ("writers", "writer")):
        for nth, person in enumerate(((crew or {}).get(part) or "").split(","), start=1):
            if person.startswith("nm"):
                add("imdb", person, person, job, nth)
    groups: dict[tuple[str, str], list[tuple[int, str, str | None]]] = defaultdict(list)
    for (source, job, person), (place, names) in credited.items():
        groups[source, job].append((place, person, min(names)[1] if names else None))
    return {
        (source, person, name, job, position)
        for (source, job), members in groups.items()
        for position, (_, person, name) in enumerate(sorted(members, key=lambda m: (m[0], m[1])))
        if job != "actor" or position < 10
    }


def _person(member: Record) -> tuple[str | None, str | None]:
    number, name = as_whole(member.get("id")), as_text(member.get("name"))
    return (f"tmdb:{number}" if number is not None else stripped(name)), plain(name)


def recency(dataset: str) -> int:
    """Return the year of a set of MovieLens; where sets overlap, the later one has the word."""
    return next(year for prefix, year in RELEASED.items() if dataset.startswith(prefix))
