"""Two homes are compared by their values, whatever their clocks, batches and order of rows."""

import sys
from pathlib import Path
from typing import Any

import pytest

from features import build_view
from features.tags import Tags
from tests.features.conftest import Clock, Core
from tests.same_values import Comparison, compare, main
from warehouse import Location, Warehouse


def make_home(home: Path, days: int, *movies: dict[str, Any], tag: str = "heist") -> Path:
    clock = Clock()
    clock.turn(days=days)
    with Warehouse.open(Location.under(home), clock=clock) as warehouse:
        core = Core(warehouse)
        core.movies(*movies)
        core.rows("movie_tags", 1, {"tag": tag, "n_users": 3})
        build_view(warehouse, Tags())
    return home


def differences(home: Path, other: Path) -> dict[str, Comparison]:
    return {each.table: each for each in compare(home, other) if not each.equal}


def test_homes_are_compared_by_their_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = {"movie_id": 1, "title": "Heat"}, {"movie_id": 2, "title": "Ronin"}
    home = make_home(tmp_path / "home", 0, first, second)
    same = make_home(tmp_path / "same", 3, second, first)
    other = make_home(tmp_path / "other", 0, first, second | {"title": "Ronin 2"}, tag="island")
    assert not differences(home, same)
    differing = differences(home, other)
    assert {table: each.columns for table, each in differing.items()} == {
        "core.movies": ("title",),
        "core.movie_tags": ("tag",),
        "features.tags": ("input_hash", "tags"),
    }
    assert differing["core.movies"].rows == (2, 2)
    for against, code in ((same, 0), (other, 1)):
        monkeypatch.setattr(sys, "argv", ["same_values", str(home), str(against)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
        assert ("differs: title" in capsys.readouterr().out) == bool(code)
