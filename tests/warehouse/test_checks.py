"""Every declared promise is checked over whole tables, and what was found is kept."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from warehouse import Column, Reference, Table, Warehouse
from warehouse.checks import CheckResult, check

NOW = datetime(2026, 11, 21, tzinfo=UTC)
T = Table(
    "features.checked",
    "For the tests of this module.",
    (
        Column("key", "BIGINT", "Key.", required=True, minimum=1),
        Column("word", "VARCHAR", "Word.", allowed=("yes", "no")),
        Column("genre", "VARCHAR", "Genre."),
        Column("at", "TIMESTAMPTZ", "Time."),
    ),
    unique=("key",),
    references=(Reference(("key", "genre"), "core.movie_genres", ("movie_id", "genre")),),
    min_rows=2,
    fresh=("at", timedelta(days=1)),
)


def breaches(wh: Warehouse) -> dict[str, int]:
    return {result.rule: result.breaches for result in check(wh, [T.name]) if not result.passed}


def fill(wh: Warehouse, **columns: list[object]) -> None:
    """Write past the contract, as a mistaken statement of ours would."""
    wh.declare(T)
    with wh.transaction() as tx:
        tx.register("rows", pa.table(columns))
        tx.execute("DELETE FROM features.checked")
        tx.execute("INSERT INTO features.checked BY NAME SELECT * FROM rows")


def test_a_clean_table_passes_every_check(wh: Warehouse) -> None:
    now = wh.clock()
    with wh.transaction() as tx:
        tx.append("core.movie_genres", pa.table({"movie_id": [1], "source": ["tmdb"], "genre": ["War"]}))
    fill(wh, key=[1, 2], word=["yes", None], genre=["War", None], at=[now, now])
    results = check(wh, [T.name])
    assert [result for result in results if not result.passed] == []
    assert {result.rule for result in results} == {
        "no row where key is missing",
        "no row where key is below 1",
        "no row where word is none of yes, no",
        "one row per key",
        "key, genre is in core.movie_genres",
        "at least 2 rows",
        "at within 1 day, 0:00:00",
    }
    (kept,) = wh.query("FROM ops.contract_results").to_pylist()
    assert (kept["rule"], kept["passed"], kept["detail"]) == ("all rules", True, "7 rules")


def test_each_breach_is_found_and_counted(wh: Warehouse) -> None:
    now = wh.clock()
    fill(
        wh, key=[0, 5, 5, 5], word=["maybe", "no", "no", "no"], genre=["War", None, None, None], at=[now] * 4
    )
    assert breaches(wh) == {
        "no row where key is below 1": 1,
        "no row where word is none of yes, no": 1,
        "one row per key": 2,
        "key, genre is in core.movie_genres": 1,
    }
    fill(wh, key=[1], at=[now - timedelta(days=3)])
    assert breaches(wh) == {"at least 2 rows": 1, "at within 1 day, 0:00:00": 1}


def test_an_example_goes_with_a_breach(wh: Warehouse) -> None:
    fill(wh, key=[5, 5], genre=["War", None], at=[wh.clock()] * 2)
    details = {result.rule: result.detail for result in check(wh, [T.name]) if not result.passed}
    assert details["key, genre is in core.movie_genres"] == "(5, War)"
    assert details["one row per key"] in ("5", "(5)")


def test_an_empty_lake_passes_all_checks(wh: Warehouse) -> None:
    results = check(wh, record=False)
    assert [result for result in results if not result.passed] == []
    assert len({result.table for result in results}) > 20
    assert wh.table_counts()["ops.contract_results"] == 0


def test_what_is_found_of_one_table_names_it(wh: Warehouse) -> None:
    wh.declare(replace(T, min_rows=1, fresh=None))
    assert CheckResult(T.name, "at least 1 rows", False, 1, "0 rows") in check(wh, [T.name], run_id="run")
    assert wh.scalar("SELECT run_id FROM ops.contract_results WHERE NOT passed") == "run"


def test_a_table_that_lost_many_rows_since_the_day_before_is_found(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def left(*keys: int) -> int:
        fill(wh, key=list(keys), at=[wh.clock()] * len(keys))
        return int(wh.scalar("SELECT max(snapshot_id) FROM lake.snapshots()"))

    monkeypatch.setattr(f"{__name__}.T", replace(T, keeps=0.9))
    before = wh.scalar("SELECT max(snapshot_id) FROM lake.snapshots()")
    ten = left(*range(1, 11))
    left(*range(1, 10))
    rule = "at least 90% of the rows of the day before"
    (nine,) = (found for found in check(wh, [T.name], before=ten) if found.rule == rule)
    assert nine == CheckResult(T.name, rule, True, 0, "9 rows, 10 before")
    left(*range(1, 6))
    (five,) = (found for found in check(wh, [T.name], before=ten) if found.rule == rule)
    assert five == CheckResult(T.name, rule, False, 4, "5 rows, 10 before")
    # The table did not exist then; and the lake of this test has no snapshot of yesterday.
    assert all(found.passed for found in check(wh, [T.name], before=before))
    assert all(found.passed for found in check(wh, [T.name]))


def test_the_day_before_is_the_newest_snapshot_of_that_age(
    wh: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.checks.DAY", timedelta(0))
    with wh.transaction() as tx:
        genres = pa.table({"movie_id": [1, 2], "source": ["tmdb"] * 2, "genre": ["War"] * 2})
        tx.append("core.movie_genres", genres)
    (kept,) = (found for found in check(wh, ["core.movie_genres"]) if "day before" in found.rule)
    assert (kept.passed, kept.detail) == (True, "2 rows, 2 before")
