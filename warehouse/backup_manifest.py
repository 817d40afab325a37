"""`backup.json`: which files a backup has, with their hashes. It is checked before it is believed."""

import hashlib
import json
import os
import re
import stat
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, field_validator

from warehouse.catalogue_copies import COPIES
from warehouse.errors import DamagedLake, NewerVersion, NoWarehouse
from warehouse.migrations import code_version

MANIFEST = "backup.json"
LAKE_DIRECTORY = "lake"
_MOST_BYTES = 2**28
"""Of a manifest: a million files take less."""
_RELEASE = re.compile(r"(\d{1,9})\.(\d{1,9})(?:\.(\d{1,9}))?\D?.*")
_UNKNOWN = "unknown"
_LONGEST_NAME = 255


class BackupManifest(BaseModel):
    """What a backup says of itself."""

    model_config = ConfigDict(strict=True, frozen=True)

    release: str
    """The release of Reelhouse that made it."""
    created_at: Annotated[AwareDatetime, Field(strict=False)]
    snapshot_id: Annotated[int, Field(ge=0, lt=2**63)]
    files: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]]
    """The SHA-256 of each file, by its path below the backup's directory."""

    @field_validator("release")
    @classmethod
    def _is_release(cls, value: str) -> str:
        if value != _UNKNOWN and not _RELEASE.fullmatch(value):
            raise ValueError(f"{value!a:.40} is no release")
        return value

    @field_validator("files")
    @classmethod
    def _are_of_a_backup(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in COPIES and not _is_data_file(name):
                raise ValueError(f"{name!a:.100} is no file of a backup")
        if sum(name in COPIES for name in value) != 1:
            raise ValueError("it does not name one catalogue")
        folded = {unicodedata.normalize("NFKC", name).casefold() for name in value}
        if len(folded) != len(value):
            raise ValueError("names differ in case only")
        return value

    @property
    def catalogue(self) -> str:
        """The name of the catalogue's copy."""
        return next(name for name in self.files if name in COPIES)

    @property
    def data_files(self) -> frozenset[str]:
        """The data files, by their paths below the lake's directory."""
        return frozenset(name.removeprefix(f"{LAKE_DIRECTORY}/") for name in self.files) - {self.catalogue}


def _is_data_file(name: str) -> bool:
    path = PurePosixPath(name)
    return (
        path.suffix == ".parquet"
        and str(path) == name  # no empty part, no `.`
        and len(path.parts) > 1
        and path.parts[0] == LAKE_DIRECTORY
        and all(
            part != ".."
            and part.isprintable()
            and "\\" not in part
            and len(os.fsencode(part)) <= _LONGEST_NAME
            for part in path.parts
        )
    )


def read(directory: Path) -> BackupManifest:
    """Return the manifest of the backup in a directory.

    Raises:
        NoWarehouse: There is none.
        DamagedLake: It is not what a backup has written.
        NewerVersion: A later release wrote it.
    """
    path = directory / MANIFEST
    if not os.path.lexists(path):
        raise NoWarehouse(f"no backup in {directory}: {MANIFEST} is missing there")
    require_regular(directory, MANIFEST)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError(f"it has over {_MOST_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
        manifest = BackupManifest.model_validate(json.loads(text, object_pairs_hook=_without_repeats))
    except OSError as error:
        raise DamagedLake(f"{path} cannot be read ({error.strerror or error})") from None
    except ValidationError as error:
        raise DamagedLake(
            f"{path} is no manifest of a backup ({_first(error)}): restore from another backup"
        ) from None
    except (ValueError, RecursionError) as error:
        reason = "too deep" if isinstance(error, RecursionError) else error
        raise DamagedLake(f"{path} cannot be read ({reason}): restore from another backup") from None
    _refuse_newer(manifest, path)
    return manifest


def require_regular(directory: Path, name: str) -> Path:
    """Return a file of the backup; DamagedLake unless it is a regular file that no link leads to."""
    path = directory
    try:
        for part in PurePosixPath(name).parts:
            path = path / part
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                raise DamagedLake(f"{path} is a link, and a backup has none: restore from another backup")
        if not stat.S_ISREG(mode):
            raise DamagedLake(f"{path} is no regular file: restore from another backup")
    except (FileNotFoundError, NotADirectoryError):
        raise DamagedLake(f"{directory / name} is missing: restore from another backup") from None
    except OSError as error:
        raise DamagedLake(f"{path} cannot be read ({error.strerror or error})") from None
    return path


def require_files(directory: Path, manifest: BackupManifest) -> None:
    """Raise DamagedLake unless each file that the manifest names is there, with the hash that it names."""
    for name, expected in manifest.files.items():
        path = require_regular(directory, name)
        try:
            same = sha256(path) == expected
        except OSError as error:
            raise DamagedLake(f"{path} cannot be read ({error.strerror or error})") from None
        if not same:
            raise DamagedLake(f"{path} is not the file that was backed up: restore from another backup")
    for suffix in ("-wal", "-journal"):
        beside = directory / f"{manifest.catalogue}{suffix}"
        if os.path.lexists(beside):
            raise DamagedLake(f"{beside} does not belong to a backup: move it away, then restore again")


def require_parquet(path: Path, size: int | None, rows: int | None) -> None:
    """Raise DamagedLake unless a file of the backup has the bytes and rows that its catalogue says."""
    try:
        held = path.stat().st_size, pq.read_metadata(path).num_rows
    except (OSError, pa.ArrowException) as error:
        reason = " ".join(str(error).split())[:200]
        raise DamagedLake(f"{path} cannot be read ({reason}): restore from another backup") from None
    if held != (size, rows):
        raise DamagedLake(
            f"{path} has {held[1]} rows in {held[0]} bytes, and the backup's catalogue says {rows} in "
            f"{size}: restore from another backup"
        )


def files_beside(directory: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield the files below the named directories of a backup; DamagedLake where one is no regular file."""
    for name in names:
        root = directory / name
        if not os.path.lexists(root):
            continue
        if root.is_symlink() or not root.is_dir():
            raise DamagedLake(f"{root} is no directory: restore from another backup")
        for parent, directories, files in os.walk(root, onerror=_unreadable):
            for entry in sorted([*directories, *files]):
                path = Path(parent, entry)
                mode = path.lstat().st_mode
                if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)) or not entry.isprintable():
                    raise DamagedLake(
                        f"{str(path)!a} is no regular file, and a backup has no others: "
                        "restore from another backup"
                    )
                if stat.S_ISREG(mode):
                    yield path


def _unreadable(error: OSError) -> None:
    raise DamagedLake(f"{error.filename} cannot be read ({error.strerror or error})")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _refuse_newer(manifest: BackupManifest, path: Path) -> None:
    code = code_version()
    if _UNKNOWN not in (manifest.release, code) and _order(manifest.release) > _order(code):
        raise NewerVersion(
            f"{path} was written by Reelhouse {manifest.release}, and this is {code}: "
            f"install Reelhouse {manifest.release} or later"
        )


def _order(release: str) -> list[int]:
    match = _RELEASE.fullmatch(release)
    return [int(number or 0) for number in match.groups()] if match else []


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("it names something twice")
    return members


def _first(error: ValidationError) -> str:
    """Return the first fault in one line, without what the manifest says at any length."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ascii(".".join(str(part) for part in fault["loc"])).strip("'")[:100]
    message = fault["msg"].removeprefix("Value error, ") if place else "it is no object"
    return " ".join(f"{place}: {message}".removeprefix(": ").split())
