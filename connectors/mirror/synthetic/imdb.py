"""The synthetic IMDb files: `title.basics`, `title.ratings` and `title.crew`, new every day.

They hold the catalogue's movies that have an IMDb id, whatever became of them at TMDb, and some 2,000 titles
that TMDb's movies do not have: shorts, series, episodes, and films.
"""

import gzip
import io
import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from random import Random

from connectors.mirror.synthetic import genres as genre
from connectors.mirror.synthetic import titles
from connectors.mirror.synthetic.days import World
from connectors.mirror.synthetic.movies import Movie

DATASETS = ("title.basics", "title.crew", "title.ratings")

_OTHERS, _OTHERS_PER_DAY = 2_000, 4
_RATED_EVERY = 50  # days: each day, one title in so many gets votes
_HEADERS = {
    "title.basics": (
        "tconst\ttitleType\tprimaryTitle\toriginalTitle\tisAdult\tstartYear\tendYear\truntimeMinutes\tgenres"
    ),
    "title.crew": "tconst\tdirectors\twriters",
    "title.ratings": "tconst\taverageRating\tnumVotes",
}
_KINDS = ("short", "tvSeries", "tvEpisode", "movie", "video", "tvMiniSeries")


@dataclass(frozen=True, slots=True)
class Title:
    """One row of each file, as text without the day's ratings: `basics`, `crew`; `votes` 0 for unrated."""

    tconst: str
    basics: str
    crew: str
    rating: float
    votes: int


def file(world: World, dataset: str) -> bytes:
    """Return one dataset of the world's day as `.tsv.gz`, sorted by id; KeyError for an unknown name."""
    lines = [_HEADERS[dataset]]
    for title in sorted(_titles(world), key=lambda title: title.tconst):
        if dataset == "title.basics":
            lines.append(title.basics)
        elif dataset == "title.crew":
            lines.append(title.crew)
        else:
            rating, votes = _on_day(title, world.day)
            if votes >= 5:
                lines.append(f"{title.tconst}\t{rating:.1f}\t{votes}")
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=6, mtime=0, filename="") as zipped:
        zipped.write(("\n".join(lines) + "\n").encode())
    return out.getvalue()


def _titles(world: World) -> Iterable[Title]:
    for it in world.movies:
        if it.imdb_id:
            yield _of_movie(world.seed, it)
    for number in range(_OTHERS + world.day * _OTHERS_PER_DAY):
        yield _other(world.seed, number, world.first_day.year)


@lru_cache(maxsize=16_384)
def _of_movie(seed: int, it: Movie) -> Title:
    rng = Random(f"{seed}:{it.number}:imdb")  # noqa: S311  # invented data, not a secret
    kind = "tvMovie" if "TV Movie" in it.genres else "short" if 0 < it.runtime < 40 else "movie"
    basics = (
        it.imdb_id or "",
        kind,
        it.title,
        it.original_title,
        "0",
        str(it.year) if rng.random() > 0.01 else None,
        None,
        str(it.runtime + rng.choice((0, 0, 0, 1, -1, 2))) if it.runtime and rng.random() > 0.05 else None,
        genre.imdb_labels(rng, it.genres, it.year),
    )
    crew = (
        it.imdb_id or "",
        ",".join(person.nconst for person in it.directors) if rng.random() > 0.01 else None,
        ",".join(person.nconst for person in it.writers) if rng.random() > 0.06 else None,
    )
    rating = min(9.6, max(1.2, it.quality + rng.gauss(0.1, 0.35)))
    votes = int(math.exp(min(13.0, it.fame + 2.2 + rng.gauss(0, 0.4))))
    return Title(it.imdb_id or "", _row(basics), _row(crew), rating, votes)


@lru_cache(maxsize=16_384)
def _other(seed: int, number: int, last_year: int) -> Title:
    rng = Random(f"{seed}:{number}:elsewhere")  # noqa: S311
    genres = genre.latent(rng)
    kind = rng.choices(_KINDS, weights=(30, 16, 22, 22, 6, 4))[0]
    year = last_year - int(rng.betavariate(1, 2.5) * 95)
    # the last digit 4 of five keeps these ids clear of the movies'
    tconst = f"tt{(min(year, 2018) - 1930) * 110_000 + number * 5 + 4:07d}"
    language = "en" if rng.random() < 0.7 else rng.choice(("fr", "de", "ja", "es", "sv"))
    original, primary = (
        titles.foreign(rng, language) if language != "en" else (titles.english(rng, genres),) * 2
    )
    if kind == "tvEpisode":
        primary = original = rng.choice((f"Episode #{rng.randint(1, 9)}.{rng.randint(1, 40)}", primary))
    if rng.random() < 0.02:  # quotes are data in these files, closed or not
        primary = rng.choice((f'"{primary}"', f'The "{primary}" Case', f'{primary} "Uncut'))
    end = (
        str(min(last_year, year + rng.randint(0, 9)))
        if kind.endswith("Series") and rng.random() < 0.7
        else None
    )
    minutes = {"short": 14, "tvSeries": 44, "tvEpisode": 42, "video": 70, "tvMiniSeries": 52}.get(kind, 96)
    basics = (
        tconst,
        kind,
        primary,
        original,
        "1" if kind == "video" and rng.random() < 0.1 else "0",
        str(year) if rng.random() > 0.05 else None,
        end,
        str(max(2, round(rng.gauss(minutes, minutes * 0.2)))) if rng.random() > 0.3 else None,
        genre.imdb_labels(rng, genres, year),
    )
    maker = f"nm{9_000_000 + rng.randrange(900_000):07d}"
    crew = (tconst, maker if rng.random() > 0.3 else None, maker if rng.random() > 0.5 else None)
    votes = int(rng.lognormvariate(2.6, 1.6))
    return Title(tconst, _row(basics), _row(crew), min(9.8, max(1.0, rng.gauss(6.5, 1.3))), votes)


def _row(values: Iterable[str | None]) -> str:
    return "\t".join("\\N" if value is None else value for value in values)


def _on_day(title: Title, day: int) -> tuple[float, int]:
    """Return average rating and number of votes: every title gets votes once in `_RATED_EVERY` days."""
    rating, votes = title.rating, title.votes
    first = zlib.crc32(title.tconst.encode()) % _RATED_EVERY + 1
    for passed in range(first, day + 1, _RATED_EVERY):
        rng = Random(f"{title.tconst}:{passed}")  # noqa: S311
        votes += rng.randint(1, 30 + votes // 50)
        rating = min(9.9, max(1.0, rating + rng.gauss(0, 0.08)))
    return rating, votes
