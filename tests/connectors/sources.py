"""Small stand-ins for what the sources send."""

import io
import zipfile
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import PIL.Image

DATE = "Fri, 20 Nov 2026 08:00:00 GMT"


def jpeg(width: int = 185, height: int = 278, mode: str = "RGB", colour: str | None = None) -> bytes:
    """A plain JPEG of that size in pixels."""
    buffer = io.BytesIO()
    image = PIL.Image.effect_noise((width, height), 60).convert(mode)
    if colour is not None:
        image.paste(colour, (0, 0, width // 2, height // 2))
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def archive(members: Mapping[str, bytes | str]) -> bytes:
    """A zip file with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


class Clock:
    """A clock that only sleeping moves; `slept` keeps the seconds asked for."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Sleep for plain functions."""
        self.slept.append(seconds)
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep for coroutines."""
        self.advance(seconds)


class SmallCatalogue:
    """A catalogue for the mirror of a few movies, images and files, all of them changeable."""

    def __init__(self) -> None:
        self.day = date(2026, 11, 20)
        self.movies: dict[int, dict[str, Any]] = {}
        self.edits: dict[date, set[int]] = {}
        self.posters: dict[str, bytes] = {}
        self.imdb: dict[str, bytes] = {}
        self.movielens: dict[str, bytes] = {}

    def add(self, *ids: int) -> None:
        """Add movies with these ids and everything that TMDb sends of a movie."""
        for tmdb_id in ids:
            self.movies[tmdb_id] = {
                "id": tmdb_id,
                "title": f"Movie {tmdb_id}",
                "original_title": f"Movie {tmdb_id}",
                "imdb_id": f"tt{tmdb_id:07}",
                "adult": False,
                "video": False,
                "overview": "",
                "tagline": "",
                "genres": [{"id": 18, "name": "Drama"}],
                "original_language": "en",
                "status": "Released",
                "release_date": "2001-02-03",
                "runtime": 90,
                "budget": 0,
                "revenue": 0,
                "homepage": "",
                "popularity": 1.0,
                "vote_average": 5.0,
                "vote_count": 10,
                "origin_country": ["US"],
                "poster_path": f"/{tmdb_id}.jpg",
                "backdrop_path": None,
                "belongs_to_collection": None,
                "production_companies": [],
                "production_countries": [],
                "spoken_languages": [],
                "keywords": {"keywords": []},
                "credits": {"cast": [], "crew": []},
                "release_dates": {"results": []},
                "external_ids": {"imdb_id": f"tt{tmdb_id:07}"},
                "alternative_titles": {"titles": []},
            }

    def today(self) -> date:
        return self.day

    def advance(self, days: int) -> None:
        self.day += timedelta(days)

    def movie(self, tmdb_id: int) -> dict[str, Any] | None:
        return dict(self.movies[tmdb_id]) if tmdb_id in self.movies else None

    def ids(self) -> list[int]:
        return sorted(self.movies)

    def changed(self, start: date, end: date) -> list[int]:
        return sorted({i for day, ids in self.edits.items() if start <= day <= end for i in ids})

    def poster(self, path: str) -> bytes | None:
        return self.posters.get(path)

    def imdb_datasets(self) -> list[str]:
        return sorted(self.imdb)

    def imdb_file(self, name: str) -> bytes | None:
        return self.imdb.get(name)

    def movielens_sets(self) -> list[str]:
        return sorted(self.movielens)

    def movielens_zip(self, name: str) -> bytes | None:
        return self.movielens.get(name)
