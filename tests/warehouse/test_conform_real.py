"""The real records: everything lands, and core is what a plain reading of the files says."""

import gzip
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.warehouse.landing import land_rows, land_tmdb, real_answers, real_imdb, real_movielens
from warehouse import Location, Warehouse
from warehouse.checks import check
from warehouse.conform import ConformResult, conform
from warehouse.decisions import conflicts

pytestmark = [pytest.mark.real_data, pytest.mark.slow]

SETS = ("ml-20m-partial", "ml-latest-small")
FILES = ("title.basics", "title.ratings", "title.crew")


@pytest.fixture(scope="module")
def records(shared_data: Path) -> dict[int, dict[str, Any]]:
    """Every TMDb answer, parsed."""
    return {row["tmdb_id"]: json.loads(row["payload"]) for row in real_answers(shared_data)}


@pytest.fixture(scope="module")
def movielens(shared_data: Path) -> dict[int, dict[str, Any]]:
    """What MovieLens says of each of its movies, the later set last."""
    known: dict[int, dict[str, Any]] = defaultdict(dict)
    for dataset in SETS:
        tables = real_movielens(shared_data, dataset)
        for table in ("movies", "links"):
            for row in tables[table].to_pylist():
                known[row["movielens_id"]].update(row)
    return known


@pytest.fixture(scope="module")
def lake(
    shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Warehouse, ConformResult]]:
    """A lake of all real records, conformed once."""
    with Warehouse.open(Location.under(tmp_path_factory.mktemp("real"))) as wh:
        rows = real_answers(shared_data)
        for start in range(0, len(rows), 5_000):
            land_tmdb(wh, rows[start : start + 5_000])
        for dataset in SETS:
            for table, data in real_movielens(shared_data, dataset).items():
                land_rows(wh, "movielens", dataset, table, data)
        for dataset in FILES:
            land_rows(wh, "imdb", dataset, dataset, real_imdb(shared_data, dataset))
        yield wh, conform(wh, None)


@pytest.fixture
def wh(lake: tuple[Warehouse, ConformResult]) -> Warehouse:
    return lake[0]


def imdb_ids(shared_data: Path) -> list[str]:
    with gzip.open(shared_data / "imdb/title.basics.tsv.gz", "rt", encoding="utf-8") as lines:
        return [line.partition("\t")[0] for line in lines][1:]


def expected_movies(
    records: dict[int, dict[str, Any]], movielens: dict[int, dict[str, Any]], imdb: list[str]
) -> dict[str, tuple[int | None, int | None]]:
    """The identity rules in plain Python: key → (tmdb_id, movielens_id)."""
    tt_of = {i: "tt" + known["imdb_id"] for i, known in movielens.items()}
    claims = defaultdict(set)
    for i, known in movielens.items():
        if known["tmdb_id"] is not None:
            claims[known["tmdb_id"]].add(tt_of[i])
    movies: dict[str, tuple[int | None, int | None]] = dict.fromkeys(imdb, (None, None))
    for i in sorted(movielens, reverse=True):  # the smallest is the one that stays
        movies[tt_of[i]] = (None, i)
    linked: dict[str, int] = {}
    for i in sorted(movielens):
        # A record decides itself which title it is: another title that is linked to it goes without.
        if movielens[i]["tmdb_id"] is not None and movielens[i]["tmdb_id"] not in records:
            linked.setdefault(tt_of[i], movielens[i]["tmdb_id"])
    for key, tmdb_id in linked.items():
        movies[key] = (tmdb_id, movies[key][1])
    for tmdb_id in sorted(records, reverse=True):
        own = records[tmdb_id].get("imdb_id")
        key = own or (next(iter(claims[tmdb_id])) if len(claims[tmdb_id]) == 1 else f"tmdb:{tmdb_id}")
        movies[key] = (tmdb_id, movies.get(key, (None, None))[1])
    return movies


def test_every_row_lands_and_none_is_set_aside(wh: Warehouse) -> None:
    counts = wh.table_counts()
    assert {name: counts[name] for name in counts if name.startswith("raw.") and counts[name]} == {
        "raw.tmdb_movies": 38_846,
        "raw.movielens_movies": 23_198 + 8_292,
        "raw.movielens_links": 23_198 + 8_292,
        "raw.movielens_tags": 2_972,
        "raw.movielens_ratings": 86_191,
        "raw.imdb_title_basics": 124_128,
        "raw.imdb_title_ratings": 62_809,
        "raw.imdb_title_crew": 124_128,
    }
    assert counts["ops.quarantine"] == 1, "a title of the year 2115"


def test_core_has_the_movies_that_the_identity_rules_give(
    wh: Warehouse,
    records: dict[int, dict[str, Any]],
    movielens: dict[int, dict[str, Any]],
    shared_data: Path,
) -> None:
    expected = expected_movies(records, movielens, imdb_ids(shared_data))
    rows = wh.query("SELECT movie_id, imdb_id, tmdb_id, movielens_id FROM core.movies").to_pylist()
    found = {r["imdb_id"] or f"tmdb:{r['tmdb_id']}": (r["tmdb_id"], r["movielens_id"]) for r in rows}
    assert len(rows) == len(found) == 154_042
    assert found == expected
    assert all(
        r["movie_id"]
        == int(hashlib.sha256((r["imdb_id"] or f"tmdb:{r['tmdb_id']}").encode()).hexdigest()[:13], 16)
        for r in rows
    )


def test_counts_that_the_night_is_judged_by(lake: tuple[Warehouse, ConformResult]) -> None:
    wh, result = lake
    assert (result.added, result.changed, result.deleted, result.merged) == (154_042, 0, 0, 0)
    assert result.quarantined == 1, "a title of the year 2115"
    (row,) = wh.query(
        "SELECT count(imdb_id) AS imdb, count(DISTINCT imdb_id) AS distinct_imdb, count(tmdb_id) AS tmdb, "
        "count(DISTINCT tmdb_id) AS distinct_tmdb, count(movielens_id) AS movielens FROM core.movies"
    ).to_pylist()
    assert tuple(row.values()) == (153_541, 153_541, 39_074, 39_074, 24_031)


def losing_links(
    records: dict[int, dict[str, Any]], movielens: dict[int, dict[str, Any]]
) -> dict[int, tuple[int, str]]:
    """MovieLens' links that TMDb's records contradict: MovieLens id → (TMDb id, title there)."""
    return {
        i: (known["tmdb_id"], records[known["tmdb_id"]]["imdb_id"])
        for i, known in movielens.items()
        if known["tmdb_id"] in records
        and records[known["tmdb_id"]].get("imdb_id")
        and records[known["tmdb_id"]]["imdb_id"] != "tt" + known["imdb_id"]
    }


def test_no_two_live_movies_share_an_id_and_the_others_keep_their_rows(
    wh: Warehouse, records: dict[int, dict[str, Any]], movielens: dict[int, dict[str, Any]]
) -> None:
    # Of 39,111 movies that would have a TMDb id if MovieLens' links counted as well, 37 share one with the
    # movie whose record it is. They stay, without it; nothing else of them or of any other movie differs.
    rows = wh.query("FROM core.movies").to_pylist()
    for column in ("tmdb_id", "imdb_id", "movielens_id"):
        counts = Counter(row[column] for row in rows if row["deleted_at"] is None and row[column] is not None)
        assert max(counts.values()) == 1
    lost = losing_links(records, movielens)
    assert len(lost) == len({tmdb_id for tmdb_id, _ in lost.values()}) == 37
    assert lost[6776] == (19666, "tt0169102")
    by_movielens = {row["movielens_id"]: row for row in rows}
    by_tmdb = {row["tmdb_id"]: row for row in rows}
    for i, (tmdb_id, title) in lost.items():
        assert by_movielens[i]["tmdb_id"] is None
        assert by_movielens[i]["imdb_id"] == "tt" + movielens[i]["imdb_id"]
        assert by_tmdb[tmdb_id]["imdb_id"] == title
    assert all(result.passed for result in check(wh, ["core.movies", "core.id_conflicts"], record=False))


def test_each_claim_that_lost_is_listed_with_the_one_that_won(
    wh: Warehouse, records: dict[int, dict[str, Any]], movielens: dict[int, dict[str, Any]]
) -> None:
    expected = {
        ("tmdb", str(tmdb_id), f"movielens:{i}", "tt" + movielens[i]["imdb_id"], f"tmdb:{tmdb_id}", title)
        for i, (tmdb_id, title) in losing_links(records, movielens).items()
    }
    # Two titles have a record of another number than the one that is linked, of which there is none.
    own = {record["imdb_id"]: tmdb_id for tmdb_id, record in records.items() if record.get("imdb_id")}
    for i, known in movielens.items():
        title = "tt" + known["imdb_id"]
        if known["tmdb_id"] and known["tmdb_id"] not in records and title in own:
            won = f"tmdb:{own[title]}"
            expected.add(("imdb", title, f"movielens:{i}", f"tmdb:{known['tmdb_id']}", won, won))
    rows = conflicts(wh).to_pylist()
    names = ("source", "source_id", "lost_record", "lost_target", "won_record", "won_target")
    assert {tuple(row[name] for name in names) for row in rows} == expected
    assert len(rows) == len(expected) == 39
    batches = set(wh.query("SELECT batch_id FROM ops.batches")["batch_id"].to_pylist())
    for row in rows:
        assert (row["lost_source"], row["won_source"]) == ("movielens", "tmdb")
        assert {row["batch_id"], row["won_batch_id"]} <= batches
        assert row["lost_title"]  # some records of the winners have keywords alone, no title


def test_movies_that_are_linked_to_one_tmdb_id_are_in_one_part_of_the_split(
    wh: Warehouse, records: dict[int, dict[str, Any]], movielens: dict[int, dict[str, Any]]
) -> None:
    rows = wh.query("SELECT imdb_id, tmdb_id, movielens_id, split_key, bucket FROM core.movies").to_pylist()
    sharing = defaultdict(list)
    for row in rows:
        digest = hashlib.sha256(row["split_key"].encode()).hexdigest()
        assert row["bucket"] == int(digest, 16) % 10
        tmdb_id = row["tmdb_id"] or movielens.get(row["movielens_id"], {}).get("tmdb_id")
        if tmdb_id is None:
            assert row["split_key"] == row["imdb_id"]
        else:
            sharing[tmdb_id].append(row)
    shared = {tmdb_id: group for tmdb_id, group in sharing.items() if len(group) > 1}
    assert len(shared) == 37
    assert 105045 in shared
    for tmdb_id, group in sharing.items():
        ids = [row["imdb_id"] for row in group if row["imdb_id"]]
        own = records.get(tmdb_id, {}).get("imdb_id")
        assert {row["split_key"] for row in group} == {own or min(ids, default=f"tmdb:{tmdb_id}")}


def test_genres_are_those_of_the_files(wh: Warehouse, movielens: dict[int, dict[str, Any]]) -> None:
    expected = Counter(
        genre
        for genre in (
            (known["imdb_id"], genre)
            for known in movielens.values()
            for genre in (known["genres"] or "").split("|")
        )
        if genre[1] not in ("IMAX", "(no genres listed)")
    )
    by_genre = Counter(genre for _, genre in expected)  # each once per title
    rows = wh.query(
        "SELECT genre, count(*) AS n FROM core.movie_genres WHERE source = 'movielens' GROUP BY genre"
    ).to_pylist()
    assert {row["genre"]: row["n"] for row in rows} == dict(by_genre)
    assert len(rows) == 18
    assert wh.scalar("SELECT count(DISTINCT genre) FROM core.movie_genres WHERE source = 'tmdb'") == 20


def test_no_text_keeps_its_entities_and_titles_lose_their_years(wh: Warehouse) -> None:
    assert wh.scalar("SELECT count(*) FROM core.movies WHERE overview LIKE '%&amp;%'") == 0
    like = r"title LIKE '% ' OR title LIKE ' %' OR regexp_matches(title, ', (The|A|An|Les|L''|Das)$')"
    assert wh.scalar(f"SELECT count(*) FROM core.movies WHERE movielens_id IS NOT NULL AND ({like})") == 0  # noqa: S608
    assert wh.scalar("SELECT title FROM core.movies WHERE imdb_id = 'tt0070903'") == "The Way We Were"
    dated = "SELECT count(*) FROM core.movies WHERE year IS NULL AND movielens_id IS NOT NULL"
    assert wh.scalar(dated) < 20


def test_one_changed_movie_is_the_only_one_written(lake: tuple[Warehouse, ConformResult]) -> None:
    wh, _ = lake
    payload = json.loads(wh.scalar("SELECT payload FROM raw.tmdb_movies WHERE tmdb_id = 5"))
    row = {
        "tmdb_id": 5,
        "payload": json.dumps({**payload, "tagline": "New"}),
        "status": 200,
        "content_hash": "new",
    }
    land_tmdb(wh, [row])
    result = conform(wh, None)
    assert (result.affected, result.changed, result.added) == (1, 1, 0)
    assert wh.scalar("SELECT tagline FROM core.movies WHERE tmdb_id = 5") == "New"
    assert conform(wh, None).affected == 0
