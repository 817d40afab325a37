"""The TMDb sync plan: nothing missed, nothing fetched twice."""

from datetime import UTC, date, datetime

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from flows.steps.tmdb_plan import FEW, Known, believable, first_change_day, plan_tmdb

TODAY = date(2026, 3, 10)
YESTERDAY = datetime(2026, 3, 9, 23, 59, tzinfo=UTC)
THIS_MORNING = datetime(2026, 3, 10, 0, 0, 1, tzinfo=UTC)


def known(*rows: tuple[int, int, datetime]) -> Known:
    """From (id, status, checked at) rows."""
    return Known.from_arrow(
        pa.table(
            {
                "tmdb_id": pa.array([row[0] for row in rows], pa.int64()),
                "status": pa.array([row[1] for row in rows], pa.int16()),
                "source_checked_at": pa.array([row[2] for row in rows], pa.timestamp("us", tz="UTC")),
            }
        )
    )


def test_first_sync_fetches_the_whole_export():
    plan = plan_tmdb(known(), today=TODAY, export=[3, 1, 2], changes=[])
    assert plan.new == (1, 2, 3)
    assert plan.ids == (1, 2, 3)


def test_a_broken_first_sync_fetches_only_the_rest():
    plan = plan_tmdb(known((1, 200, YESTERDAY)), today=TODAY, export=[1, 2, 3], changes=[])
    assert plan.ids == (2, 3)


def test_a_second_run_of_the_same_day_fetches_nothing_twice():
    plan = plan_tmdb(
        known((1, 200, THIS_MORNING), (2, 404, THIS_MORNING)), today=TODAY, export=None, changes=[1, 2]
    )
    assert plan.ids == ()


def test_an_edit_after_this_mornings_fetch_is_fetched_tomorrow():
    fetched = known((1, 200, THIS_MORNING))
    tomorrow = date(2026, 3, 11)
    since = first_change_day({"synced_day": TODAY.isoformat()}, fetched, tomorrow)
    assert since == TODAY  # so that the list still holds today's later edits
    assert plan_tmdb(fetched, today=tomorrow, export=None, changes=[1]).changed == (1,)


def test_an_id_that_left_the_export_is_confirmed_once():
    before = known((1, 200, YESTERDAY), (2, 200, YESTERDAY))
    assert plan_tmdb(before, today=TODAY, export=[1], changes=[]).vanished == (2,)
    after = known((1, 200, YESTERDAY), (2, 404, THIS_MORNING))
    assert plan_tmdb(after, today=TODAY, export=[1], changes=[]).ids == ()


def test_an_id_that_came_back_is_fetched_again():
    assert plan_tmdb(known((1, 404, YESTERDAY)), today=TODAY, export=[1], changes=[]).changed == (1,)


def test_a_changed_id_never_seen_is_new():
    assert plan_tmdb(known(), today=TODAY, export=None, changes=[9]).new == (9,)


def test_a_forgotten_movie_is_asked_for_whatever_the_lists_say():
    others = known((1, 200, YESTERDAY))
    assert plan_tmdb(others, today=TODAY, export=None, changes=[], forgotten=[5]).ids == (5,)
    assert plan_tmdb(others, today=TODAY, export=[1, 5], changes=[5], forgotten=[5]).ids == (5,)


def test_a_first_load_that_takes_nights_asks_for_changes_since_its_first():
    assert first_change_day(None, known((1, 200, THIS_MORNING), (2, 200, YESTERDAY)), TODAY) == date(
        2026, 3, 9
    )
    assert first_change_day(None, known(), TODAY) == TODAY


def test_a_film_that_no_export_lists_is_not_asked_for_again_each_night():
    both = known((1, 200, YESTERDAY), (2, 200, YESTERDAY))
    assert plan_tmdb(both, today=TODAY, export=[1], changes=[], never_listed=[2]).ids == ()
    assert plan_tmdb(both, today=TODAY, export=[1], changes=[2], never_listed=[2]).changed == (2,)


def test_an_export_that_lacks_half_of_what_is_known_is_not_believed():
    many = known(*((i, 200, YESTERDAY) for i in range(1, FEW + 1)))
    assert believable(many, range(1, FEW + 100))
    assert not believable(many, range(1, FEW // 2))
    assert believable(known((1, 200, YESTERDAY)), [])
    assert believable(known(*((i, 404, YESTERDAY) for i in range(1, FEW + 1))), [])


IDS = st.sets(st.integers(1, 30), max_size=20)


@given(alive=IDS, gone=IDS, fresh=IDS, export=st.none() | IDS, changes=IDS)
def test_each_id_is_planned_once_and_nothing_fetched_today_is(alive, gone, fresh, export, changes):
    gone, fresh = gone - alive, fresh - alive - gone
    rows = [(i, 200, YESTERDAY) for i in alive]
    rows += [(i, 404, YESTERDAY) for i in gone]
    rows += [(i, 200, THIS_MORNING) for i in fresh]
    plan = plan_tmdb(known(*rows), today=TODAY, export=export, changes=changes)
    assert len(set(plan.ids)) == len(plan.ids)
    assert not set(plan.ids) & fresh
    assert changes - fresh <= set(plan.ids)
    if export is not None:
        assert (export - alive - fresh) <= set(plan.ids)
        assert (alive - export) <= set(plan.ids)


def test_known_is_sorted_by_id_whatever_the_order_of_the_rows():
    both = known((5, 200, YESTERDAY), (1, 404, THIS_MORNING))
    assert both.ids.tolist() == [1, 5]
    assert both.status.tolist() == [404, 200]
    assert np.all(np.diff(both.checked) < 0)
