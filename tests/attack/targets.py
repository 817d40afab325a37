"""Outputs that lead to devices, FIFOs, sockets, links and other programs' files: none is replaced."""

import os
import shutil
import socket
import stat
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.attack.ground import Ground, Outcome, Result
from tests.flows.engine.outputs import TAKEN, WRITERS


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each command that writes, with each target."""
    for name in ground.part(SPECIAL):
        for command in WRITERS:
            yield ground.attempt(f"{command[0]} to {name}", partial(_special, ground, command, SPECIAL[name]))
    with ground.directory() as place:
        for name in ("home", "backup"):
            shutil.copytree(getattr(ground, name), place / name)
        shutil.copytree(place / "home", place / "other")
        for name in ground.part(TAKEN):
            for command in WRITERS:
                attack = partial(_taken, ground, command, place, name)
                yield ground.attempt(f"{command[0]} to {name}", attack)
        (place / "link").symlink_to(place / "home" / "catalog.sqlite")
        for command in WRITERS:
            yield ground.attempt(
                f"{command[0]} to a link into a home", partial(_taken, ground, command, place, "link")
            )


def _socket(path: Path) -> None:
    directory = os.open(path.parent, os.O_DIRECTORY)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(f"/proc/self/fd/{directory}/{path.name}")  # a socket's name has at most 107 bytes
    os.close(directory)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _fifo_link(path: Path) -> None:
    os.mkfifo(path.with_name("fifo"))
    path.symlink_to("fifo")


def _device(path: Path) -> None:
    """Make a device of one's own, like /dev/full: the system's are never a target here."""
    os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 7))


SPECIAL: dict[str, Callable[[Path], None]] = {
    "a FIFO": os.mkfifo,
    "a link to a FIFO": _fifo_link,
    "a loop of links": _loop,
    "a socket": _socket,
    "a device": _device,
}


def _special(ground: Ground, command: tuple[str, ...], make: Callable[[Path], None]) -> Outcome:
    with ground.directory() as place:
        target = place / "target"
        try:
            make(target)
        except PermissionError:  # devices are made by root alone
            return "refused"
        before = {path: path.lstat() for path in place.iterdir()}
        outcome = ground.reelhouse(*command, target).refused()
        now = {path: path.lstat() for path in place.iterdir()}
        assert {path: s.st_ino for path, s in now.items()} == {p: s.st_ino for p, s in before.items()}
    return outcome


def _taken(ground: Ground, command: tuple[str, ...], place: Path, name: str) -> Outcome:
    before = _times(place)
    outcome = ground.reelhouse(*command, place / name, home=place / "home").refused()
    assert _times(place) == before, "files changed"
    return outcome


def _times(directory: Path) -> dict[str, int]:
    return {str(p): p.lstat().st_mtime_ns for p in directory.rglob("*") if p.suffix != ".lock"}
