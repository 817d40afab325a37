"""The engine that a command finds: shown by `status`, and refused in one line where it does not fit."""

import json
import shutil
from pathlib import Path

import duckdb
import pytest

from tests.flows.commandline import Run, runner
from warehouse import Location, Warehouse, extensions
from warehouse.extensions import Build, extension_file


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("engine") / "home"
    Warehouse.open(Location.under(made)).close()
    return made


@pytest.fixture
def reelhouse(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    return runner(home, monkeypatch, capfd)


def test_status_shows_the_engine_and_where_its_extensions_come_from(
    reelhouse: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ducklake", "sqlite_scanner"):
        shutil.copyfile(extension_file(name), tmp_path / f"{name}.duckdb_extension")
    monkeypatch.setenv("REELHOUSE_EXTENSIONS", str(tmp_path))
    engine = json.loads(reelhouse("status", "--json").out)["engine"]
    assert engine["duckdb"] == f"v{duckdb.__version__}"
    assert engine["source"] == str(tmp_path)
    assert set(engine["extensions"]) == {"ducklake", "sqlite_scanner"}
    shown = reelhouse("status").out
    assert f"DuckDB {engine['duckdb']} · catalogue in DuckLake's format {engine['format']}" in shown
    assert f"Extensions   ducklake {engine['extensions']['ducklake']} · sqlite_scanner " in shown


@pytest.mark.parametrize("command", [("status",), ("sql", "SELECT 1"), ("upkeep",), ("check",)])
def test_a_newer_duckdb_than_the_extensions_is_one_line(
    reelhouse: Run, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    monkeypatch.delenv("REELHOUSE_EXTENSIONS", raising=False)
    monkeypatch.setattr(extensions, "installed_build", lambda connection: Build("v2.0.1", "linux_amd64"))
    said = reelhouse(*command)
    assert said.code == 1
    assert said.line.startswith("reelhouse: the package duckdb-extension-ducklake is made for DuckDB v")
    assert ", and v2.0.1 is installed: pip install duckdb==" in said.line
    assert said.line.endswith("or set REELHOUSE_EXTENSIONS to a directory of files for v2.0.1, or to install")


def test_a_directory_without_the_files_is_one_line(
    reelhouse: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REELHOUSE_EXTENSIONS", str(tmp_path))
    said = reelhouse("status")
    assert said.code == 1
    assert said.line.startswith(f"reelhouse: {tmp_path} has no ducklake.duckdb_extension for DuckDB v")
