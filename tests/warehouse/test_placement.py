"""A catalogue works with its own data files alone: not with those of a copy, nor with none."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from warehouse import Location, Warehouse
from warehouse.backup import backup, restore
from warehouse.errors import DamagedLake
from warehouse.upkeep import upkeep

NOTHING = timedelta(0)


@dataclass
class Homes:
    """A home with a commit, and a second one that holds the same files."""

    first: Path
    second: Path

    def mixed(self) -> Location:
        """The catalogue of the first with the data files of the second, as a wrong REELHOUSE_DATA has it."""
        return Location(self.first / "catalog.sqlite", self.second / "lake")


def copied(first: Path, second: Path) -> None:
    shutil.copytree(first, second)


def restored(first: Path, second: Path) -> None:
    backup(Location.under(first), second.with_name("backup"))
    restore(second.with_name("backup"), Location.under(second))


@pytest.fixture
def first(tmp_path: Path) -> Path:
    with Warehouse.open(Location.under(tmp_path / "first")) as warehouse:
        warehouse.finish_run(warehouse.start_run("nightly"), "completed")
    return tmp_path / "first"


def commit(location: Location) -> None:
    with Warehouse.open(location) as warehouse:
        warehouse.finish_run(warehouse.start_run("import"), "completed")


def runs(location: Location) -> list[str]:
    with Warehouse.open(location, read_only=True) as warehouse:
        flows: list[str] = warehouse.query("SELECT flow FROM ops.runs ORDER BY started_at")[
            "flow"
        ].to_pylist()
        return flows


@pytest.mark.parametrize("read_only", [False, True])
@pytest.mark.parametrize("how", [copied, restored])
def test_the_files_of_a_copy_are_refused_both_ways(
    first: Path, tmp_path: Path, how: Callable[[Path, Path], None], read_only: bool
) -> None:
    how(first, tmp_path / "second")
    commit(Location.under(tmp_path / "second"))
    for homes in (Homes(first, tmp_path / "second"), Homes(tmp_path / "second", first)):
        with pytest.raises(DamagedLake, match=rf"are in {homes.first}/lake/, .*correct REELHOUSE_DATA"):
            Warehouse.open(homes.mixed(), read_only=read_only)
    for home, flows in ((first, ["nightly"]), (tmp_path / "second", ["nightly", "import"])):
        with Warehouse.open(Location.under(home)) as warehouse:
            upkeep(warehouse, keep=NOTHING, grace=NOTHING)
        assert runs(Location.under(home)) == flows


@pytest.mark.parametrize("place", ["nowhere", "full"])
def test_a_place_without_the_lake_s_files_is_named_and_left_alone(
    first: Path, tmp_path: Path, place: str
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.parquet").write_text("precious")
    wrong = Location(first / "catalog.sqlite", tmp_path / place)
    for read_only in (False, True):
        with pytest.raises(DamagedLake, match=rf"{place} has none of the data files .*are in {first}/lake/"):
            Warehouse.open(wrong, read_only=read_only)
    assert sorted(path.name for path in tmp_path.rglob("*") if "first" not in path.parts) == [
        "full",
        "mine.parquet",
    ]


def test_what_was_moved_on_purpose_is_found(first: Path, tmp_path: Path) -> None:
    first.rename(tmp_path / "moved")
    commit(Location.under(tmp_path / "moved"))
    (tmp_path / "moved" / "lake").rename(tmp_path / "big")
    place = Location(tmp_path / "moved" / "catalog.sqlite", tmp_path / "big")
    commit(place)
    assert runs(place) == ["nightly", "import", "import"]
    with pytest.raises(DamagedLake, match=f"has none of the data files .*are in {tmp_path}/big/"):
        commit(Location.under(tmp_path / "moved"))


def test_a_copy_of_a_home_is_a_home_of_its_own(first: Path, tmp_path: Path) -> None:
    shutil.copytree(first, tmp_path / "second")
    commit(Location.under(tmp_path / "second"))
    assert runs(Location.under(first)) == ["nightly"]
    assert runs(Location.under(tmp_path / "second")) == ["nightly", "import"]
