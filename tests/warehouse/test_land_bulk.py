"""Bulk files land as what changed since their last version."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.warehouse.landing import NOON, TABLES, land_rows
from warehouse import Transaction, Warehouse
from warehouse.errors import SchemaMismatch
from warehouse.land import EmptyFile, land_bulk

SMALL, LARGE = "ml-latest-small", "ml-25m"
BASICS = ("tt0000001", "movie", "Carmencita", "Carmencita", False, 1894, None, 1, "Documentary,Short")


def titles(wh: Warehouse) -> list[tuple[Any, ...]]:
    rows = wh.query(
        "SELECT movielens_id, title, deleted FROM raw.movielens_movies ORDER BY rowid"
    ).to_pylist()
    return [tuple(row.values()) for row in rows]


def test_only_new_changed_and_vanished_rows_are_added(wh: Warehouse) -> None:
    land_rows(
        wh,
        "movielens",
        SMALL,
        "movies",
        [(1, "Toy Story (1995)", "A"), (2, "Heat (1995)", "B"), (3, "C", "C")],
    )
    result = land_rows(
        wh, "movielens", SMALL, "movies", [(2, "Heat (1995)", "B"), (3, "C (2000)", "C"), (4, "D", None)]
    )
    assert (result.rows_in, result.rows_landed, result.rows_quarantined) == (3, 3, 0)
    assert titles(wh) == [
        (1, "Toy Story (1995)", False),
        (2, "Heat (1995)", False),
        (3, "C", False),
        (3, "C (2000)", False),
        (4, "D", False),
        (1, "Toy Story (1995)", True),
    ]


def test_the_same_file_again_adds_nothing(wh: Warehouse) -> None:
    for _ in range(2):
        result = land_rows(wh, "movielens", SMALL, "movies", [(1, "Toy Story (1995)", None), (2, None, "B")])
    assert result.rows_landed == 0
    assert len(titles(wh)) == 2


def test_a_row_that_went_and_came_back_unchanged_is_added_again(wh: Warehouse) -> None:
    both = [(1, "A", None), (2, "B", None)]
    for rows in (both, both[:1], both, both):
        land_rows(wh, "movielens", SMALL, "movies", rows)
    assert titles(wh)[2:] == [(2, "B", True), (2, "B", False)]


def test_a_missing_value_differs_from_an_empty_one(wh: Warehouse) -> None:
    land_rows(wh, "movielens", SMALL, "movies", [(1, "A", None)])
    assert land_rows(wh, "movielens", SMALL, "movies", [(1, "A", "")]).rows_landed == 1


def test_a_titles_principals_are_told_apart_by_the_whole_row(wh: Warehouse) -> None:
    first = [
        ("tt0000001", 1, "nm0000001", "self", None, None),
        ("tt0000001", 2, "nm0000002", "actor", None, "[]"),
    ]
    land_rows(wh, "imdb", "title.principals", "title.principals", first)
    again = [first[0], ("tt0000001", 2, "nm0000003", "actor", None, "[]")]
    assert land_rows(wh, "imdb", "title.principals", "title.principals", again).rows_landed == 2
    found = wh.query("SELECT nconst, deleted FROM raw.imdb_title_principals ORDER BY rowid").to_pylist()
    assert [tuple(row.values()) for row in found] == [
        ("nm0000001", False),
        ("nm0000002", False),
        ("nm0000003", False),
        ("nm0000002", True),
    ]


def test_data_sets_do_not_delete_each_others_rows(wh: Warehouse) -> None:
    land_rows(wh, "movielens", SMALL, "movies", [(1, "A", None)])
    land_rows(wh, "movielens", LARGE, "movies", [(2, "B", None)])
    assert land_rows(wh, "movielens", SMALL, "movies", [(1, "A", None)]).rows_landed == 0
    assert titles(wh) == [(1, "A", False), (2, "B", False)]


def test_tags_are_told_apart_by_all_their_values(wh: Warehouse) -> None:
    tags = [(1, 7, "funny", NOON), (1, 7, "funny", NOON + timedelta(days=1)), (2, 7, "funny", NOON)]
    assert land_rows(wh, "movielens", SMALL, "tags", tags).rows_landed == 3
    assert land_rows(wh, "movielens", SMALL, "tags", tags[1:]).rows_landed == 1
    gone = wh.query("SELECT user_id, tagged_at FROM raw.movielens_tags WHERE deleted").to_pylist()
    assert gone == [{"user_id": 1, "tagged_at": NOON}]


def test_ratings_are_replaced_as_a_whole_per_data_set(wh: Warehouse) -> None:
    land_rows(wh, "movielens", SMALL, "ratings", [(1, 7, 4.0, NOON), (2, 7, 5.0, NOON)])
    land_rows(wh, "movielens", LARGE, "ratings", [(1, 7, 1.0, NOON)])
    land_rows(wh, "movielens", SMALL, "ratings", [(3, 7, 3.5, NOON)])
    rows = wh.query("SELECT dataset, user_id, rating FROM raw.movielens_ratings ORDER BY dataset").to_pylist()
    assert rows == [
        {"dataset": LARGE, "user_id": 1, "rating": 1.0},
        {"dataset": SMALL, "user_id": 3, "rating": 3.5},
    ]


def test_bad_rows_are_set_aside_with_their_reason(wh: Warehouse) -> None:
    bad = [("nm0000001", *BASICS[1:]), (None, *BASICS[1:])]
    result = land_rows(wh, "imdb", "title.basics", "title.basics", [BASICS, *bad])
    assert (result.rows_in, result.rows_landed, result.rows_quarantined) == (3, 1, 2)
    reasons = wh.query("SELECT reason FROM ops.quarantine WHERE table_name = 'raw.imdb_title_basics'")
    assert sorted(reasons["reason"].to_pylist()) == [
        r"tconst does not look like tt\d{7,10}",
        "tconst is missing",
    ]
    assert land_rows(wh, "movielens", SMALL, "ratings", [(1, 7, 9.0, NOON)]).rows_quarantined == 1


def test_numbers_that_come_as_text_are_read_or_set_aside(wh: Warehouse) -> None:
    names = TABLES["title.basics"].names
    rows = [BASICS, ("tt0000002", *BASICS[1:5], "MDCCC", None, "1", None)]
    text = pa.table(
        {name: [None if r[i] is None else str(r[i]) for r in rows] for i, name in enumerate(names)}
    )
    result = land_rows(wh, "imdb", "title.basics", "title.basics", text)
    assert (result.rows_landed, result.rows_quarantined) == (1, 1)
    assert wh.scalar("SELECT start_year FROM raw.imdb_title_basics") == 1894
    assert wh.scalar("SELECT reason FROM ops.quarantine") == "start_year is not a INTEGER"


def test_a_repeated_key_is_set_aside_and_the_first_row_counts(wh: Warehouse) -> None:
    result = land_rows(wh, "movielens", SMALL, "movies", [(1, "A", None), (1, "again", None), (2, "B", None)])
    assert (result.rows_in, result.rows_landed, result.rows_quarantined) == (3, 2, 1)
    assert titles(wh) == [(1, "A", False), (2, "B", False)]
    (aside,) = wh.query("SELECT reason, original FROM ops.quarantine").to_pylist()
    assert aside["reason"] == "repeats an earlier row's movielens_id"
    assert '"title":"again"' in aside["original"]


@pytest.mark.parametrize("loaded_before", [False, True])
def test_rows_repeated_far_apart_are_found_before_and_after_others_landed(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch, loaded_before: bool
) -> None:
    monkeypatch.setattr("warehouse.land.first.ROWS", 2)
    kept = [("tt0000001", n, "nm0000001", "self", None, None) for n in range(1, 8)]
    if loaded_before:
        land_rows(wh, "imdb", "title.principals", "title.principals", kept[:1])
    rows = [*kept, kept[0], (*kept[1][:4], "job", None), kept[0]]
    table = pa.Table.from_pylist(
        [dict(zip(TABLES["title.principals"].names, row, strict=True)) for row in rows],
        TABLES["title.principals"],
    )
    single = pa.Table.from_batches(
        [batch for n in range(len(rows)) for batch in table[n : n + 1].to_batches()]
    )
    result = land_rows(wh, "imdb", "title.principals", "title.principals", single)
    landed = 8 - loaded_before
    assert (result.rows_in, result.rows_landed, result.rows_quarantined) == (10, landed, 2)
    assert wh.scalar("SELECT count(*) FROM raw.imdb_title_principals") == 8
    assert (
        wh.query("SELECT reason FROM ops.quarantine")["reason"].to_pylist()
        == ["repeats an earlier row's values"] * 2
    )
    (batch,) = wh.query("SELECT * FROM ops.batches ORDER BY committed_at DESC LIMIT 1").to_pylist()
    assert (batch["rows_landed"], batch["rows_quarantined"]) == (landed, 2)


def test_an_empty_file_deletes_nothing(wh: Warehouse) -> None:
    assert land_rows(wh, "movielens", SMALL, "movies", []).rows_landed == 0
    land_rows(wh, "movielens", SMALL, "movies", [(1, "A", None)])
    with pytest.raises(EmptyFile, match="has no rows"):
        land_rows(wh, "movielens", SMALL, "movies", [])
    assert titles(wh) == [(1, "A", False)]


def test_an_unknown_table_is_refused_by_name(wh: Warehouse) -> None:
    def land(tx: Transaction) -> None:
        land_bulk(tx, "imdb", "title", "title.reviews", iter(()), batch_id="b", request="r", fetched_at=NOON)

    with pytest.raises(SchemaMismatch, match=r"imdb has no table title\.reviews"):
        wh.commit(land)


def test_every_row_says_where_it_came_from(wh: Warehouse) -> None:
    land_rows(wh, "imdb", "title.basics", "title.basics", [BASICS])
    (row,) = wh.query("SELECT source, fetched_at, request, batch_id FROM raw.imdb_title_basics").to_pylist()
    (batch,) = wh.query("SELECT batch_id, source, rows_landed FROM ops.batches").to_pylist()
    assert (row["source"], row["fetched_at"], row["request"]) == ("imdb", NOON, "GET title.basics")
    assert row["batch_id"] == batch["batch_id"]
    assert batch["rows_landed"] == 1


def test_many_batches_of_one_file_land_in_one_go(wh: Warehouse) -> None:
    rows = [(f"tt{n:07d}", 5.0 + n % 5, n) for n in range(1, 120_001)]
    assert land_rows(wh, "imdb", "title.ratings", "title.ratings", rows).rows_landed == 120_000
    rows[77] = ("tt0000078", 1.0, 1)
    assert land_rows(wh, "imdb", "title.ratings", "title.ratings", rows[1:]).rows_landed == 2
    assert wh.scalar("SELECT count(*) FROM raw.imdb_title_ratings") == 120_002


class Cut(Exception):
    """The connector's own word for a download that breaks."""


@pytest.mark.parametrize("error", [Cut, KeyboardInterrupt])
@pytest.mark.parametrize("loaded_before", [False, True])
def test_what_breaks_the_download_passes_through_and_leaves_nothing(
    wh: Warehouse, error: type[BaseException], loaded_before: bool
) -> None:
    before = [(7, "Heat (1995)", None)] if loaded_before else []
    land_rows(wh, "movielens", SMALL, "movies", before)

    def cut() -> Iterator[pa.RecordBatch]:
        yield pa.record_batch([[1], ["A"], [None]], schema=TABLES["movies"])
        raise error("the zip ends in the middle")

    def land(tx: Transaction) -> None:
        batch_id = tx.batch(None, "movielens", SMALL)
        land_bulk(tx, "movielens", SMALL, "movies", cut(), batch_id=batch_id, request="r", fetched_at=NOON)

    with pytest.raises(error):
        wh.commit(land)
    assert titles(wh) == [(7, "Heat (1995)", False)] * loaded_before
    assert land_rows(wh, "movielens", SMALL, "movies", [(1, "A", None)]).rows_landed == 1 + loaded_before
