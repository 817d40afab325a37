"""Tampered backups: each restore is refused, and leaves nothing behind."""

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.attack.ground import Ground, Outcome, Result
from tests.warehouse import hostile

Change = Callable[[Path, Path], None]
"""Tampers with a backup, by its directory and a free path outside of it."""


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of the restore of each tampered copy of the backup."""
    changes = tamperings(ground)
    for name in ground.part(changes, 12):
        yield ground.attempt(name, partial(_restore, ground, changes[name]))
    targets = _targets(ground)
    for name in ground.part(targets):
        yield ground.attempt(f"backup into {name}", partial(_back_up, ground, targets[name]))


def tamperings(ground: Ground) -> dict[str, Change]:
    """Return the ways to tamper with a backup, those that would take the secret with them included."""
    changes: dict[str, Change] = {
        f"manifest {text[:12]!r}": lambda directory, _, text=text: _write(directory, text)  # type: ignore[misc]
        for text in hostile.JUNK
    }
    for name in (*hostile.NAMES, str(ground.secret_file), f"lake/../../{ground.outside.name}/secret.csv"):
        changes[f"file {name[:40]!a}"] = partial(_name, name=name)
    for name, change in hostile.CHANGES.items():
        changes[name] = lambda directory, _, change=change: hostile.with_manifest(directory, change)  # type: ignore[misc]
    for name, script in hostile.CATALOGUES.items():
        changes[f"catalogue: {name}"] = lambda directory, _, script=script: hostile.with_catalogue(  # type: ignore[misc]
            directory, script
        )
    changes |= hostile.PLACES
    changes["a link to the secret"] = lambda directory, _: _link(directory, ground.secret_file)
    changes["a later release"] = lambda directory, _: hostile.with_manifest(
        directory, lambda manifest: manifest.update(release="99.0")
    )
    return changes


def _write(directory: Path, text: str) -> None:
    (directory / hostile.MANIFEST).write_text(text)


def _name(directory: Path, _: Path, name: str) -> None:
    hostile.with_manifest(directory, lambda manifest: manifest["files"].update({name: "0" * 64}))


def _link(directory: Path, target: Path) -> None:
    name = hostile.parquet_name(directory)
    (directory / name).unlink()
    (directory / name).symlink_to(target)
    digest = hashlib.sha256(target.read_bytes()).hexdigest()
    hostile.with_manifest(directory, lambda manifest: manifest["files"].update({name: digest}))


def _restore(ground: Ground, change: Change) -> Outcome:
    with ground.directory() as place:
        backup, home = hostile.copied(ground.backup, place / "backup"), place / "home"
        change(backup, place / "elsewhere")
        before = sorted(place.iterdir())
        outcome = ground.reelhouse("restore", backup, home=home).refused()
        assert sorted(place.iterdir()) == before, "it left something behind"
    return outcome


def _targets(ground: Ground) -> dict[str, Change]:
    """Return what may lie where a backup is to be written: nothing that it may replace or follow."""

    def linked(directory: Path, _: Path) -> None:
        (directory / "lake").symlink_to(ground.outside / "folder")

    def manifest_link(directory: Path, _: Path) -> None:
        (directory / hostile.MANIFEST).symlink_to(ground.secret_file)

    return {
        "a folder with a link out": linked,
        "a folder with a linked manifest": manifest_link,
        "a folder with a FIFO": lambda directory, _: os.mkfifo(directory / "catalog.sqlite"),
        "a folder of notes": lambda directory, _: (directory / "notes.txt").touch(),
        "a tampered backup": lambda directory, _: _write(directory, '{"files": null}'),
    }


def _back_up(ground: Ground, change: Change) -> Outcome:
    with ground.directory() as place:
        change(place, place)
        before = sorted(place.rglob("*"))
        outcome = ground.reelhouse("backup", place).refused()
        assert sorted(place.rglob("*")) == before, "it left something behind"
    return outcome
