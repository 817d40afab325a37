"""Finds DuckDB's extensions and loads them: from their PyPI packages, a directory, or a repository.

DuckDB itself verifies each file that it installs or loads: its signature, and the version of DuckDB and the
platform that it was made for. Nothing turns that off; this module finds the file, and says in one line why
one was refused.
"""

import hashlib
import importlib.resources
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import duckdb

from warehouse.errors import MissingExtension
from warehouse.identifiers import literal
from warehouse.location import Location

NAMES = ("ducklake", "sqlite_scanner", "postgres_scanner", "httpfs")
SETTING = "REELHOUSE_EXTENSIONS"
INSTALL = "install"
FILES = "extensions"
"""The directory of the home that holds what `install` fetched."""
_VENDOR = "the vendor's repository"
_HINTS = ("For more info", "Extension ")
"""How the lines of DuckDB's messages begin that repeat what is known."""
_FOOTER = 512
"""Bytes at the end of an extension file: eight fields of 32 bytes, the last one first, then the signature."""


@dataclass(frozen=True)
class Build:
    """What an extension file is made for, or what is installed."""

    version: str
    """DuckDB's own, such as `v1.5.5`."""
    platform: str
    """Such as `linux_amd64`."""

    def __str__(self) -> str:
        return f"DuckDB {self.version} on {self.platform}"


@dataclass(frozen=True)
class Engine:
    """What answers: DuckDB, the extensions that are loaded, and where those come from."""

    duckdb: str
    extensions: dict[str, str]
    """Versions by name."""
    source: str


def installed_build(connection: duckdb.DuckDBPyConnection) -> Build:
    """Return the version and the platform of the DuckDB that is installed."""
    (version,) = connection.execute("SELECT library_version FROM pragma_version()").fetchall()[0]
    (platform,) = connection.execute("PRAGMA platform").fetchall()[0]
    return Build(str(version), str(platform))


def engine(connection: duckdb.DuckDBPyConnection, location: Location) -> Engine:
    """Return what answers on this connection."""
    rows = connection.execute(
        "SELECT extension_name, extension_version FROM duckdb_extensions() "
        "WHERE loaded AND list_contains(?, extension_name) ORDER BY extension_name",
        [list(NAMES)],
    ).fetchall()
    return Engine(installed_build(connection).version, dict(rows), _source(location))


def _source(location: Location) -> str:
    if not location.extensions:
        return "PyPI packages"
    return _repository(location.extensions) or _VENDOR if _installs(location) else location.extensions


def load(connection: duckdb.DuckDBPyConnection, location: Location, names: Iterable[str]) -> None:
    """Load extensions by name, from where the location says.

    Raises MissingExtension in one line where a file is absent, is made for another DuckDB or another
    platform, or is not signed by those who make DuckDB.
    """
    build = installed_build(connection)
    for name in names:
        path = _file(connection, location, name, build)
        try:
            _load(connection, path, build)
        except MissingExtension:
            if path.is_relative_to(location.home / FILES):
                _forget(path)
            raise


def _load(connection: duckdb.DuckDBPyConnection, path: Path, build: Build) -> None:
    try:
        connection.execute(f"LOAD {literal(str(path))}")
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise MissingExtension(_reason(path, build, str(error))) from None


def _reason(path: Path, build: Build, text: str) -> str:
    """Return why DuckDB did not load a file, and what to do."""
    made_for = read_build(path)
    if made_for is None:
        return f"{path} is not an extension of DuckDB: put the file for {build} in its place"
    if made_for != build and "built" in text:
        return (
            f"{path} is made for {made_for}, and {build} is installed: "
            f"set {SETTING} to files for {build.version}, or pip install duckdb=={made_for.version[1:]}"
        )
    if "signature" in text:
        return _unsigned(str(path), build)
    return f"{path} cannot be loaded: {text.strip().splitlines()[0]}"


def _unsigned(file: str, build: Build) -> str:
    return (
        f"{file} is not signed by the makers of DuckDB, or was changed since: "
        f"take the file for {build} from them anew, for no other is ever loaded"
    )


def read_build(path: Path) -> Build | None:
    """Return what a file says that it is made for; None where it is no extension file."""
    try:
        with path.open("rb") as stream:
            stream.seek(-_FOOTER, 2)
            footer = stream.read(_FOOTER // 2)
    except OSError:
        return None
    fields = [footer[start : start + 32].rstrip(b"\0") for start in range(0, len(footer), 32)][::-1]
    if fields[0] != b"4":
        return None
    return Build(fields[2].decode(errors="replace"), fields[1].decode(errors="replace"))


def _file(connection: duckdb.DuckDBPyConnection, location: Location, name: str, build: Build) -> Path:
    if not location.extensions:
        return extension_file(name, build.version)
    if _installs(location):
        return _installed(connection, location, name, build, _repository(location.extensions))
    directory = Path(location.extensions)
    plain = f"{name}.duckdb_extension"
    versioned = directory / build.version / build.platform
    for path in (versioned / plain, directory / plain):
        if path.exists():
            return path
    if (versioned / f"{plain}.gz").exists():
        return _installed(connection, location, name, build, str(directory))
    if not directory.is_dir():
        raise MissingExtension(
            f"there is no directory {directory}: correct {SETTING}, or unset it to use the PyPI packages"
        )
    raise MissingExtension(
        f"{directory} has no {plain} for {build}: put it there, or below "
        f"{build.version}/{build.platform}, or unset {SETTING} to use the PyPI packages"
    )


def extension_file(name: str, version: str = f"v{duckdb.__version__}") -> Path:
    """Return the extension's file inside its PyPI package.

    Raises MissingExtension where it is absent or made for another version of DuckDB.
    """
    package = f"duckdb_extension_{name}"
    distribution = package.replace("_", "-")
    try:
        root = Path(str(importlib.resources.files(package) / "extensions"))
    except ModuleNotFoundError:
        raise MissingExtension(
            f"the package {distribution} is not installed: pip install {distribution}=={version[1:]}"
        ) from None
    path = root / version / f"{name}.duckdb_extension"
    if not path.exists():
        others = [file.parent.name for file in sorted(root.glob(f"*/{path.name}"))]
        made_for = others[-1] if others else "another version"
        remedy = f"pip install duckdb=={made_for[1:]}" if others else f"reinstall {distribution}"
        raise MissingExtension(
            f"the package {distribution} is made for DuckDB {made_for}, and {version} is installed: "
            f"{remedy}, or set {SETTING} to a directory of files for {version}, or to install"
        )
    return path


# --- from a repository


def _installs(location: Location) -> bool:
    return location.extensions.partition(":")[0] == INSTALL


def _repository(extensions: str) -> str:
    """Return the URL or the directory after `install:`; "" for the vendor's own."""
    return extensions.partition(":")[2]


def _installed(
    connection: duckdb.DuckDBPyConnection, location: Location, name: str, build: Build, repository: str
) -> Path:
    """Return the file below the home that DuckDB's INSTALL put there, now or earlier."""
    # Each repository has a directory of its own: DuckDB refuses to mix two.
    key = hashlib.sha256(repository.encode()).hexdigest()[:12] if repository else "vendor"
    root = location.home / FILES / key
    path = root / build.version / build.platform / f"{name}.duckdb_extension"
    if path.exists():
        return path
    if repository.startswith("https:"):
        # DuckDB's own client speaks plain http; signatures make that as safe.
        _load(connection, extension_file("httpfs", build.version), build)
    origin = f" FROM {literal(repository)}" if repository else ""
    root.mkdir(parents=True, exist_ok=True)
    connection.execute(f"SET GLOBAL extension_directory = {literal(str(root))}")
    try:
        connection.execute(f"INSTALL {name}{origin}")
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        if "signature" in str(error):
            raise MissingExtension(_unsigned(f"{name} of {repository or _VENDOR}", build)) from None
        lines = (line.strip() for line in str(error).splitlines())
        reason = " ".join(line for line in lines if line and not line.startswith(_HINTS))
        raise MissingExtension(
            f"{name} for {build} cannot be installed from {repository or _VENDOR} ({reason}): "
            f"check that it is there and can be reached, or set {SETTING} to a directory of files"
        ) from None
    return path


def _forget(path: Path) -> None:
    """Remove an installed file that was refused, so that the next try fetches it anew."""
    for each in (path, path.with_name(f"{path.name}.info")):
        with suppress(OSError):
            each.unlink()
