"""What happens to the catalogue on one day: new movies, edits, merges and deletions."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from random import Random
from typing import Any

from connectors.mirror.source_catalogue import Record
from connectors.mirror.synthetic import genres as genre
from connectors.mirror.synthetic import movies, prose
from connectors.mirror.synthetic.movies import Movie
from connectors.mirror.synthetic.people import Pool

NEW, EDITED, GONE = 0.003, 0.007, 0.001
"""Shares of the catalogue that are new, edited, and merged or deleted on one day."""


@dataclass(slots=True)
class World:
    """The catalogue on one day.

    `movies` are all that ever were, in the order of their numbers, and `counts` how many on each day;
    `records` are the TMDb records of those that are alive, as JSON by TMDb id (ascending); `posters` tells
    whose image, in which revision, a path ever meant; `changed` holds what TMDb's list of changes shows for
    each day; `gone` maps a TMDb id that answers no more to the one it was merged into, or None.
    """

    seed: int
    first_day: date
    pool: Pool
    day: int = 0
    movies: list[Movie] = field(default_factory=list)
    by_id: dict[int, Movie] = field(default_factory=dict)
    records: dict[int, str] = field(default_factory=dict)
    posters: dict[str, tuple[int, int]] = field(default_factory=dict)
    counts: list[int] = field(default_factory=list)
    changed: dict[date, set[int]] = field(default_factory=dict)
    gone: dict[int, int | None] = field(default_factory=dict)

    @property
    def today(self) -> date:
        """Return the date of the day the world has come to."""
        return self.first_day + timedelta(days=self.day)

    def add(self, number: int, arrival: date | None = None) -> int:
        """Create movie `number` and return its TMDb id."""
        it = movies.movie(self.seed, number, self.pool, self.first_day, arrival)
        self.movies.append(it)
        self.by_id[it.tmdb_id] = it
        self.write(movies.record(self.seed, it, self.pool, self.today))
        return it.tmdb_id

    def read(self, tmdb_id: int) -> Record:
        """Return a fresh copy of a record."""
        record: Record = json.loads(self.records[tmdb_id])
        return record

    def write(self, record: Record) -> None:
        """Store a record."""
        self.records[record["id"]] = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
        if record["poster_path"]:
            self.posters.setdefault(record["poster_path"], (record["id"], 0))


def create(seed: int, count: int, first_day: date) -> World:
    """Return the world of day 0 with `count` movies."""
    world = World(seed, first_day, Pool(seed))
    for number in range(count):
        world.add(number)
    world.counts.append(count)
    return world


def live(world: World) -> None:
    """Move the world one day on.

    New movies: 0.3 %, at least 3. Edited: 0.7 %, at least 5. Merged or deleted: 0.1 %, at least 1, of which
    every third (counted from day 1) is missing from the day's changes, as at TMDb: only the export shows it.
    """
    world.day += 1
    rng = Random(f"{world.seed}:day:{world.day}")  # noqa: S311  # invented data, not a secret
    alive = list(world.records)
    size = len(alive)
    changed: set[int] = set()
    for tmdb_id in rng.sample(alive, min(size, max(1, round(size * GONE)))):
        victim = _duplicate(world) or tmdb_id
        if victim in world.records:
            changed |= _remove(rng, world, victim)
    alive = list(world.records)
    for tmdb_id in rng.sample(alive, min(len(alive), max(5, round(size * EDITED)))):
        record = world.read(tmdb_id)
        edit, _ = rng.choices(_EDITS, weights=[weight for _, weight in _EDITS])[0]
        edit(rng, world, record)
        world.write(record)
        changed.add(tmdb_id)
    for _ in range(max(3, round(size * NEW))):
        changed.add(world.add(len(world.movies), arrival=world.today))
    world.counts.append(len(world.movies))
    world.changed[world.today] = changed


def _duplicate(world: World) -> int | None:
    """Return a second record whose original is alive too, if there is one: those are merged first."""
    for it in world.movies:
        if it.duplicate_of is not None and it.tmdb_id in world.records:
            return it.tmdb_id
    return None


def _remove(rng: Random, world: World, victim: int) -> set[int]:
    """Merge a movie into the one it doubles, or delete it; return what the list of changes shows of it."""
    shown: set[int] = set()
    it = world.by_id[victim]
    heir = None if it.duplicate_of is None else world.movies[it.duplicate_of].tmdb_id
    if heir is not None and heir in world.records:
        record = world.read(heir)
        record["vote_count"] += world.read(victim)["vote_count"]
        record["popularity"] = round(record["popularity"] * rng.uniform(1.0, 1.1), 4)
        world.write(record)
        shown.add(heir)
    del world.records[victim]
    world.gone[victim] = heir if heir in world.records else None
    if len(world.gone) % 3:
        shown.add(victim)
    return shown


def _edit_overview(rng: Random, world: World, record: Record) -> None:
    it = world.by_id[record["id"]]
    record["overview"] = prose.overview(rng, it.genres, it.hero, it.year)


def _edit_votes(rng: Random, world: World, record: Record) -> None:
    record["vote_count"] += rng.randint(1, 40)
    mean = record["vote_average"] or world.by_id[record["id"]].quality
    record["vote_average"] = round(min(10.0, max(0.5, mean + rng.gauss(0, 0.15))), 3)
    record["popularity"] = round(record["popularity"] * rng.uniform(0.7, 1.6), 4)


def _edit_poster(rng: Random, world: World, record: Record) -> None:
    if record["poster_path"] and rng.random() < 0.12:
        record["poster_path"] = None
        return
    revision = 1 + sum(owner == record["id"] for owner, _ in world.posters.values())
    path = movies.poster_path(world.seed, record["id"], revision)
    record["poster_path"] = path
    world.posters[path] = (record["id"], revision)


def _edit_keywords(rng: Random, world: World, record: Record) -> None:
    held: list[dict[str, Any]] = record["keywords"]["keywords"]
    known = {entry["id"] for entry in held}
    fresh = [e for e in movies.keywords(rng, world.by_id[record["id"]].genres) if e["id"] not in known]
    if fresh:
        held.append(fresh[0])
    elif held:
        held.pop()


def _edit_genres(rng: Random, world: World, record: Record) -> None:
    held = record["genres"]
    names = [entry["name"] for entry in held]
    missing = [g for g in world.by_id[record["id"]].genres if g not in names]
    if missing or not held:
        name = missing[0] if missing else "Drama"
        held.append({"id": genre.TMDB_GENRES[name], "name": name})
    elif len(held) > 1:
        held.pop()
    else:
        name = rng.choice([g for g in genre.TMDB_GENRES if g not in names])
        held.append({"id": genre.TMDB_GENRES[name], "name": name})


Edit = Callable[[Random, World, Record], None]
_EDITS: tuple[tuple[Edit, int], ...] = (
    (_edit_votes, 30),
    (_edit_overview, 25),
    (_edit_poster, 20),
    (_edit_keywords, 15),
    (_edit_genres, 10),
)
