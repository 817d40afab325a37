"""Files that appear whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warehouse.places import ROOT
from warehouse.errors import Unwritable, WarehouseError
from warehouse.whole_file import copy, regular, sweep, write_text, written


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_file_that_fails_half_way_leaves_the_earlier_one_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("earlier")
    with pytest.raises(KeyError), written(path) as partial:
        partial.write_text("half")
        raise KeyError
    assert (names(tmp_path), path.read_text()) == (["rows.csv"], "earlier")
    with written(path) as partial:
        partial.write_text("whole")
    assert (names(tmp_path), path.read_text()) == (["rows.csv"], "whole")


def test_a_link_stays_a_link_and_its_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "latest.csv"
    link.symlink_to("elsewhere/today.csv")  # which is not there yet
    for text in ("first", "second"):
        write_text(link, text)
        assert link.is_symlink()
        assert (tmp_path / "elsewhere" / "today.csv").read_text() == text
    assert names(tmp_path / "elsewhere") == ["today.csv"]


def test_what_is_no_regular_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    fifo, loop, to_fifo = tmp_path / "fifo", tmp_path / "loop", tmp_path / "to_fifo"
    os.mkfifo(fifo)
    loop.symlink_to(loop)
    to_fifo.symlink_to(fifo)
    for path, reason in {
        fifo: "it is a FIFO",
        to_fifo: "FIFO",
        tmp_path: "directory",
        loop: "too many",
    }.items():
        with pytest.raises(Unwritable, match=f"(?i){reason}") as caught, written(path):
            pass
        assert str(path) in str(caught.value)
    assert fifo.is_fifo()
    assert names(tmp_path) == ["fifo", "loop", "to_fifo"]


@pytest.mark.parametrize("path", ["/dev/full", "/dev/null", "/dev/stdout", "/proc/self/comm", "/sys/x"])
def test_files_of_the_system_are_refused(path: str) -> None:
    with pytest.raises(Unwritable, match="belongs to the system"):
        regular(Path(path))


def test_a_long_name_has_room_for_its_partial_file(tmp_path: Path) -> None:
    path = tmp_path / ("x" * 250 + ".csv")
    write_text(path, "whole")
    assert names(tmp_path) == [path.name]


def test_a_failure_names_the_target_and_not_the_source(tmp_path: Path) -> None:
    (tmp_path / "source").write_text("text")
    (tmp_path / "file").touch()
    with pytest.raises(WarehouseError, match=r"cannot write .*/file: "):
        copy(tmp_path / "source", tmp_path / "file" / "below")
    with pytest.raises(FileNotFoundError, match="missing"):
        copy(tmp_path / "missing", tmp_path / "target")
    assert names(tmp_path) == ["file", "source"]


LIMITED = """
import resource, sys
from pathlib import Path
from warehouse.whole_file import write_text
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_text(Path(sys.argv[1]), "x" * 100_000)
except Exception as error:
    print(type(error).__name__, error)
"""


def test_a_target_that_takes_no_more_is_named_and_left_without_a_part(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    ended = subprocess.run(
        [sys.executable, "-c", LIMITED, path], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert ended.stdout.startswith(f"Unwritable cannot write {path}: File too large")
    assert names(tmp_path) == []


KILLED_WRITER = """
import os, signal, sys
from pathlib import Path
from warehouse.whole_file import written
with written(Path(sys.argv[1])) as partial:
    partial.write_text("half")
    partial.with_name(partial.name + ".wal").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_is_swept_and_a_living_one_s_part_stays(tmp_path: Path) -> None:
    target = tmp_path / "lake.duckdb"
    for name in ("lake.duckdb", "other.duckdb"):
        subprocess.run([sys.executable, "-c", KILLED_WRITER, tmp_path / name], cwd=ROOT, check=False)
    with written(target) as partial:
        partial.write_text("whole")
        assert len(list(tmp_path.iterdir())) == 5
        sweep(target)
        assert {path.name.partition(".")[0] for path in tmp_path.iterdir()} == {"lake", "other"}
        assert len(list(tmp_path.iterdir())) == 3
        assert partial.exists()
    assert target.read_text() == "whole"
