"""Backups that were tampered with: copies of a real one, with other manifests and catalogues."""

import hashlib
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

MANIFEST = "backup.json"


def copied(backup: Path, directory: Path) -> Path:
    """Return a copy of a backup, to be tampered with."""
    return Path(shutil.copytree(backup, directory, symlinks=True))


def manifest_of(directory: Path) -> dict[str, Any]:
    """Return what the manifest says."""
    content: dict[str, Any] = json.loads((directory / MANIFEST).read_text())
    return content


def with_manifest(directory: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Write the manifest anew after `change` has changed it."""
    content = manifest_of(directory)
    change(content)
    (directory / MANIFEST).write_text(json.dumps(content))


def with_catalogue(directory: Path, script: str) -> None:
    """Run SQL on the catalogue's copy, and put its new hash into the manifest."""
    path = directory / "catalog.sqlite"
    with closing(sqlite3.connect(path)) as catalogue:
        catalogue.executescript(script)
    rehash(directory, "catalog.sqlite")


def rehash(directory: Path, name: str) -> None:
    """Put the hash that a file has now into the manifest."""
    digest = hashlib.sha256((directory / name).read_bytes()).hexdigest()
    with_manifest(directory, lambda manifest: manifest["files"].update({name: digest}))


def parquet_name(directory: Path) -> str:
    """Return the name of a data file, as the manifest has it."""
    return next(name for name in manifest_of(directory)["files"] if name.endswith(".parquet"))
