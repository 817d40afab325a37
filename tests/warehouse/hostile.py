"""Backups that were tampered with: copies of a real one, with other manifests and catalogues."""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

MANIFEST = "backup.json"
_DEEP = "[" * 100_000
JUNK = (
    "",
    "{}",
    "null",
    "[]",
    "7",
    '"x"',
    _DEEP,
    '{"files": ' + _DEEP,
    "{",
    "\x00",
    '{"files": null}',
    "9" * 9999,
)
"""Texts that are no manifest."""
NAMES = (
    "/etc/hostname", "lake/../../evil.parquet", "lake/../evil.parquet", "../evil.parquet", "lake//x.parquet",
    "lake/./x.parquet", "lake/x.parquet/", "lake", "", ".", "lake/", "models/x.parquet", "evil.txt",
    "lake/x.txt", "lake/x\x00.parquet", "lake/x\n.parquet", "lake/\ud800.parquet", "lake/..\\x.parquet",
    "lake/" + "x" * 300 + ".parquet", "C:\\x.parquet", "s3://bucket/x.parquet", "LAKE/x.parquet",
)  # fmt: skip
"""Names of files that no backup has."""
CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "no catalogue": lambda manifest: manifest["files"].pop("catalog.sqlite"),
    "two catalogues": lambda manifest: manifest["files"].update({"catalog.duckdb": "0" * 64}),
    "case": lambda manifest: manifest["files"].update(
        {"lake/A.parquet": "0" * 64, "lake/a.parquet": "1" * 64}
    ),
    "hash": lambda manifest: manifest["files"].update({"catalog.sqlite": "0" * 64}),
    "short hash": lambda manifest: manifest["files"].update({"catalog.sqlite": "0"}),
    "no hash": lambda manifest: manifest["files"].update({"catalog.sqlite": None}),
    "a list of files": lambda manifest: manifest.update(files=list(manifest["files"])),
    "negative": lambda manifest: manifest.update(snapshot_id=-1),
    "huge": lambda manifest: manifest.update(snapshot_id=10**30),
    "another snapshot": lambda manifest: manifest.update(snapshot_id=manifest["snapshot_id"] + 1),
    "a truth value": lambda manifest: manifest.update(snapshot_id=True),
    "release": lambda manifest: manifest.update(release="../.."),
    "no release": lambda manifest: manifest.pop("release"),
    "time": lambda manifest: manifest.update(created_at="yesterday"),
}
"""Changes that let a manifest contradict its backup."""
_DELETION = "INSERT INTO ducklake_files_scheduled_for_deletion VALUES (1, '{}', {}, '2020-01-01 00:00:00+00')"
CATALOGUES = {
    "absolute data file": "UPDATE ducklake_data_file SET path = '/etc/x.parquet', path_is_relative = 0",
    "data file outside": "UPDATE ducklake_data_file SET path = '../../../x.parquet'",
    "absolute table": "UPDATE ducklake_table SET path = '/etc/', path_is_relative = 0",
    "schema outside": "UPDATE ducklake_schema SET path = '../'",
    "bucket": "UPDATE ducklake_schema SET path = 's3://bucket/'",
    "deletions": "UPDATE ducklake_delete_file SET path = '/etc/x.parquet', path_is_relative = 0",
    "deletion of any file": _DELETION.format("/etc/x.parquet", 0),
    "deletion outside": _DELETION.format("../../x.parquet", 1),
    "view": "UPDATE ducklake_view SET sql = 'SELECT * FROM read_text(''/etc/hostname'')'",
    "view of a file": "UPDATE ducklake_view SET sql = 'SELECT * FROM ''/etc/x.csv'''",
    "view deep down": "UPDATE ducklake_view SET sql = 'SELECT (SELECT max(file) FROM glob(''/*'')) AS x'",
    "view of the environment": "UPDATE ducklake_view SET sql = 'SELECT getenv(''HOME'') AS x'",
    "view of two statements": "UPDATE ducklake_view SET sql = 'SELECT 1; SELECT 2'",
    "macro": "INSERT INTO ducklake_macro VALUES (0, 1, 'md5', 1, NULL)",
    "default": "UPDATE ducklake_column SET default_value = 'x()', default_value_type = 'expression'",
    "trigger": "CREATE TRIGGER t AFTER INSERT ON ducklake_snapshot BEGIN DELETE FROM ducklake_table; END",
    "view beside the tables": "CREATE VIEW v AS SELECT 1",
    "types": "UPDATE ducklake_schema SET path_is_relative = 'often'",
    "no table": "DROP TABLE ducklake_schema",
    "most rows and bytes": "UPDATE ducklake_data_file SET record_count = 9223372036854775807, "
    "file_size_bytes = 9223372036854775807",
    "negative rows": "UPDATE ducklake_data_file SET record_count = -1",
    "rows unknown": "UPDATE ducklake_data_file SET record_count = NULL",
    "fewer bytes": "UPDATE ducklake_data_file SET file_size_bytes = file_size_bytes - 1",
    "no number of bytes": "UPDATE ducklake_data_file SET file_size_bytes = 'x'",
    "more deletions": "UPDATE ducklake_delete_file SET delete_count = delete_count + 1",
    "no deletions' bytes": "UPDATE ducklake_delete_file SET file_size_bytes = NULL",
    "no snapshot": "DELETE FROM ducklake_snapshot",
    "format": "UPDATE ducklake_metadata SET value = '99.0' WHERE key = 'version'",
}
"""SQL that lets a catalogue reach outside of its lake, or compute."""


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


def _link(directory: Path, outside: Path) -> None:
    path = directory / parquet_name(directory)
    path.rename(outside)  # of the same content
    path.symlink_to(outside)


def _folder_link(directory: Path, outside: Path) -> None:
    (directory / "lake").rename(outside)
    (directory / "lake").symlink_to(outside)


def _fifo(directory: Path, outside: Path) -> None:
    path = directory / parquet_name(directory)
    path.unlink()
    os.mkfifo(path)


def _folder(directory: Path, outside: Path) -> None:
    path = directory / parquet_name(directory)
    path.unlink()
    path.mkdir()


def _manifest_link(directory: Path, outside: Path) -> None:
    (directory / MANIFEST).rename(outside)
    (directory / MANIFEST).symlink_to(outside)


def _manifest_fifo(directory: Path, outside: Path) -> None:
    (directory / MANIFEST).unlink()
    os.mkfifo(directory / MANIFEST)


PLACES: dict[str, Callable[[Path, Path], None]] = {
    "a link to a file": _link,
    "a linked folder": _folder_link,
    "a FIFO": _fifo,
    "a folder for a file": _folder,
    "a link for a manifest": _manifest_link,
    "a FIFO for a manifest": _manifest_fifo,
}
"""Changes of a backup, by its directory and a free path outside, after which a file of it is none."""
