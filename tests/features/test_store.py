"""Building views: what is stale, what is written, and what a killed build leaves behind."""

from collections.abc import Sequence
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from features import FeatureView, build_view, latest, plan_build
from features.metadata import Metadata
from features.store import ABSENT
from features.tags import Tags
from features.words import Words
from tests.features.conftest import Clock, Core
from warehouse import Warehouse
from warehouse.schema import Column


class Shout(FeatureView):
    """A movie's overview in capitals; counts what it was asked for, and refuses some."""

    name: ClassVar[str] = "shout"
    comment: ClassVar[str] = "The overview in capitals."
    columns: ClassVar[tuple[Column, ...]] = (Column("loud", "VARCHAR", "The capitals."),)
    inputs: ClassVar[str] = """
        SELECT movie_id, overview FROM core.movies SEMI JOIN wanted USING (movie_id)
        WHERE overview IS NOT NULL
    """

    def __init__(self, partition_rows: int = 100, refuse: Sequence[int] = ()) -> None:
        self.partition_rows = partition_rows
        self.refuse = set(refuse)
        self.asked: list[int] = []

    def compute(self, inputs: pa.Table) -> pa.Table:
        ids = inputs["movie_id"].to_pylist()
        self.asked += ids
        failed = ["too shy" if movie in self.refuse else None for movie in ids]
        return pa.table(
            {
                "movie_id": inputs["movie_id"],
                "loud": pc.utf8_upper(inputs["overview"]),
                "failed": pa.array(failed, pa.string()),
            }
        ).take(list(range(len(ids)))[::-1])


def words(*texts: str | None) -> list[dict[str, Any]]:
    return [{"movie_id": i, "overview": text} for i, text in enumerate(texts, start=1)]


def history(wh: Warehouse) -> list[tuple[Any, ...]]:
    table = wh.query("SELECT movie_id, loud, present FROM features.shout ORDER BY movie_id, known_time")
    return [tuple(row.values()) for row in table.to_pylist()]


def test_a_first_build_computes_every_movie_that_has_the_modality(
    wh: Warehouse, core: Core, clock: Clock
) -> None:
    core.movies(*words("a", None, "c"))
    clock.turn(hours=1)
    result = build_view(wh, Shout(), run_id="run")
    assert (result.computed, result.unchanged, result.removed, result.failed) == (2, 0, 0, 0)
    rows = latest(wh, Shout()).to_pylist()
    assert [(row["movie_id"], row["loud"]) for row in rows] == [(1, "A"), (3, "C")]
    assert {row["known_time"] for row in rows} == {clock.now}
    assert {row["event_time"] for row in rows} == {clock.now.replace(hour=0)}
    batch = wh.query("SELECT run_id, source, stream, rows_landed FROM ops.batches").to_pylist()
    assert batch == [{"run_id": "run", "source": "reelhouse", "stream": "features.shout", "rows_landed": 2}]


def test_a_second_build_computes_nothing(wh: Warehouse, core: Core) -> None:
    core.movies(*words("a", "b"))
    build_view(wh, Shout())
    before = wh.snapshot_id
    again = Shout()
    result = build_view(wh, again)
    assert (result.computed, result.unchanged, again.asked) == (0, 2, [])
    assert wh.snapshot_id == before


def test_only_movies_whose_own_inputs_changed_are_computed(wh: Warehouse, core: Core, clock: Clock) -> None:
    core.movies(*words("a", "b", "c"))
    build_view(wh, Shout())
    clock.turn(days=1)
    core.movies({"movie_id": 1, "overview": "a", "popularity": 3.0}, {"movie_id": 2, "overview": "new"})
    view = Shout()
    result = build_view(wh, view)
    assert (result.computed, result.unchanged, view.asked) == (1, 2, [2])
    assert history(wh) == [(1, "A", True), (2, "B", True), (2, "NEW", True), (3, "C", True)]


def test_a_plan_in_several_ranges_is_the_plan_of_one(
    wh: Warehouse, core: Core, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.movies(*words(*"abcdefg"))
    build_view(wh, Shout())
    clock.turn(days=1)
    core.movies(
        {"movie_id": 0, "overview": "first"},
        {"movie_id": 1, "overview": "a", "deleted_at": clock.now},
        {"movie_id": 5, "overview": "changed"},
        {"movie_id": 7, "overview": "g", "deleted_at": clock.now},
    )
    whole = plan_build(wh, Shout())
    assert whole.stale["movie_id"].to_pylist() == [0, 1, 5, 7]
    assert (whole.n_stale, whole.n_removed, whole.unchanged) == (2, 2, 4)
    for size in (1, 2, 3):
        monkeypatch.setattr("features.store.PLANNED", size)
        plan = plan_build(wh, Shout())
        assert (plan.stale, plan.unchanged) == (whole.stale, whole.unchanged)


def test_a_movie_that_loses_the_modality_or_dies_gets_a_row_that_says_so(
    wh: Warehouse, core: Core, clock: Clock
) -> None:
    core.movies(*words("a", "b", "c"))
    build_view(wh, Shout())
    clock.turn(days=1)
    core.movies({"movie_id": 1, "overview": None}, {"movie_id": 2, "overview": "b", "deleted_at": clock.now})
    result = build_view(wh, Shout())
    assert (result.computed, result.removed, result.unchanged) == (0, 2, 1)
    assert latest(wh, Shout())["movie_id"].to_pylist() == [3]
    gone = wh.query("SELECT * FROM features.shout WHERE NOT present").to_pylist()
    assert {(row["movie_id"], row["loud"], row["input_hash"]) for row in gone} == {
        (1, None, ABSENT),
        (2, None, ABSENT),
    }
    assert build_view(wh, Shout()).removed == 0

    core.movies({"movie_id": 1, "overview": "a"})
    assert build_view(wh, Shout()).computed == 1
    assert latest(wh, Shout(), [1, 2])["loud"].to_pylist() == ["A"]


def test_a_movie_that_fails_is_recorded_once_and_tried_again(wh: Warehouse, core: Core, clock: Clock) -> None:
    core.movies(*words("a", "b"))
    result = build_view(wh, Shout(refuse=[2]))
    assert (result.computed, result.failed, result.failures) == (1, 1, {2: "too shy"})
    quarantined = wh.query("SELECT table_name, reason, original FROM ops.quarantine").to_pylist()
    assert quarantined == [{"table_name": "features.shout", "reason": "too shy", "original": "movie_id=2"}]

    clock.turn(days=1)
    again = build_view(wh, Shout(refuse=[2]))
    assert (again.computed, again.unchanged, again.failed) == (0, 1, 1)
    assert len(history(wh)) == 2
    assert wh.scalar("SELECT count(*) FROM ops.quarantine") == 1

    better = build_view(wh, Shout())
    assert (better.computed, better.failed) == (1, 0)
    assert history(wh)[1:] == [(2, None, False), (2, "B", True)]


def test_a_build_that_dies_carries_on_after_its_last_partition(wh: Warehouse, core: Core) -> None:
    class Dies(Shout):
        def compute(self, inputs: pa.Table) -> pa.Table:
            if len(self.asked) >= 4:
                raise KeyboardInterrupt
            return super().compute(inputs)

    core.movies(*words(*"abcdefg"))
    with pytest.raises(KeyboardInterrupt):
        build_view(wh, Dies(partition_rows=2))
    assert len(history(wh)) == 4
    second = Shout(partition_rows=2)
    result = build_view(wh, second)
    assert (result.computed, result.unchanged, second.asked) == (3, 4, [5, 6, 7])
    assert [loud for _, loud, _ in history(wh)] == list("ABCDEFG")


def test_progress_counts_movies(wh: Warehouse, core: Core) -> None:
    core.movies(*words(*"abcde"))
    seen: list[tuple[int, int | None]] = []
    build_view(wh, Shout(partition_rows=2), progress=lambda done, total: seen.append((done, total)))
    assert seen == [(2, 5), (4, 5), (5, 5)]


def test_another_definition_is_another_version_beside_the_old_one(wh: Warehouse, core: Core) -> None:
    class Louder(Shout):
        revision: ClassVar[int] = 2

    core.movies(*words("a"))
    build_view(wh, Shout())
    assert Louder().version != Shout().version
    assert plan_build(wh, Louder()).n_stale == 1
    assert build_view(wh, Louder()).computed == 1
    assert build_view(wh, Shout()).unchanged == 1
    registered = wh.query("SELECT view_version FROM ops.feature_views WHERE view = 'shout'")
    assert set(registered["view_version"].to_pylist()) == {Shout().version, Louder().version}


def test_a_clock_that_goes_back_does_not_bring_old_values_back(
    wh: Warehouse, core: Core, clock: Clock
) -> None:
    core.movies(*words("a"))
    build_view(wh, Shout())
    clock.turn(days=-3)
    core.movies(*words("b"))
    build_view(wh, Shout())
    assert latest(wh, Shout())["loud"].to_pylist() == ["B"]
    assert build_view(wh, Shout()).unchanged == 1


def test_an_empty_warehouse_builds_an_empty_view(wh: Warehouse) -> None:
    result = build_view(wh, Shout())
    assert (result.computed, result.unchanged) == (0, 0)
    assert latest(wh, Shout()).num_rows == 0
    assert "loud" in latest(wh, Shout()).column_names


def test_of_one_percent_changed_movies_at_most_two_percent_of_rows_are_computed(
    wh: Warehouse, core: Core, clock: Clock
) -> None:
    n = 400
    films = [
        {
            "movie_id": i,
            "title": f"Movie {i}",
            "year": 1950 + i % 70,
            "overview": f"about {i}",
            "popularity": 1.0,
        }
        for i in range(n)
    ]
    tags = [{"movie_id": i, "tag": f"tag {i % 7}", "n_users": 2} for i in range(n)]
    core.movies(*films)
    with wh.transaction() as tx:
        tx.append("core.movie_tags", pa.Table.from_pylist(tags))
    views: list[FeatureView] = [Metadata(), Tags(), Words(), Shout()]
    for view in views:
        assert build_view(wh, view).computed == n
    clock.turn(days=1)
    core.movies(*({**film, "overview": "new", "year": 2024} for film in films[:4]))
    for movie in range(4):
        core.rows("movie_tags", movie, {"tag": "other", "n_users": 3})
    core.movies(*({**film, "known_time": clock.now, "event_time": clock.now} for film in films[50:250]))
    for view in views:
        assert build_view(wh, view).computed <= n * 2 // 100
        assert build_view(wh, view).computed == 0


def test_a_build_of_chosen_movies_leaves_the_others_for_later(
    wh: Warehouse, core: Core, clock: Clock
) -> None:
    core.movies(*words("a", "b", "c", "d"))
    clock.turn(hours=1)
    view = Shout()
    build_view(wh, view, movies=pa.array([1]))
    core.movies(*words("aa", "bb", None))
    chosen = pa.array([1, 3, 4, 99])
    result = build_view(wh, view, movies=chosen)
    assert (result.computed, result.unchanged, result.removed) == (2, 0, 0)
    assert build_view(wh, view, movies=chosen).unchanged == 2
    assert view.asked == [1, 1, 4]
    assert build_view(wh, view).computed == 1
    core.movies(*words(None))
    assert build_view(wh, view, movies=pa.array([4])).removed == 0
    assert build_view(wh, view, movies=pa.array([1])).removed == 1
