"""The synthetic MovieLens set: `ml-latest-small.zip` in the real one's layout, a new version every week."""

import csv
import io
import itertools
import math
import zipfile
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any

from connectors.mirror.synthetic import genres as genre
from connectors.mirror.synthetic.days import World
from connectors.mirror.synthetic.movies import Movie
from connectors.mirror.synthetic.vocabulary import words

NAME = "ml-latest-small"
DAYS_PER_VERSION = 7

_USERS, _USERS_PER_VERSION = 600, 12
_TAGGERS = 4.7  # tags per tagged movie
_BOOKKEEPER = 318  # one user's tags are about the disc, not about the film
_BOOKKEEPING = ("In Netflix queue", "DVD-Video", "seen more than once", "to rewatch", "Own it", "seen 2014")
_GENRE_TAGS = {"Science Fiction": ("Sci-Fi", "sci-fi", "science fiction"), "Family": ("children", "Family"),
               "Music": ("musical", "music")}  # fmt: skip
_ARTICLES = {"en": ("The", "A", "An"), "fr": ("Le", "La", "Les", "Un"), "es": ("El", "La", "Los", "Las"),
             "it": ("La", "Il", "Le"), "de": ("Das", "Der", "Die"), "pt": ("A", "O", "Os")}  # fmt: skip
_README = """Summary
=======

This is a synthetic data set in the layout of MovieLens' ml-latest-small: ratings and free-text tags of
invented users for invented movies. It contains {ratings} ratings and {tags} tag applications across {movies}
movies, given by {users} users. None of it was collected by GroupLens, and none of it is about real films or
people.

Files: links.csv, movies.csv, ratings.csv, tags.csv, encoded as UTF-8, with a header line. Fields with commas
are in double quotes. Ratings are on a scale of 0.5 to 5.0 stars in steps of 0.5; timestamps are seconds since
midnight UTC of 1 January 1970.

The real set and its terms: https://grouplens.org/datasets/movielens/ (Harper & Konstan 2015).
"""


def version(day: int) -> int:
    """Return the number of the version that is current on a day."""
    return day // DAYS_PER_VERSION


def archive(world: World, number: int) -> bytes:
    """Return the zip of one version: the movies known when it was made, and all votes and tags until then.

    Later versions add rows and change none. Entries carry the version's date.
    """
    rated: list[list[Movie]] = []
    for v in range(number + 1):
        known = world.movies[: world.counts[v * DAYS_PER_VERSION]]
        rated.append([it for it in known if it.movielens_id is not None])
    ratings = _ratings(world.seed, rated)
    tags = _tags(world.seed, rated)
    files = {
        "README.txt": _README.format(
            ratings=len(ratings),
            tags=len(tags),
            movies=len(rated[-1]),
            users=len({row[0] for row in ratings}),
        ),
        "links.csv": _csv(("movieId", "imdbId", "tmdbId"), _links(rated[-1])),
        "movies.csv": _csv(("movieId", "title", "genres"), _movies(world.seed, rated[-1])),
        "ratings.csv": _csv(("userId", "movieId", "rating", "timestamp"), ratings),
        "tags.csv": _csv(("userId", "movieId", "tag", "timestamp"), tags),
    }
    made = world.first_day.toordinal() + number * DAYS_PER_VERSION
    stamp = datetime.fromordinal(made)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in files.items():
            entry = zipfile.ZipInfo(f"{NAME}/{name}", (stamp.year, stamp.month, stamp.day, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text.encode(), compresslevel=6)
    return out.getvalue()


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue()


def _links(movies: Sequence[Movie]) -> Iterable[tuple[int, str, str]]:
    """Yield the links with quirks of the real file: some lack a tmdbId, and two movies share one."""
    for i, it in enumerate(movies):
        tmdb = "" if i % 231 == 57 else str(it.tmdb_id)
        if i == 41:
            tmdb = str(movies[40].tmdb_id)
        yield it.movielens_id or 0, (it.imdb_id or "")[2:], tmdb


def _movies(seed: int, movies: Sequence[Movie]) -> Iterable[tuple[int, str, str]]:
    for it in movies:
        rng = Random(f"{seed}:{it.number}:movielens")  # noqa: S311  # invented data, not a secret
        title = _moved(it.title, "en")
        if it.original_title != it.title and it.original_title.isascii():
            title += f" ({_moved(it.original_title, it.language)})"
        if rng.random() > 0.003:
            title += f" ({it.year})"
        if rng.random() < 0.004:
            title += " "
        yield it.movielens_id or 0, title, genre.movielens_labels(rng, it.genres, it.year, it.budget)


def _moved(title: str, language: str) -> str:
    """Return the title with a leading article at its end: `Way, The`."""
    first, _, rest = title.partition(" ")
    return f"{rest}, {first}" if rest and first in _ARTICLES.get(language, ()) else title


def _ratings(seed: int, rated: Sequence[Sequence[Movie]]) -> list[tuple[int, int, float, int]]:
    rows = []
    for number, movies in enumerate(rated):
        if not movies:
            continue
        fame = list(itertools.accumulate(math.exp(min(it.fame, 9.0) * 0.55) for it in movies))
        first = 1 if number == 0 else _USERS + 1 + (number - 1) * _USERS_PER_VERSION
        for user in range(first, first + (_USERS if number == 0 else _USERS_PER_VERSION)):
            rng = Random(f"{seed}:{user}:ratings")  # noqa: S311
            bias, likes = rng.gauss(0, 0.35), set(genre.latent(rng))
            joined = rng.randint(946_684_800, 1_735_689_600) if number == 0 else 1_767_571_200
            now = joined + number * DAYS_PER_VERSION * 86_400
            count = min(len(movies), max(20, int(rng.lognormvariate(4.42, 0.75))))
            user_movies = {it.number: it for it in rng.choices(movies, cum_weights=fame, k=count)}
            year = datetime.fromtimestamp(now, UTC).year
            for it in user_movies.values():
                if it.year > year:
                    continue
                stars = 3.5 + (it.quality - 6.1) * 0.5 + bias + 0.3 * len(likes.intersection(it.genres))
                stars = min(5.0, max(0.5, round(2 * (stars - 0.2 + rng.gauss(0, 0.75))) / 2))
                now += rng.randint(2, 240)
                rows.append((user, it.movielens_id or 0, stars, now))
    return sorted(rows)


def _tags(seed: int, rated: Sequence[Sequence[Movie]]) -> list[tuple[int, int, str, int]]:
    """Return the tags: about a third of the movies have some, and each version tags some new movies."""
    rows: set[tuple[int, int, str, int]] = set()
    earlier = 0
    for number, movies in enumerate(rated):
        for it in movies[earlier:]:
            rng = Random(f"{seed}:{it.number}:tags")  # noqa: S311
            if rng.random() > 0.24 + 0.02 * max(0.0, min(8.0, it.fame)):
                continue
            people = [it.directors[0].name, *(actor.name for actor in it.actors[:2])]
            for _ in range(1 + int(rng.expovariate(1 / _TAGGERS))):
                user = rng.choice((*range(3, 600, 8), *([_BOOKKEEPER] * 6)))
                roll = rng.random()
                if user == _BOOKKEEPER and roll < 0.9:
                    tag = rng.choice(_BOOKKEEPING)
                elif roll < 0.07:
                    section = rng.choice(it.genres)
                    tag = rng.choice(_GENRE_TAGS.get(section, (section.lower(), section)))
                elif roll < 0.16:
                    tag = rng.choice(people)
                else:
                    tag = rng.choice(words()[genre.lean(rng, it.genres, 0.6)]["tags"])
                tag = rng.choice((tag, tag, tag, tag, tag.title(), tag.capitalize()))
                since = max(1_136_073_600, int((it.year - 1970) * 31_556_952) + 31_556_952)
                now = (
                    rng.randint(min(since, 1_760_000_000), 1_767_000_000) + number * DAYS_PER_VERSION * 86_400
                )
                rows.add((user, it.movielens_id or 0, tag, now))
        earlier = len(movies)
    return sorted(rows)
