"""Nights with upkeep end where one clean load does, and their lake's bounds enclose its files."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flows.settings import Settings
from tests import clean_load
from tests.warehouse.planted import forget_bounds
from warehouse import Location, Warehouse
from warehouse.file_reader import opened


@pytest.mark.slow
def test_five_nights_end_where_one_clean_load_does_though_the_clock_jumps_back_a_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that are written after the jump are the newer ones, whatever their clock says."""
    ahead = timedelta(0)
    night = clean_load.night

    def clock() -> datetime:
        return datetime.now(UTC) + ahead

    def night_by(settings: Settings, number: int, *arguments: Any, **options: Any) -> Any:
        nonlocal ahead
        ahead = timedelta(days=1 if number == 2 else 0)  # and a third night a day before the second
        return night(settings, number, *arguments, **options)

    monkeypatch.setitem(Warehouse.open.__func__.__kwdefaults__, "clock", clock)  # type: ignore[attr-defined]
    monkeypatch.setattr(clean_load, "night", night_by)
    assert clean_load.prove(tmp_path, nights=5, movies=70, kept=2) == []
    with Warehouse.open(Location.under(tmp_path / "nights"), read_only=True) as warehouse:
        days = warehouse.query("SELECT started_at > now() AS ahead FROM ops.runs")["ahead"].to_pylist()
    assert sorted(days) == [False, False, False, False, True]


def test_bounds_that_do_not_enclose_a_footer_are_told(wh: Warehouse) -> None:
    with opened(wh.location) as reader:
        sound = clean_load.loose_bounds(reader)
    assert sound.of_files > 0
    assert sound.faults == []
    forget_bounds(wh)
    with opened(wh.location) as reader:
        loose = clean_load.loose_bounds(reader)
    assert loose.of_tables > 0
    assert any(fault.startswith("ops.steps: rows_in") for fault in loose.faults)


def test_a_row_that_only_one_lake_has_is_told() -> None:
    grown, clean = clean_load.Content(), clean_load.Content()
    row = {"source": "imdb", "genre": "Drama", "share": float("nan")}
    grown.rows["core.movie_genres"] = [("tt1", row)]
    clean.rows["core.movie_genres"] = [("tt1", dict(row))]
    assert clean_load.differences(grown, clean) == []
    clean.rows["core.movie_genres"].append(("tt1", row))
    (fault,) = clean_load.differences(grown, clean)
    assert fault.startswith("core.movie_genres: only the clean load say")
