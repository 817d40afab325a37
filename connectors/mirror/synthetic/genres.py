"""Genres of the synthetic catalogue: which go together, how often, and what each source calls them.

A movie has *latent* genres, the first of which is its main one. Words, people, dates, tags and the poster
lean on the latent genres; each source's labels are derived from them with errors of that source's own.
"""

from collections.abc import Mapping, Sequence
from random import Random

TMDB_GENRES: Mapping[str, int] = {
    "Action": 28,
    "Adventure": 12,
    "Animation": 16,
    "Comedy": 35,
    "Crime": 80,
    "Documentary": 99,
    "Drama": 18,
    "Family": 10751,
    "Fantasy": 14,
    "History": 36,
    "Horror": 27,
    "Music": 10402,
    "Mystery": 9648,
    "Romance": 10749,
    "Science Fiction": 878,
    "TV Movie": 10770,
    "Thriller": 53,
    "War": 10752,
    "Western": 37,
}
"""TMDb's 19 movie genres and their ids, from `/genre/movie/list`."""

_NAMES = tuple(TMDB_GENRES)

_FIRST: Mapping[str, float] = {  # how often a genre is a movie's main one
    "Action": 10,
    "Adventure": 4.5,
    "Animation": 4,
    "Comedy": 19.5,
    "Crime": 5,
    "Documentary": 6,
    "Drama": 24,
    "Family": 2.2,
    "Fantasy": 2.8,
    "History": 1.3,
    "Horror": 8,
    "Music": 2,
    "Mystery": 2,
    "Romance": 4,
    "Science Fiction": 4,
    "TV Movie": 0.4,
    "Thriller": 6,
    "War": 1.5,
    "Western": 2,
}

_NEXT: Mapping[str, Mapping[str, float]] = {  # what a main genre is joined by
    "Action": {"Thriller": 6, "Adventure": 5, "Crime": 4, "Drama": 4, "Science Fiction": 3, "Comedy": 3,
               "War": 1},
    "Adventure": {"Action": 5, "Fantasy": 3, "Family": 3, "Drama": 3, "Comedy": 2, "Science Fiction": 2,
                  "Animation": 1},
    "Animation": {"Family": 8, "Comedy": 6, "Adventure": 5, "Fantasy": 4, "Science Fiction": 1, "Music": 1},
    "Comedy": {"Drama": 7, "Romance": 6, "Family": 2, "Crime": 2, "Fantasy": 1, "Music": 1, "Horror": 1,
               "TV Movie": 0.1},
    "Crime": {"Drama": 7, "Thriller": 7, "Mystery": 3, "Action": 3, "Comedy": 1},
    "Documentary": {"History": 2, "Music": 2, "Drama": 1, "War": 0.6, "Crime": 0.6},
    "Drama": {"Romance": 6, "Comedy": 5, "Thriller": 3, "Crime": 3, "History": 2, "War": 1.4, "Family": 1.4,
              "Music": 1, "Mystery": 1, "TV Movie": 0.15},
    "Family": {"Comedy": 6, "Adventure": 4, "Fantasy": 3, "Drama": 3, "Animation": 3, "TV Movie": 0.2},
    "Fantasy": {"Adventure": 5, "Action": 3, "Family": 3, "Drama": 3, "Romance": 2, "Horror": 2, "Comedy": 2},
    "History": {"Drama": 9, "War": 4, "Adventure": 2, "Romance": 2, "Action": 1},
    "Horror": {"Thriller": 7, "Mystery": 3, "Science Fiction": 2, "Fantasy": 1, "Comedy": 1.5, "Drama": 1.5},
    "Music": {"Drama": 5, "Comedy": 4, "Romance": 3, "Documentary": 2, "Family": 1},
    "Mystery": {"Thriller": 6, "Crime": 5, "Drama": 5, "Horror": 3},
    "Romance": {"Drama": 7, "Comedy": 7, "Fantasy": 1, "Music": 1, "TV Movie": 0.2},
    "Science Fiction": {"Action": 5, "Adventure": 4, "Thriller": 4, "Horror": 2.5, "Drama": 2, "Comedy": 1},
    "TV Movie": {"Drama": 5, "Romance": 4, "Thriller": 3, "Family": 3, "Comedy": 2},
    "Thriller": {"Drama": 5, "Crime": 5, "Action": 4, "Mystery": 4, "Horror": 3},
    "War": {"Drama": 8, "Action": 4, "History": 4, "Adventure": 1},
    "Western": {"Action": 4, "Drama": 3, "Adventure": 2, "Comedy": 1, "Romance": 1},
}  # fmt: skip

_MOVIELENS = {"Family": "Children", "Music": "Musical", "Science Fiction": "Sci-Fi", "History": "Drama"}
_IMDB = {"Science Fiction": "Sci-Fi"}


def latent(rng: Random) -> tuple[str, ...]:
    """Return one to four TMDb genre names, the main one first, each once."""
    names = rng.choices(_NAMES, weights=tuple(_FIRST.values()))
    for _ in range(rng.choices((0, 1, 2, 3), weights=(18, 36, 32, 14))[0]):
        following = _NEXT[names[0]]
        extra = rng.choices(tuple(following), weights=tuple(following.values()))[0]
        if rng.random() < 0.04:
            extra = rng.choice(_NAMES)
        if extra not in names:
            names.append(extra)
    return tuple(names)


def lean(rng: Random, genres: Sequence[str], fidelity: float) -> str:
    """Return a vocabulary section for one choice: a latent genre with probability `fidelity`, else noise.

    The main genre counts twice as much as each of the others; noise is `Common` in seven cases of ten, else
    any genre.
    """
    if rng.random() < fidelity:
        return rng.choice((genres[0], *genres))
    if rng.random() < 0.7:
        return "Common"
    return rng.choices(_NAMES, weights=tuple(_FIRST.values()))[0]


def tmdb_labels(rng: Random, genres: Sequence[str]) -> list[dict[str, object]]:
    """Return TMDb's `genres`: editors omit 7 % of the lesser ones, add 4 %, and leave 1 % of movies bare."""
    if rng.random() < 0.01:
        return []
    kept = [g for i, g in enumerate(genres) if i == 0 or rng.random() > 0.07]
    if rng.random() < 0.04:
        extra = rng.choice(tuple(_NEXT[genres[0]]))
        kept += [extra] if extra not in kept else []
    return [{"id": TMDB_GENRES[g], "name": g} for g in kept]


def movielens_labels(rng: Random, genres: Sequence[str], year: int, budget: int) -> str:
    """Return MovieLens' `genres` column: 18 names joined by `|`, sometimes IMAX, 3 % `(no genres listed)`."""
    if rng.random() < 0.03:
        return "(no genres listed)"
    kept = {_MOVIELENS.get(g, g) for g in genres if g != "TV Movie" and rng.random() > 0.06}
    if not kept:
        kept = {"Drama"}
    if year < 1960 and kept & {"Crime", "Mystery", "Thriller"} and rng.random() < 0.6:
        kept.add("Film-Noir")
    if "Animation" in kept and rng.random() < 0.5:
        kept.add("Children")
    if year >= 2002 and budget > 70_000_000 and rng.random() < 0.4:
        kept.add("IMAX")
    return "|".join(sorted(kept, key=lambda g: (g == "IMAX", g)))


def imdb_labels(rng: Random, genres: Sequence[str], year: int) -> str | None:
    """Return IMDb's `genres` column: up to three names, alphabetical, joined by commas; None for 2 %."""
    if rng.random() < 0.02:
        return None
    kept = [_IMDB.get(g, g) for g in genres if g != "TV Movie" and rng.random() > 0.05]
    if "History" in kept and rng.random() < 0.6:
        kept.insert(1, "Biography")
    if "Music" in kept and rng.random() < 0.3:
        kept.append("Musical")
    if kept[:1] == ["Documentary"] and rng.random() < 0.1:
        kept.insert(1, "Sport")
    if year < 1960 and "Crime" in kept and rng.random() < 0.5:
        kept.insert(1, "Film-Noir")
    return ",".join(sorted(kept[:3])) or "Drama"
