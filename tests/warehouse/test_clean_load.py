"""Nights with upkeep end where one clean load does, and their lake's bounds enclose its files."""

from pathlib import Path

import pytest

from tests import clean_load
from tests.warehouse.planted import forget_bounds
from warehouse import Warehouse
from warehouse.file_reader import opened


@pytest.mark.slow
def test_five_nights_end_where_one_clean_load_does(tmp_path: Path) -> None:
    assert clean_load.prove(tmp_path, nights=5, movies=70, kept=2) == []


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
