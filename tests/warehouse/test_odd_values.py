"""A value that no field should have is unknown in `core`; its movie and all others are conformed."""

import json
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.warehouse.landing import NOON, TABLES, answer, land_rows, land_tmdb
from tests.warehouse.odd import JSON, RECORD, Path, answer_with, answers_with, places
from warehouse import Location, Warehouse
from warehouse.conform import conform
from warehouse.night_audit import NightAudit

KEPT = "the record is kept without it"


def set_aside(wh: Warehouse) -> set[tuple[str, str, str]]:
    """Return (source, original, reason) of the quarantine's entries about core.movies."""
    entries = wh.query("SELECT source, original, reason FROM ops.quarantine WHERE table_name = 'core.movies'")
    return {tuple(row.values()) for row in entries.to_pylist()}  # type: ignore[misc]


def movie(wh: Warehouse, tmdb_id: int, columns: str = "*") -> dict[str, Any]:
    (row,) = wh.query(f"SELECT {columns} FROM core.movies WHERE tmdb_id = ?", [tmdb_id]).to_pylist()  # noqa: S608
    return dict(row)


def test_the_originals_of_odd_values_go_to_quarantine_with_the_reason(wh: Warehouse) -> None:
    odd = {
        ("runtime", "runtime_minutes"): ("1e30", '"inf"', "-5", '"90"'),
        ("budget", "budget_usd"): ("-1", "1e400"),
        ("revenue", "revenue_usd"): ("100000000000000000000",),
        ("vote_count", "tmdb_vote_count"): ("9223372036854775808",),
        ("popularity", "popularity"): ("1e308", '"NaN"'),
        ("vote_average", "tmdb_vote_average"): ("11",),
        ("release_date", "release_date"): ('"99999-01-01"', '"infinity"', '"0000-00-00"'),
        ("title", "title"): ("5",),
        ("adult", "adult"): ('"no"',),
    }
    values = [(key, column, value) for (key, column), values in odd.items() for value in values]
    rows = [answer_with(100 + n, (key,), value) for n, (key, _, value) in enumerate(values)]
    land_tmdb(wh, [*rows, answer(99, **RECORD)])
    result = conform(wh, None)
    assert (result.added, result.quarantined) == (len(values) + 1, len(values))
    entries = {original: (source, reason) for source, original, reason in set_aside(wh)}
    neighbour = movie(wh, 99)
    for n, (key, column, value) in enumerate(values):
        row = movie(wh, 100 + n)
        assert row[column] is None, (key, value)
        untouched = RECORD.keys() & row.keys() - {column}
        assert [row[name] for name in untouched] == [neighbour[name] for name in untouched]
        source, reason = entries[f'{{"id":{100 + n},"{key}":{value}}}']
        assert source == "tmdb"
        assert reason.startswith(f"{key} is ")
        assert reason.endswith(KEPT)
    assert conform(wh, None).quarantined == 0, "nothing arrived since"


def test_entries_of_lists_that_are_not_used_are_in_quarantine_by_their_path(wh: Warehouse) -> None:
    odd: dict[Path, str] = {
        ("genres",): '"Drama"',
        ("genres", 0): '"Drama"',
        ("keywords", "keywords", 0, "id"): "1e30",
        ("credits", "cast"): "{}",
        ("credits", "cast", 0, "order"): "999999999999999999",
        ("release_dates", "results", 0, "release_dates", 0, "type"): "-999999999999999999",
        ("belongs_to_collection", "id"): "1.5",
    }
    land_tmdb(wh, [answer_with(100 + n, place, value) for n, (place, value) in enumerate(odd.items())])
    assert conform(wh, None).added == len(odd)
    assert sorted(reason.removesuffix(f"; {KEPT}") for _, _, reason in set_aside(wh)) == [
        "belongs_to_collection.id is not a whole number of up to 18 digits",
        "credits.cast is not a list",
        "credits.cast order is not a whole number of up to 12 digits",
        "genres is not a list",
        "genres is not an object",
        "keywords.keywords has no id",
        "release_dates.results.release_dates type is not a whole number of up to 12 digits",
    ]
    assert ("tmdb", '{"id":101,"genres":"Drama"}', f"genres is not an object; {KEPT}") in set_aside(wh)
    people = wh.scalar("SELECT count(*) FROM core.movie_people WHERE job = 'actor'")
    assert people == len(odd) - 1, "an actor whose place is unknown is an actor"


def test_half_of_a_surrogate_pair_is_left_out_of_its_text(wh: Warehouse) -> None:
    halves = r'"a\ud800b \ud83d\ude00 \\ud800 \udc00\uD83D\uDE00"'
    rows = [answer_with(5, ("title",), halves), answer(6, title="Good")]
    assert land_tmdb(wh, rows).rows_landed == 2
    conform(wh, None)
    assert movie(wh, 5, "title, overview") == {
        "title": "ab \U0001f600 \\ud800 \U0001f600",
        "overview": RECORD["overview"],
    }
    assert movie(wh, 6, "title") == {"title": "Good"}
    reason = f"a text has half of a surrogate pair; {KEPT}"
    assert set_aside(wh) == {("tmdb", f'{{"id":5,"texts":[{halves}]}}', reason)}
    assert wh.scalar("SELECT payload FROM raw.tmdb_movies WHERE tmdb_id = 5") == rows[0]["payload"]


def test_years_and_minutes_of_bulk_files_that_cannot_be_are_in_quarantine(wh: Warehouse) -> None:
    titles = [
        ("tt0000001", "movie", "Far", None, None, 99_999, None, 90, None),
        ("tt0000002", "movie", "Below", None, None, 2000, None, -5, None),
        ("tt0000003", "movie", "Unknown", None, None, None, None, 0, None),
    ]
    land_rows(wh, "imdb", "title.basics", "title.basics", titles)
    land_rows(
        wh, "movielens", "ml-latest-small", "movies", [(1, "Old (0000)", None), (2, "Fine (2001)", None)]
    )
    conform(wh, None)
    years = wh.query("SELECT title, year, runtime_minutes FROM core.movies ORDER BY title").to_pylist()
    assert [tuple(row.values()) for row in years] == [
        ("Below", 2000, None),
        ("Far", None, 90),
        ("Fine", 2001, None),
        ("Old", None, None),
        ("Unknown", None, None),
    ]
    assert {(source, original) for source, original, _ in set_aside(wh)} == {
        ("imdb", '{"tconst":"tt0000001","start_year":99999}'),
        ("imdb", '{"tconst":"tt0000002","runtime_minutes":-5}'),
        ("movielens", '{"movieId":1,"title":"Old (0000)"}'),
    }


def test_a_night_s_audit_takes_values_as_conforming_does(wh: Warehouse) -> None:
    odd: list[tuple[Path, str]] = [
        (("budget",), "90.5"),
        (("vote_count",), "1.5"),
        (("original_language",), r'"\u0000en\ud800"'),
    ]
    land_tmdb(wh, [answer_with(100 + n, place, value) for n, (place, value) in enumerate(odd)])
    conform(wh, None)
    audit = NightAudit(wh, "a run", since=-1, seconds=60)
    audit.before()
    assert audit.report.movies == len(odd)
    assert audit.after().faults == []


@pytest.mark.slow
def test_every_odd_value_in_every_place_of_an_answer_stops_no_movie(wh: Warehouse) -> None:
    rows = [*answers_with(1000), answer(5, **RECORD)]
    assert len(rows) == len(list(places())) * len(JSON) + 1 > 2500
    assert land_tmdb(wh, rows).rows_landed == len(rows)
    assert conform(wh, None).added == len(rows)
    expected = json.loads(json.dumps(RECORD))
    assert movie(wh, 5, "title, release_date::VARCHAR AS release_date, overview") == {
        name: expected[name] for name in ("title", "release_date", "overview")
    }


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """One lake for all examples: each brings movies of its own."""
    with Warehouse.open(Location.under(tmp_path_factory.mktemp("odd"))) as warehouse:
        yield warehouse


new_ids = iter(range(1, 10**9))


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(places())),
            st.sampled_from(JSON)
            | st.integers(-(10**40), 10**40).map(str)
            | st.floats(allow_nan=False, allow_infinity=False).map(repr)
            | st.text(max_size=8).map(json.dumps)
            | st.text('\ud800\udbff\udc00\udfff\\u"d8', max_size=8).map(json.dumps),
        ),
        min_size=20,
        max_size=60,
    )
)
def test_whatever_stands_in_an_answer_every_movie_is_conformed(
    lake: Warehouse, odd: list[tuple[Path, str]]
) -> None:
    rows = [answer_with(next(new_ids), place, value) for place, value in odd]
    assert land_tmdb(lake, rows).rows_landed == len(rows)
    assert conform(lake, None).affected >= len(rows)
    ids = [row["tmdb_id"] for row in rows]
    assert lake.scalar("SELECT count(*) FROM core.movies WHERE list_contains(?, tmdb_id)", [ids]) == len(rows)


def test_a_night_s_audit_passes_files_with_times_that_python_does_not_have(wh: Warehouse) -> None:
    tag = pa.table({"user_id": [7], "movielens_id": [1], "tag": ["odd"], "tagged_at": [-99_999_999_999]})
    land_rows(wh, "movielens", "ml-latest-small", "tags", tag.cast(TABLES["tags"]))
    audit = NightAudit(wh, "a run", since=-1, seconds=60)
    audit.before()
    assert audit.after().faults == []


def test_a_tag_from_before_all_tags_is_one_without_a_time(wh: Warehouse) -> None:
    before = datetime(1969, 12, 31, tzinfo=UTC)
    land_rows(wh, "movielens", "ml-latest-small", "movies", [(1, "A (2001)", None)])
    land_rows(wh, "movielens", "ml-latest-small", "tags", [(7, 1, "odd", before), (7, 1, "good", NOON)])
    land_rows(wh, "movielens", "ml-latest-small", "ratings", [(7, 1, 4.0, before)])
    conform(wh, None)
    tags = wh.query("SELECT tag, last_tagged_at FROM core.movie_tags ORDER BY tag").to_pylist()
    assert [tuple(tag.values()) for tag in tags] == [("good", NOON), ("odd", None)]
    assert wh.scalar("SELECT last_rated_at IS NULL AND n_ratings = 1 FROM core.ratings")
