"""DuckDB's extensions come from where the location says, signed and made for this DuckDB, or not at all."""

import functools
import gzip
import http.server
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.places import ROOT
from warehouse import Location, Warehouse, extensions
from warehouse.backup import backup, restore
from warehouse.connection import session
from warehouse.errors import MissingExtension
from warehouse.export import export_parquet
from warehouse.extensions import Build, extension_file
from warehouse.snapshots import diff
from warehouse.sql import open_read_only
from warehouse.upkeep import upkeep

USED = ("ducklake", "sqlite_scanner")

pytestmark = pytest.mark.local_files


@pytest.fixture(scope="module")
def build() -> Build:
    with duckdb.connect() as connection:
        return extensions.installed_build(connection)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of extension files, as they are named in their packages."""
    directory = tmp_path_factory.mktemp("files")
    for name in USED:
        shutil.copyfile(extension_file(name), directory / f"{name}.duckdb_extension")
    return directory


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, files: Path, build: Build) -> Path:
    """A repository in DuckDB's own layout, its files compressed."""
    root = tmp_path_factory.mktemp("repository")
    place = root / build.version / build.platform
    place.mkdir(parents=True)
    for path in files.iterdir():
        (place / f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
    return root


@pytest.fixture
def repository(tmp_path: Path, packed: Path) -> Path:
    """A copy of the repository, to be changed."""
    shutil.copytree(packed, tmp_path / "repository")
    return tmp_path / "repository"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *values: object) -> None:
        return


@pytest.fixture
def served(repository: Path) -> Iterator[str]:
    """The repository's address."""
    handler = functools.partial(_Quiet, directory=str(repository))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def no_packages(monkeypatch: pytest.MonkeyPatch, build: Build) -> None:
    """Make every use of the PyPI packages fail."""

    def absent(name: str, version: str = "") -> Path:
        raise MissingExtension(f"the package of {name} was asked")

    monkeypatch.setattr(extensions, "extension_file", absent)


def _home(tmp_path: Path, empty_home: Path, source: object) -> Location:
    home = tmp_path / "home"
    shutil.copytree(empty_home, home)
    return Location(home / "catalog.sqlite", home / "lake", extensions=str(source))


def _line(location: Location) -> str:
    """The one line with which the location is refused."""
    with pytest.raises(MissingExtension) as caught:
        Warehouse.open(location, read_only=True)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("layout", ["flat", "versioned"])
def test_a_directory_of_files_stands_in_for_the_packages(
    tmp_path: Path, empty_home: Path, files: Path, build: Build, layout: str, no_packages: None
) -> None:
    directory = files
    if layout == "versioned":
        directory = tmp_path / "versioned"
        shutil.copytree(files, directory / build.version / build.platform)
    with Warehouse.open(_home(tmp_path, empty_home, directory)) as wh:
        wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 1}))
        assert wh.cursor("tmdb", "movies") == {"n": 1}
        assert wh.engine.duckdb == build.version
        assert set(wh.engine.extensions) == set(USED)
        assert wh.engine.source == str(directory)
    assert not (tmp_path / "home" / extensions.FILES).exists(), "files that lie open are loaded in place"


@pytest.mark.parametrize("way", ["directory of packed files", "install:DIRECTORY", "install:URL"])
def test_packed_files_are_installed_below_the_home_and_nowhere_else(
    tmp_path: Path,
    empty_home: Path,
    repository: Path,
    served: str,
    way: str,
    monkeypatch: pytest.MonkeyPatch,
    no_packages: None,
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    source = {"install:DIRECTORY": f"install:{repository}", "install:URL": f"install:{served}"}
    location = _home(tmp_path, empty_home, source.get(way, repository))
    with Warehouse.open(location) as wh:
        assert set(wh.engine.extensions) == set(USED)
    shutil.rmtree(repository)
    if way.startswith("install"):
        with Warehouse.open(location, read_only=True) as wh:
            assert wh.snapshot_id, "what was installed is not fetched again"
    assert len(list((location.home / extensions.FILES).rglob("*.duckdb_extension"))) == len(USED)
    assert not (tmp_path / "user").exists()


def test_two_repositories_do_not_mix(tmp_path: Path, empty_home: Path, repository: Path, served: str) -> None:
    first = _home(tmp_path, empty_home, f"install:{repository}")
    second = Location(first.catalog, first.data_path, extensions=f"install:{served}")
    for location in (first, second, first):
        with Warehouse.open(location, read_only=True) as wh:
            assert set(wh.engine.extensions) == set(USED)


def test_everything_that_opens_the_lake_uses_the_same_files(
    tmp_path: Path, empty_home: Path, files: Path, no_packages: None
) -> None:
    location = _home(tmp_path, empty_home, files)
    with Warehouse.open(location) as wh:
        before = wh.snapshot_id
        wh.commit(lambda tx: tx.set_cursor("tmdb", "movies", {"n": 1}))
        upkeep(wh)
    with open_read_only(location) as connection:
        assert connection.execute("SELECT count(*) FROM ops.cursors").fetchone() == (1,)
    with open_read_only(location, before) as connection:
        assert connection.execute("SELECT count(*) FROM ops.cursors").fetchone() == (0,)
    diff(location, before)
    export_parquet(location, tmp_path / "out", ["ops.cursors"])
    backup(location, tmp_path / "backup")
    restored = Location(tmp_path / "new" / "catalog.sqlite", tmp_path / "new" / "lake", extensions=str(files))
    restore(tmp_path / "backup", restored)
    with Warehouse.open(restored, read_only=True) as wh:
        assert wh.cursor("tmdb", "movies") == {"n": 1}


# --- what is refused


def _change(path: Path, old: bytes, new: bytes) -> None:
    """Change one field of a file's footer."""
    content = path.read_bytes()
    footer = content[-512:].replace(old.ljust(32, b"\0"), new.ljust(32, b"\0"), 1)
    assert footer != content[-512:]
    path.write_bytes(content[:-512] + footer)


def _flip(path: Path) -> None:
    """Change one bit, in a file of its own: the old one may be mapped into this process."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(bytes(content))


def _unsign(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-256] + bytes(256))


@pytest.mark.parametrize("harm", [_flip, _unsign])
def test_a_file_that_is_not_signed_or_was_changed_is_never_loaded(
    tmp_path: Path, empty_home: Path, files: Path, harm: functools.partial[None]
) -> None:
    shutil.copytree(files, tmp_path / "files")
    harm(tmp_path / "files" / "ducklake.duckdb_extension")
    line = _line(_home(tmp_path, empty_home, tmp_path / "files"))
    assert line.startswith(
        f"{tmp_path}/files/ducklake.duckdb_extension is not signed by the makers of DuckDB"
    )


def test_a_repository_with_a_changed_file_is_refused_and_so_is_an_installed_file_that_was_changed(
    tmp_path: Path, empty_home: Path, repository: Path, served: str, build: Build
) -> None:
    bad = repository / build.version / build.platform / "ducklake.duckdb_extension.gz"
    good = bad.read_bytes()
    plain = tmp_path / "plain"
    plain.write_bytes(gzip.decompress(good))
    _flip(plain)
    bad.write_bytes(gzip.compress(plain.read_bytes(), 1))
    location = _home(tmp_path, empty_home, f"install:{served}")
    assert _line(location).startswith(f"ducklake of {served} is not signed by the makers of DuckDB")
    bad.write_bytes(good)
    Warehouse.open(location, read_only=True).close()
    (installed,) = (location.home / extensions.FILES).rglob("ducklake.duckdb_extension")
    _flip(installed)
    assert _line(location).startswith(f"{installed} is not signed by the makers of DuckDB")
    Warehouse.open(location, read_only=True).close()  # fetched anew
    assert installed.read_bytes() == gzip.decompress(good)


def test_no_connection_accepts_unsigned_files_nor_can_be_made_to(wh: Warehouse) -> None:
    with session(wh.location) as connection:
        for name in ("allow_unsigned_extensions", "allow_community_extensions"):
            assert connection.execute(f"SELECT current_setting('{name}')").fetchone() == (False,)
            with pytest.raises(duckdb.Error, match=r"while database is running|been disabled|upgraded"):
                connection.execute(f"SET GLOBAL {name} = true")


@pytest.mark.parametrize(
    ("field", "planted", "made_for"),
    [("version", "v1.9.9", "DuckDB v1.9.9 on"), ("platform", "osx_arm64", "on osx_arm64")],
)
@pytest.mark.parametrize("installs", [False, True])
def test_a_file_for_another_duckdb_is_named_with_what_it_is_for_and_what_is_installed(
    tmp_path: Path, empty_home: Path, files: Path, build: Build, field: str, planted: str, made_for: str,
    installs: bool,
) -> None:  # fmt: skip
    directory = tmp_path / "files" / build.version / build.platform if installs else tmp_path / "files"
    shutil.copytree(files, directory)
    _change(directory / "ducklake.duckdb_extension", getattr(build, field).encode(), planted.encode())
    source = f"install:{tmp_path / 'files'}" if installs else tmp_path / "files"
    line = _line(_home(tmp_path, empty_home, source))
    if installs:  # DuckDB looks at the footer before it installs
        assert line.startswith(f"ducklake for {build} cannot be installed from {tmp_path / 'files'}")
        assert planted in line
    else:
        assert "ducklake.duckdb_extension is made for " in line
        assert made_for in line
        assert f"{build} is installed" in line
        assert "set REELHOUSE_EXTENSIONS to files for" in line


def test_what_is_absent_is_said_in_one_line(
    tmp_path: Path, empty_home: Path, packed: Path, build: Build
) -> None:
    (tmp_path / "nothing").mkdir()
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "ducklake.duckdb_extension").write_text("no extension " * 100)
    home = _home(tmp_path, empty_home, "")

    def line(source: str) -> str:
        return _line(Location(home.catalog, home.data_path, extensions=source))

    assert line(str(tmp_path / "nowhere")).startswith(f"there is no directory {tmp_path / 'nowhere'}")
    assert f"has no ducklake.duckdb_extension for {build}" in line(str(tmp_path / "nothing"))
    assert "is not an extension of DuckDB" in line(str(tmp_path / "text"))
    for source in (f"install:{tmp_path / 'nothing'}", "install:http://127.0.0.1:9"):
        assert f"ducklake for {build} cannot be installed from {source.partition(':')[2]}" in line(source)


def test_packages_for_another_duckdb_say_so_and_name_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(MissingExtension) as caught:
        extension_file("ducklake", "v2.0.1")
    assert str(caught.value) == (
        f"the package duckdb-extension-ducklake is made for DuckDB v{duckdb.__version__}, and v2.0.1 is "
        f"installed: pip install duckdb=={duckdb.__version__}, or set REELHOUSE_EXTENSIONS to a directory of "
        "files for v2.0.1, or to install"
    )


PROGRAM = """
import sys
from warehouse import Warehouse
from tests.warehouse.places import place
with Warehouse.open(place(sys.argv[1]), read_only=True) as wh:
    print(wh.engine.source)
"""


def test_a_program_of_its_own_is_told_by_its_location(tmp_path: Path, empty_home: Path, files: Path) -> None:
    from tests.warehouse.places import told

    command = [sys.executable, "-c", PROGRAM, told(_home(tmp_path, empty_home, files))]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{files}\n"
