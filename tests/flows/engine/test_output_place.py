"""No command writes over what a warehouse, a backup or another program keeps."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from flows.commands.options import parse_path
from flows.engine.output_place import MANIFEST_OF_DATASET, PARQUET, REPORT, output_file
from flows.errors import FlowError
from flows.reference import command_line
from flows.settings import Settings
from tests.flows.commandline import Run, runner
from tests.flows.engine.outputs import FOREIGN, REPLACERS, TAKEN, WRITERS
from tests.warehouse.places import ROOT
from warehouse import Location, Warehouse, backup


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory with a home, another home, and a backup."""
    root = tmp_path_factory.mktemp("places")
    with Warehouse.open(Location.under(root / "home")) as warehouse:
        warehouse.start_run("nightly", {})
        backup.backup(warehouse.location, root / "backup")
    shutil.copytree(root / "home", root / "other")
    return root


@pytest.fixture
def reelhouse(filled: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(filled / "home", monkeypatch, capfd)


def state(directory: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_mtime_ns for path in directory.rglob("*") if path.suffix != ".lock"}


@pytest.mark.parametrize(
    "name",
    TAKEN,
)
def test_no_output_goes_over_the_files_of_a_warehouse_or_a_backup(reelhouse: Run, filled: Path, name: str):
    before = state(filled)
    for command in WRITERS:
        result = reelhouse(*command, filled / name)
        assert (result.code, result.out) == (1, ""), command
        assert str(filled / name) in result.line
    assert state(filled) == before


def test_a_file_of_one_s_own_in_a_home_is_written(reelhouse: Run, filled: Path, tmp_path: Path):
    path = filled / "home" / "mine.csv"
    assert reelhouse("sql", "SELECT 1 AS n", "--format", "csv", "--output", path).code == 0
    assert path.read_text() == "n\n1\n"
    path.unlink()
    link = tmp_path / "link.csv"
    link.symlink_to(filled / "home" / "catalog.sqlite")
    assert "own files" in reelhouse("sql", "SELECT 1", "--format", "csv", "--output", link).line


def test_no_output_replaces_a_fifo(reelhouse: Run, tmp_path: Path):
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    for command in WRITERS:
        result = reelhouse(*command, fifo)
        assert result.code == 1, command
        assert "FIFO" in result.line or "is a file" in result.line
    assert fifo.is_fifo()
    assert [path.name for path in tmp_path.iterdir()] == ["fifo"]


@pytest.mark.parametrize(("command", "name"), REPLACERS.values(), ids=REPLACERS)
def test_no_output_replaces_a_file_of_another_kind(
    reelhouse: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...], name: str
):
    monkeypatch.chdir(tmp_path)
    mine = tmp_path / name
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    before = state(tmp_path)
    result = reelhouse(*command)
    assert (result.code, result.out) == (1, "")
    assert result.line.startswith(f"reelhouse: {name} exists and is no ")
    assert result.line.endswith(": choose another name, or remove it first")
    assert mine.read_text() == "mine"
    assert state(tmp_path) == before


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("kind", [PARQUET, REPORT, MANIFEST_OF_DATASET], ids=lambda kind: kind.name)
def test_only_what_a_command_wrote_is_of_its_kind(tmp_path: Path, kind, content: bytes):
    path = tmp_path / "x"
    path.write_bytes(content)
    settings = Settings(home=tmp_path / "home")
    with pytest.raises(FlowError, match=f"exists and is no {kind.name}"):
        output_file(settings, path, kind)
    path.write_bytes(b"")
    assert output_file(settings, path, kind) == path


def test_an_output_replaces_the_one_of_before(reelhouse: Run, tmp_path: Path):
    table, page, out = tmp_path / "x.parquet", tmp_path / "x.html", tmp_path / "out"
    for _ in range(2):
        assert reelhouse("sql", "SELECT 1 AS n", "--format", "parquet", "--output", table).code == 0
        assert reelhouse("report", "--output", page).code == 0
        assert reelhouse("export", out, "core.movies").code == 0
    head = page.read_text()
    assert '<meta name="generator"' in head
    page.write_text(head.replace('<meta name="generator" content="Reelhouse">', ""))  # an earlier release's
    assert reelhouse("report", "--output", page).code == 0
    assert page.read_text() == head


def test_an_empty_path_is_wrong_usage(reelhouse: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for command in (
        ("export", ""),
        ("export", "/"),
        ("backup", ""),
        ("restore", ""),
        ("import", ""),
        ("report", "--run", ""),
        ("report", "--output", ""),
        ("sql", "SELECT 1", "-o", ""),
        ("status", "--home", ""),
    ):
        result = reelhouse(*command)
        assert (result.code, result.out) == (2, ""), command
        assert result.line
    assert list(tmp_path.iterdir()) == []


def test_every_path_of_the_command_line_is_looked_at():
    pending, paths = [command_line()], []
    while pending:
        command = pending.pop()
        pending += getattr(command, "commands", {}).values()
        paths += [each for each in command.params if each.type_descriptor.annotation is Path]
    assert len(paths) > 10
    for path in paths:
        assert path.type_descriptor.parameter_info.parser is parse_path, path.name


def test_a_demo_is_made_in_no_directory_of_something_else(reelhouse: Run, filled: Path, tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine")
    assert "holds notes.txt, which is not of a demo" in reelhouse("demo", "--home", tmp_path).line
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    with Warehouse.open(Location.under(filled / "other")) as warehouse:
        warehouse.commit(
            lambda tx: tx.batch(None, "imdb", "title.ratings", "GET https://datasets.imdbws.com/x")
        )
        before = warehouse.snapshot_id
        assert "that no demo has made" in reelhouse("demo", "--home", filled / "other").line
        assert warehouse.snapshot_id == before


def test_make_clean_removes_no_directory_that_is_no_environment(tmp_path: Path):
    def clean(directory: Path) -> int:
        command = ["make", "-f", ROOT / "Makefile", "clean", f"VENV={directory}"]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode

    mine = tmp_path / "mine"
    mine.mkdir()
    assert clean(mine) != 0
    assert mine.is_dir()
    (mine / "pyvenv.cfg").touch()
    assert clean(mine) == 0
    assert not mine.exists()
