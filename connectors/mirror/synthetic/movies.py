"""One synthetic movie: what it is (`Movie`), and the TMDb record that says so.

A movie depends on the seed and its own number only, never on how many movies there are.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import Any

from connectors.mirror.source_catalogue import Record
from connectors.mirror.synthetic import genres as genre
from connectors.mirror.synthetic import prose, titles
from connectors.mirror.synthetic.people import Person, Pool
from connectors.mirror.synthetic.vocabulary import words

MOST_MOVIES = 20_000
"""Movies are numbered below this: each year has a block of so many IMDb ids."""

_LANGUAGES: Mapping[
    str, tuple[float, str, str, str, str]
] = {  # weight, country, its name, language, its own name
    "en": (100, "US", "United States of America", "English", "English"),
    "fr": (9, "FR", "France", "French", "Français"),
    "es": (6, "ES", "Spain", "Spanish", "Español"),
    "it": (5, "IT", "Italy", "Italian", "Italiano"),
    "de": (5, "DE", "Germany", "German", "Deutsch"),
    "ja": (6, "JP", "Japan", "Japanese", "日本語"),
    "ko": (3, "KR", "South Korea", "Korean", "한국어/조선말"),
    "zh": (3, "CN", "China", "Mandarin", "普通话"),
    "hi": (4, "IN", "India", "Hindi", "हिन्दी"),
    "sv": (2, "SE", "Sweden", "Swedish", "svenska"),
    "ru": (2, "RU", "Russia", "Russian", "Pусский"),
    "pt": (2, "BR", "Brazil", "Portuguese", "Português"),
}
_DRAWN_TO: Mapping[tuple[str, str], float] = {  # genres that some languages have more of
    ("ja", "Animation"): 4, ("it", "Western"): 4, ("fr", "Romance"): 2, ("ru", "War"): 3, ("hi", "Music"): 4,
    ("ko", "Thriller"): 2, ("zh", "Action"): 3, ("sv", "Drama"): 1.6, ("de", "History"): 2,
    ("es", "Horror"): 1.8,
}  # fmt: skip
_AGES = {"Western": 22, "War": 10, "History": 5, "Music": 6, "Documentary": -7, "Science Fiction": -3,
         "Animation": -6, "Horror": -3, "TV Movie": -6, "Mystery": 4}  # fmt: skip
_MINUTES = {"Animation": 84, "Documentary": 88, "Family": 93, "Comedy": 98, "Horror": 93, "Western": 97,
            "Action": 110, "Drama": 111, "History": 128, "War": 121, "Music": 108,
            "TV Movie": 88, "Science Fiction": 107,
            "Romance": 105, "Fantasy": 104, "Adventure": 112}  # fmt: skip
_MILLIONS = {"Action": 24, "Adventure": 26, "Animation": 22, "Science Fiction": 18, "Fantasy": 18,
             "Family": 15, "History": 14, "War": 13, "Thriller": 9, "Crime": 8, "Comedy": 8,
             "Drama": 5, "Romance": 6,
             "Mystery": 6, "Western": 6, "Music": 5, "Horror": 3, "TV Movie": 1.5,
             "Documentary": 0.5}  # fmt: skip
_GRADES: Mapping[str, Sequence[int]] = {  # weights of G, PG, PG-13, R
    "Animation": (6, 6, 1, 0), "Family": (6, 6, 1, 0), "Horror": (0, 1, 4, 12), "Thriller": (0, 1, 5, 8),
    "Crime": (0, 1, 4, 9), "War": (0, 2, 4, 6), "Action": (0, 2, 6, 6), "Comedy": (1, 4, 5, 4),
    "Romance": (1, 4, 5, 3), "Adventure": (1, 5, 5, 1), "Fantasy": (1, 5, 4, 1), "Documentary": (2, 3, 2, 1),
}  # fmt: skip
_QUALITY = {"Documentary": 0.6, "Drama": 0.25, "War": 0.3, "History": 0.3, "Animation": 0.3, "Horror": -0.8,
            "TV Movie": -0.6, "Action": -0.2, "Science Fiction": -0.2, "Comedy": -0.15}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Movie:
    """What is true of a movie, whatever a source says of it.

    `genres` are the latent TMDb genre names, main one first; `quality` is on TMDb's scale 0..10; `fame` is
    the natural logarithm of the votes expected; `poster` is `drawn`, `none` (no path) or `lost` (no image).
    """

    number: int
    tmdb_id: int
    imdb_id: str | None
    movielens_id: int | None
    genres: tuple[str, ...]
    title: str
    original_title: str
    language: str
    released: date
    runtime: int
    budget: int
    quality: float
    fame: float
    hero: prose.Hero
    poster: str
    directors: tuple[Person, ...]
    writers: tuple[Person, ...]
    actors: tuple[Person, ...]
    duplicate_of: int | None

    @property
    def year(self) -> int:
        """Return the year of release."""
        return self.released.year


def tmdb_id(seed: int, number: int) -> int:
    """Return the TMDb id of a movie: sparse, and ascending with its number."""
    return 2 + number * 311 + Random(f"{seed}:{number}:id").randrange(300)  # noqa: S311


def poster_path(seed: int, movie_id: int, revision: int) -> str:
    """Return a path like TMDb's: 27 letters and digits, new with each revision."""
    digest = hashlib.sha256(f"{seed}:{movie_id}:{revision}".encode()).digest()
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    return "/" + "".join(alphabet[byte % 62] for byte in digest[:27]) + ".jpg"


def movie(seed: int, number: int, pool: Pool, first_day: date, arrival: date | None = None) -> Movie:
    """Return movie `number`; with `arrival`, one that comes new to the catalogue on that day.

    Every 331st is a second record of an earlier movie, without IMDb id: TMDb merges such pairs in time.
    """
    if number >= MOST_MOVIES:
        raise ValueError(f"a synthetic catalogue has at most {MOST_MOVIES:,} movies in all its days")
    duplicate_of = number - 7 if number % 331 == 330 else None
    rng = Random(f"{seed}:{duplicate_of or number}:movie")  # noqa: S311
    genres = genre.latent(rng)
    series = _series(seed, number) if duplicate_of is None else None
    if series:
        genres = series.genres
    language = _language(rng, genres) if not series else "en"
    released = _released(rng, genres, first_day)
    if series:
        released = released.replace(
            year=min(series.first_year + 3 * series.part, first_day.year - 1), day=number % 28 + 1
        )
    if arrival and rng.random() < 0.75:
        released = arrival + timedelta(days=rng.randint(-90, 200))
    if series:
        title = original = titles.sequel(rng, genres, series.name, series.part)
    elif language == "en":
        title = original = titles.english(rng, genres)
    else:
        original, title = titles.foreign(rng, language)
    year = released.year
    quality = min(9.2, max(1.5, rng.gauss(6.2, 0.95) + sum(_QUALITY.get(g, 0.0) for g in genres[:2]) * 0.7))
    fame = (
        rng.gauss(4.4 - (0.9 if language != "en" else 0) - max(0, 1990 - year) / 40, 1.7)
        + (quality - 6) * 0.25
    )
    actors = pool.cast(rng, "actor", rng.randint(3, 9), genres, language, year)
    own = Random(f"{seed}:{number}:record")  # noqa: S311
    known_to_imdb = duplicate_of is None and own.random() > 0.03
    return Movie(
        number=number,
        tmdb_id=tmdb_id(seed, number),
        imdb_id=_imdb_id(own, number, year) if known_to_imdb else None,
        movielens_id=1 + number * 64 + own.randrange(60) if known_to_imdb and own.random() < 0.62 else None,
        genres=genres,
        title=title,
        original_title=original,
        language=language,
        released=released,
        runtime=_runtime(rng, genres, year),
        budget=_budget(rng, genres, year, fame),
        quality=quality,
        fame=fame if duplicate_of is None else fame - 3,
        hero=prose.hero(rng, genres, language, actors[0].gender),
        poster=own.choices(("drawn", "none", "lost"), weights=(80, 18, 2))[0],
        directors=tuple(pool.cast(rng, "director", 2 if rng.random() < 0.06 else 1, genres, language, year)),
        writers=tuple(pool.cast(rng, "writer", rng.choice((1, 1, 2, 2, 3)), genres, language, year)),
        actors=tuple(actors),
        duplicate_of=duplicate_of,
    )


def record(seed: int, it: Movie, pool: Pool, today: date) -> Record:
    """Return the movie as TMDb's `/movie/{id}` with all appendable parts sends it on its first day."""
    rng = Random(f"{seed}:{it.number}:tmdb")  # noqa: S311
    bare = it.duplicate_of is not None
    _, country, country_name, language_name, own_name = _LANGUAGES[it.language]
    if it.language == "en" and rng.random() < 0.22:
        country, country_name = rng.choice(
            (("GB", "United Kingdom"), ("GB", "United Kingdom"), ("CA", "Canada"))
        )
    companies = pool.companies(rng, 0 if bare else rng.choice((0, 1, 1, 2, 2, 3)), it.genres, country)
    countries = {country: country_name}
    if rng.random() < 0.15:
        countries.setdefault("US", "United States of America")
    languages = [{"english_name": language_name, "iso_639_1": it.language, "name": own_name}]
    if it.language != "en" and rng.random() < 0.15:
        languages.append({"english_name": "English", "iso_639_1": "en", "name": "English"})
    out = it.released <= today
    votes = min(38_000, int(math.exp(it.fame))) if out else 0
    series = _series(seed, it.number) if not bare else None
    dated = rng.random() > 0.008
    return {
        "adult": False,
        "backdrop_path": None,
        "belongs_to_collection": series.collection() if series else None,
        "budget": it.budget if not bare else 0,
        "genres": genre.tmdb_labels(rng, it.genres),
        "homepage": f"https://{_slug(it.title)}.example" if it.year > 2004 and rng.random() < 0.3 else "",
        "id": it.tmdb_id,
        "imdb_id": it.imdb_id,
        "origin_country": [country],
        "original_language": it.language,
        "original_title": it.original_title,
        "overview": prose.overview(rng, it.genres, it.hero, it.year) if rng.random() > 0.04 else "",
        "popularity": round(0.05 + math.exp(it.fame * 0.45 - 1.6) * rng.uniform(0.5, 1.6), 4),
        "poster_path": poster_path(seed, it.tmdb_id, 0) if it.poster != "none" else None,
        "production_companies": [
            {"id": c.tmdb_id, "logo_path": None, "name": c.name, "origin_country": c.country}
            for c in companies
        ],
        "production_countries": [{"iso_3166_1": code, "name": name} for code, name in countries.items()],
        "release_date": it.released.isoformat() if dated else "",
        "revenue": _revenue(rng, it) if out and not bare else 0,
        "runtime": it.runtime,
        "spoken_languages": languages,
        "status": "Released" if out else rng.choice(("Post Production", "In Production", "Planned")),
        "tagline": prose.tagline(rng, it.genres) if not bare and rng.random() < 0.45 else "",
        "title": it.title,
        "video": False,
        "vote_average": round(
            min(10.0, max(0.5, it.quality + rng.gauss(0, 1.6) / math.sqrt(1 + votes / 8))), 3
        )
        if votes
        else 0.0,
        "vote_count": votes,
        "keywords": {"keywords": [] if bare or rng.random() < 0.15 else keywords(rng, it.genres)},
        "credits": _credits(rng, it),
        "release_dates": {"results": _release_dates(rng, it, country) if dated else []},
        "external_ids": {
            "imdb_id": it.imdb_id,
            "wikidata_id": f"Q{9_000_000 + it.tmdb_id * 13}" if not bare and rng.random() < 0.8 else None,
            "facebook_id": None,
            "instagram_id": None,
            "twitter_id": None,
        },
        "alternative_titles": {
            "titles": [{"iso_3166_1": country, "title": it.original_title, "type": ""}]
            if it.title != it.original_title
            else []
        },
    }


def keywords(rng: Random, genres: Sequence[str]) -> list[dict[str, Any]]:
    """Return two to ten TMDb keywords, leaning on the genres; an id is a function of the keyword."""
    names = {
        rng.choice(words()[genre.lean(rng, genres, 0.42)]["keywords"]) for _ in range(rng.randint(2, 10))
    }
    return [{"id": keyword_id(name), "name": name} for name in sorted(names)]


def keyword_id(name: str) -> int:
    """Return the TMDb id of a keyword (invented: the name's hash)."""
    return 100 + int(hashlib.sha256(name.encode()).hexdigest()[:12], 16) % 330_000


@dataclass(frozen=True, slots=True)
class _Part:
    """A movie's place in a series of films."""

    series: int
    part: int
    name: str
    genres: tuple[str, ...]
    first_year: int

    def collection(self) -> dict[str, Any]:
        """Return TMDb's `belongs_to_collection`."""
        return {
            "id": 80_000 + self.series * 53,
            "name": f"{self.name} Collection",
            "poster_path": None,
            "backdrop_path": None,
        }


def _series(seed: int, number: int) -> _Part | None:
    """Return the series of a movie: every ninth belongs to one, in runs of two to four."""
    if number % 9 != 4:
        return None
    series, part = divmod(number // 9, 4)
    rng = Random(f"{seed}:{series}:series")  # noqa: S311
    if part >= rng.choice((2, 2, 3, 3, 4)):
        return None
    genres = genre.latent(rng)
    return _Part(
        series, part + 1, titles.series(rng, genres), genres, 2021 - int(rng.betavariate(1, 2.2) * 55)
    )


def _language(rng: Random, genres: Sequence[str]) -> str:
    weights = [
        w[0] * math.prod(_DRAWN_TO.get((code, g), 1.0) for g in genres) for code, w in _LANGUAGES.items()
    ]
    weights[0] *= 1.4
    return rng.choices(tuple(_LANGUAGES), weights=weights)[0]


def _released(rng: Random, genres: Sequence[str], first_day: date) -> date:
    back = rng.betavariate(0.95, 3.2) * 98 + sum(_AGES.get(g, 0) for g in genres[:2]) * rng.random()
    day = first_day - timedelta(days=int(min(95.9, max(-0.4, back)) * 365.25) + 1)
    return max(day, date(1930, 1, 1))


def _imdb_id(rng: Random, number: int, year: int) -> str:
    if year < 2019:
        return f"tt{(year - 1930) * 110_000 + number * 5 + rng.randrange(4):07d}"
    return f"tt{10_000_000 + (year - 2019) * 2_700_000 + number * 131 + rng.randrange(131):08d}"


def _runtime(rng: Random, genres: Sequence[str], year: int) -> int:
    if rng.random() < 0.03:
        return 0
    if rng.random() < (0.16 if genres[0] in ("Animation", "Documentary") else 0.02):
        return rng.randint(5, 38)
    mean = sum(_MINUTES.get(g, 103) for g in genres[:2]) / len(genres[:2])
    return max(55, round(rng.gauss(mean - (9 if year < 1960 else 0), 13)))


def _budget(rng: Random, genres: Sequence[str], year: int, fame: float) -> int:
    if rng.random() > 0.5 + min(0.4, max(-0.35, (fame - 4) * 0.12)):
        return 0
    millions = math.exp(sum(math.log(_MILLIONS[g]) for g in genres) / len(genres))
    amount = millions * 1.03 ** (year - 2012) * math.exp(rng.gauss(0, 0.9) + (fame - 4.4) * 0.3) * 1e6
    step = 1_000_000 if amount > 20e6 else 500_000 if amount > 5e6 else 100_000 if amount > 5e5 else 10_000
    return max(step, round(min(amount, 3.2e8) / step) * step)


def _revenue(rng: Random, it: Movie) -> int:
    if not it.budget or rng.random() < 0.18:
        return 0
    return int(it.budget * math.exp(rng.gauss(0.3 + (it.quality - 6) * 0.35 + (it.fame - 4.4) * 0.15, 0.9)))


def _credits(rng: Random, it: Movie) -> dict[str, Any]:
    def code() -> str:
        return f"{rng.getrandbits(96):024x}"

    cast = []
    for order, actor in enumerate(it.actors):
        character = it.hero.full if order == 0 else _character(rng, it, actor.gender)
        if it.genres[0] == "Documentary":
            character = "Narrator" if order == 0 and rng.random() < 0.4 else "Self"
        cast.append(actor.credit() | {"character": character, "credit_id": code(), "order": order})
    crew = [
        d.credit() | {"credit_id": code(), "department": "Directing", "job": "Director"} for d in it.directors
    ]
    for writer in it.writers:
        job = rng.choice(("Screenplay", "Screenplay", "Writer", "Story"))
        crew.append(writer.credit() | {"credit_id": code(), "department": "Writing", "job": job})
    return {"cast": cast, "crew": crew}


def _character(rng: Random, it: Movie, gender: str) -> str:
    who = prose.hero(rng, it.genres, it.language, gender)
    titles_of = ("Dr. ", "Inspector ", "Captain ", "Mr. " if gender == "male" else "Mrs. ")
    title = rng.choice(titles_of) if rng.random() < 0.1 else ""
    return title + (who.family if title else who.first if rng.random() < 0.4 else who.full)


def _release_dates(rng: Random, it: Movie, country: str) -> list[dict[str, Any]]:
    def entry(code: str, certification: str, shift: int) -> dict[str, Any]:
        day = it.released + timedelta(days=shift)
        release = {
            "certification": certification,
            "descriptors": [],
            "iso_639_1": "",
            "note": "",
            "release_date": f"{day.isoformat()}T00:00:00.000Z",
            "type": 3,
        }
        return {"iso_3166_1": code, "release_dates": [release]}

    results = []
    if country == "US" or rng.random() < 0.6:
        weights = _GRADES.get(it.genres[0] if rng.random() < 0.75 else rng.choice(it.genres), (1, 3, 5, 6))
        grade = rng.choices(("G", "PG", "PG-13", "R"), weights=weights)[0]
        if it.year < 1968:
            grade = rng.choice(("NR", "Approved", ""))
        elif grade == "PG-13" and it.year < 1984:
            grade = "PG"
        elif rng.random() < 0.2:
            grade = rng.choice(("", "NR"))
        results.append(entry("US", grade, 0 if country == "US" else rng.randint(20, 300)))
    if country != "US":
        results.insert(0, entry(country, "", 0))
    if rng.random() < 0.4:
        results.append(
            entry(rng.choice(("DE", "FR", "AU", "NL")) if country == "US" else "AU", "", rng.randint(5, 120))
        )
    return results


def _slug(title: str) -> str:
    return "".join(c for c in title.lower() if c.isascii() and c.isalnum()) or "film"
