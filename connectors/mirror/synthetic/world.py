"""`SyntheticCatalogue`: a film world that was never made, for the mirror to serve."""

from collections import Counter
from collections.abc import Sequence
from datetime import date

from connectors.mirror import poster_art
from connectors.mirror.source_catalogue import Record
from connectors.mirror.synthetic import imdb, movielens
from connectors.mirror.synthetic.days import create, live
from connectors.mirror.synthetic.movies import MOST_MOVIES

_MOST = MOST_MOVIES * 3 // 4  # at the start: the rest is for the movies that come with time


class SyntheticCatalogue:
    """Invented movies, people, companies, ratings, tags and posters, as a `Catalogue`.

    Everything is made up, titles, names and sentences included; no figure says anything about real films.
    Genres leave a noisy trace in words, keywords, tags, people, numbers and posters, and movies miss some of
    these (about 18 % have no poster, 4 % no overview, 15 % no keywords, 3 % no IMDb id).

    Equal arguments give equal worlds, on any machine and in any process; a movie's facts do not depend on how
    many movies there are, and a day is the same whether one came to it by `advance` or started on it.
    (Compressed bytes, of JPEG and deflate, are equal where the compressing libraries are.)

    Parameters
    ----------
    movies
        number of TMDb records on day 0: 1 to 15,000 (3,000 take about a second to make).
    seed
        of everything.
    day
        how many days after `start` to begin.
    start
        the date of day 0.

    Examples
    --------
    >>> catalogue = SyntheticCatalogue(movies=20, seed=7)
    >>> catalogue.today().isoformat(), len(catalogue.ids())
    ('2026-01-05', 20)
    """

    def __init__(
        self, movies: int = 3000, seed: int = 7, day: int = 0, start: date = date(2026, 1, 5)
    ) -> None:
        if not 1 <= movies <= _MOST:
            raise ValueError(f"a synthetic catalogue has 1 to {_MOST:,} movies, not {movies:,}")
        if day < 0:
            raise ValueError(f"a synthetic catalogue starts on day 0 or later, not on day {day}")
        self._world = create(seed, movies, start)
        self._imdb: dict[str, bytes] = {}
        self._movielens: tuple[int, bytes] | None = None
        if day:
            self.advance(day)

    @property
    def day(self) -> int:
        """Return how many days have passed since the start."""
        return self._world.day

    def today(self) -> date:
        """Return the catalogue's date."""
        return self._world.today

    def advance(self, days: int = 1) -> None:
        """Move the date on, one day after the other; raise ValueError for less than a day."""
        if days < 1:
            raise ValueError(f"time moves forward only, not by {days} days")
        for _ in range(days):
            live(self._world)
        self._imdb.clear()

    def movie(self, tmdb_id: int) -> Record | None:
        """Return a movie's TMDb record, a fresh copy; None where TMDb answers 404."""
        return self._world.read(tmdb_id) if tmdb_id in self._world.records else None

    def ids(self) -> Sequence[int]:
        """Return the ids that are alive, ascending."""
        return tuple(self._world.records)

    def changed(self, start: date, end: date) -> list[int]:
        """Return the ids that were new, edited, merged or deleted from `start` to `end`, both included.

        Every third id that goes is left out, as TMDb forgets some: only the export shows it.
        """
        changed_ids: set[int] = set()
        for day, ids in self._world.changed.items():
            if start <= day <= end:
                changed_ids |= ids
        return sorted(changed_ids)

    def poster(self, path: str) -> bytes | None:
        """Return the JPEG of a poster path, also of one no longer in use; None for a lost image."""
        owner = self._world.posters.get(path)
        if owner is None:
            return None
        tmdb_id, revision = owner
        it = self._world.by_id[tmdb_id]
        if it.poster == "lost" and revision == 0:
            return None
        return poster_art.draw(
            f"{self._world.seed}:{tmdb_id}:{revision}",
            title=it.title,
            genres=it.genres,
            year=it.year,
            names=[actor.name for actor in it.actors],
        )

    def imdb_datasets(self) -> list[str]:
        """Return the names of the IMDb files."""
        return list(imdb.DATASETS)

    def imdb_file(self, name: str) -> bytes | None:
        """Return the day's `.tsv.gz` of a dataset, made when first asked for; None for a name not known."""
        if name not in imdb.DATASETS:
            return None
        if name not in self._imdb:
            self._imdb[name] = imdb.file(self._world, name)
        return self._imdb[name]

    def movielens_sets(self) -> list[str]:
        """Return the names of the MovieLens sets."""
        return [movielens.NAME]

    def movielens_zip(self, name: str) -> bytes | None:
        """Return the current version's zip, made when first asked for; None for a name not known."""
        if name != movielens.NAME:
            return None
        current = movielens.version(self._world.day)
        if self._movielens is None or self._movielens[0] != current:
            self._movielens = (current, movielens.archive(self._world, current))
        return self._movielens[1]

    def describe(self) -> dict[str, int]:
        """Return counts over the movies alive today.

        Keys: `movies`, `posters` (with a path), `lost_posters` (a path without an image), `overviews`,
        `taglines`, `keywords`, `imdb_ids`, `movielens` (in the current MovieLens set), `budgets`, `foreign`
        (not in English), `collections`, `unlabelled` (no TMDb genre), and `genre:<TMDb name>` each.
        """
        world = self._world
        counts: Counter[str] = Counter()
        in_movielens = world.counts[movielens.version(world.day) * movielens.DAYS_PER_VERSION]
        for tmdb_id in world.records:
            it, record = world.by_id[tmdb_id], world.read(tmdb_id)
            path = record["poster_path"]
            facts = {
                "movies": True,
                "posters": path is not None,
                "lost_posters": path is not None and it.poster == "lost" and world.posters[path][1] == 0,
                "overviews": record["overview"] != "",
                "taglines": record["tagline"] != "",
                "keywords": bool(record["keywords"]["keywords"]),
                "imdb_ids": record["imdb_id"] is not None,
                "movielens": it.movielens_id is not None and it.number < in_movielens,
                "budgets": record["budget"] > 0,
                "foreign": record["original_language"] != "en",
                "collections": record["belongs_to_collection"] is not None,
                "unlabelled": not record["genres"],
            }
            counts.update(key for key, holds in facts.items() if holds)
            counts.update(f"genre:{entry['name']}" for entry in record["genres"])
        return dict(counts)
