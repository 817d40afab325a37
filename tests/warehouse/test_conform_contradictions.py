"""Sources that contradict each other, in any order and in any batches, end where one clean load ends."""

# ruff: noqa: S608 — the names are this file's own

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.landing import NOON, answer, gone, land_rows, land_tmdb
from tests.warehouse.test_conform_incremental import dump
from warehouse import Location, Warehouse
from warehouse.conform import conform
from warehouse.land import land_tmdb_export

SETS = ("ml-latest-small", "ml-20m-partial")
TITLES = ("0000001", "0000002", "0000003")
RECORDS = (1, 2, 3, 4)
MOVIES = (1, 2, 3)
Event = Callable[[Warehouse], Any]


@dataclass(frozen=True)
class Answer:
    """TMDb's answer about a record; `imdb_id` None: it names none, "gone": 404."""

    tmdb_id: int
    imdb_id: str | None

    def __call__(self, wh: Warehouse) -> None:
        if self.imdb_id == "gone":
            land_tmdb(wh, [gone(self.tmdb_id)])
        else:
            named = {"imdb_id": "tt" + self.imdb_id} if self.imdb_id else {}
            land_tmdb(wh, [answer(self.tmdb_id, title=f"Record {self.tmdb_id}", **named)])


@dataclass(frozen=True)
class Export:
    """TMDb's list of ids, some of which may be missing."""

    day: int
    listed: frozenset[int]

    def __call__(self, wh: Warehouse) -> None:
        ids = [*sorted(self.listed), 99]
        rows = pa.table({"tmdb_id": ids, "adult": [False] * len(ids), "popularity": [1.0] * len(ids),
                         "video": [False] * len(ids)})  # fmt: skip
        wh.commit(lambda tx: land_tmdb_export(tx, rows, date(2026, 3, 2) + timedelta(days=self.day)))


@dataclass(frozen=True)
class MovieLens:
    """A MovieLens set: (movielens_id, imdb digits, tmdb_id)."""

    dataset: str
    rows: tuple[tuple[int, str | None, int | None], ...]

    def __call__(self, wh: Warehouse) -> None:
        movies = [(i, f"Movie {i} (1990)", "Drama") for i, _, _ in self.rows]
        land_rows(wh, "movielens", self.dataset, "movies", movies)
        land_rows(wh, "movielens", self.dataset, "links", self.rows)


@dataclass(frozen=True)
class Titles:
    """IMDb's titles, each a film or not."""

    kinds: tuple[tuple[str, bool], ...]

    def __call__(self, wh: Warehouse) -> None:
        rows = [
            ("tt" + t, "movie" if film else "tvEpisode", f"Title {t}", None, False, 1990, None, 90, "Drama")
            for t, film in self.kinds
        ]
        land_rows(wh, "imdb", "title.basics", "title.basics", rows)


@dataclass(frozen=True)
class Decided:
    """A person's word about an id, even one that closes a circle, as two people at once may write it."""

    number: int
    source: str
    source_id: str
    target: str | None

    def __call__(self, wh: Warehouse) -> None:
        row = {
            "decision_id": str(self.number), "source": self.source, "source_id": self.source_id,
            "target": self.target, "author": "ann", "reason": "seen it",
            "decided_at": NOON + timedelta(minutes=self.number),
        }  # fmt: skip
        table = pa.Table.from_pylist([row])
        if self.target is None:
            table = table.set_column(
                table.column_names.index("target"), "target", pa.array([None], pa.string())
            )
        wh.commit(lambda tx: tx.append("core.id_decisions", table))


def _movielens(dataset: str) -> st.SearchStrategy[MovieLens]:
    link = st.tuples(st.sampled_from((None, *TITLES)), st.sampled_from((None, *RECORDS, 5)))
    files = st.dictionaries(st.sampled_from(MOVIES), link, min_size=1, max_size=3)
    return files.map(lambda rows: MovieLens(dataset, tuple((i, *rows[i]) for i in sorted(rows))))


_TMDB = st.one_of(
    st.builds(Answer, st.sampled_from(RECORDS), st.sampled_from((None, "gone", *TITLES))),
    st.builds(Answer, st.sampled_from(RECORDS), st.sampled_from(TITLES)),
    st.builds(lambda listed: Export(0, listed), st.frozensets(st.sampled_from(RECORDS), min_size=2)),
)
_KINDS = st.dictionaries(st.sampled_from(TITLES), st.booleans(), min_size=1, max_size=3)
_IDS = ([("tmdb", str(i)) for i in RECORDS] + [("imdb", "tt" + t) for t in TITLES[:2]]
        + [("movielens", str(i)) for i in MOVIES])  # fmt: skip
_TARGETS = (None, *("tt" + t for t in TITLES), "tmdb:1", "tmdb:2", "tmdb:5", "movielens:1", "movielens:2")


@st.composite
def streams(draw: st.DrawFn) -> list[list[Event]]:
    """What each source says, one after another, and what a person decides."""
    tmdb = [
        Export(day, event.listed) if isinstance(event, Export) else event
        for day, event in enumerate(draw(st.lists(_TMDB, max_size=6)))
    ]
    decided = draw(
        st.lists(st.tuples(st.sampled_from(_IDS), st.sampled_from(_TARGETS)), max_size=4)
        if draw(st.booleans())
        else st.just([])
    )
    return [
        list(tmdb),
        list(draw(st.lists(_movielens(SETS[0]), max_size=3))),
        list(draw(st.lists(_movielens(SETS[1]), max_size=1))),
        list(draw(st.lists(_KINDS.map(lambda kinds: Titles(tuple(sorted(kinds.items())))), max_size=2))),
        [Decided(n, *subject, target) for n, (subject, target) in enumerate(decided)],
    ]


def contents(wh: Warehouse) -> dict[str, list[tuple[Any, ...]]]:
    """All of core, its conflicts among it, with each movie under its natural name."""

    def name(alias: str) -> str:
        return f"coalesce({alias}.imdb_id, 'tmdb:' || {alias}.tmdb_id, 'movielens:' || {alias}.movielens_id)"

    sql = (
        f"SELECT c.* EXCLUDE (lost_movie_id, won_movie_id, batch_id, won_batch_id, known_time), {name('l')}, "
        f"{name('w')} FROM core.id_conflicts AS c LEFT JOIN core.movies AS l ON l.movie_id = lost_movie_id "
        "LEFT JOIN core.movies AS w ON w.movie_id = won_movie_id"
    )
    conflicts = sorted((tuple(row.values()) for row in wh.query(sql).to_pylist()), key=repr)
    return dump(wh) | {"id_conflicts": conflicts}


def check_ids(wh: Warehouse) -> None:
    """Hold what must always be true, by plain Python over what the tables contain."""
    movies = wh.query("FROM core.movies").to_pylist()
    live = {row["movie_id"]: row for row in movies if row["deleted_at"] is None}
    for column in ("tmdb_id", "imdb_id", "movielens_id"):
        counts = Counter(row[column] for row in live.values() if row[column] is not None)
        assert not {value: n for value, n in counts.items() if n > 1}, column
    assert len({row["movie_id"] for row in movies}) == len(movies)
    known = wh.query("FROM core.id_map").to_pylist()
    active = Counter((row["source"], row["source_id"]) for row in known if row["state"] == "active")
    assert not {node: n for node, n in active.items() if n > 1}
    owners = {(r["source"], r["source_id"]): r["movie_id"] for r in known if r["state"] == "active"}
    for (source, source_id), movie_id in owners.items():
        if source != "movielens":  # the lowest of several MovieLens ids is the movie's
            assert str(live[movie_id][f"{source}_id"]) == source_id
    conflicts = wh.query("FROM core.id_conflicts").to_pylist()
    keys = Counter((r["source"], r["source_id"], r["lost_record"], r["lost_target"]) for r in conflicts)
    assert set(keys.values()) <= {1}
    for row in conflicts:
        assert row["lost_movie_id"] in live
        assert row["won_movie_id"] is None or row["won_movie_id"] in live
        assert row["lost_target"] != row["won_target"]
        if row["source"] == "tmdb" and row["won_movie_id"] is not None:
            assert live[row["lost_movie_id"]]["tmdb_id"] != int(row["source_id"]) or (
                row["lost_movie_id"] == row["won_movie_id"]
            )


def run(home: Path, events: list[Event | None]) -> dict[str, list[tuple[Any, ...]]]:
    """Land the events in a lake of their own, with a conform at each None, and return all of core."""
    with Warehouse.open(Location.under(home)) as wh:
        for event in (*events, None):
            if event is not None:
                event(wh)
                continue
            conform(wh, None)
            check_ids(wh)
        return contents(wh)


def check_order(empty_home: Path, said: list[list[Event]], order: list[int], pauses: list[bool]) -> None:
    """Land the streams in an order, with conforms between, and all at once; both end equal."""
    left = [list(stream) for stream in said]
    mixed: list[Event | None] = []
    for number, pause in zip(order, pauses, strict=True):
        mixed.append(left[number].pop(0))
        mixed += [None] if pause else []
    with tempfile.TemporaryDirectory(dir=empty_home.parent) as directory:
        homes = [Path(directory) / name for name in ("mixed", "at_once")]
        for home in homes:
            shutil.copytree(empty_home, home)
        piecemeal = run(homes[0], mixed)
        assert piecemeal == run(homes[1], [event for stream in said for event in stream])


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[list[Event]], list[int], list[bool]]:
    """Streams, the order in which they mix, and after which events core is conformed."""
    said = draw(streams())
    order = draw(st.permutations([number for number, stream in enumerate(said) for _ in stream]))
    pauses = draw(st.lists(st.booleans(), min_size=len(order), max_size=len(order)))
    return said, list(order), pauses


CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]


@settings(max_examples=4, deadline=None, suppress_health_check=CHECKS)
@given(history=histories())
def test_core_does_not_depend_on_the_order_in_which_sources_contradict_each_other(
    empty_home: Path, history: tuple[list[list[Event]], list[int], list[bool]]
) -> None:
    check_order(empty_home, *history)


@pytest.mark.slow
@settings(
    max_examples=int(os.environ.get("REELHOUSE_TEST_HISTORIES", "10")),
    deadline=None,
    suppress_health_check=CHECKS,
)
@given(history=histories())
def test_core_does_not_depend_on_the_order_whatever_is_said(
    empty_home: Path, history: tuple[list[list[Event]], list[int], list[bool]]
) -> None:
    check_order(empty_home, *history)
