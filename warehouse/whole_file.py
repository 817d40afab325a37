"""Files that appear whole or not at all: each is written beside its place, then moved there.

Only a regular file is replaced. A device, a FIFO or a socket is refused, and a link to a file stays a link:
the file that it names is replaced.
"""

import errno
import hashlib
import os
import re
import secrets
import shutil
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import duckdb

from warehouse.connection import process_runs
from warehouse.errors import DiskFull, Unwritable

PART = ".part"
"""How the names of files end that are being written, or that a killed process left."""
_FULL = (errno.ENOSPC, errno.EDQUOT)
_FULL_TEXTS = ("no space left", "disk is full", "quota exceeded")
_KEPT_CHARACTERS = 40
"""Of a name, so that a long one still has room for what a partial file adds."""
_OF_THE_SYSTEM = tuple(Path(name) for name in ("/dev", "/proc", "/sys"))
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - nothing is written there unasked


@contextmanager
def written(path: Path) -> Iterator[Path]:
    """Yield a new path beside `path`; what the block writes there becomes `path` when it ends.

    Args:
        path: The file to write. Its directory must exist.

    Yields:
        The path of the partial file, which nothing else uses. It is removed where the block fails.

    Raises:
        Unwritable: `path` is neither a regular file nor absent, or cannot be written.
        DiskFull: No space is left for it.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as directory:
        ...     path = Path(directory, "titles.txt")
        ...     with written(path) as partial:
        ...         _ = partial.write_text("Alien")
        ...     print([file.name for file in path.parent.iterdir()], path.read_text())
        ['titles.txt'] Alien
    """
    target = regular(path)
    partial = target.with_name(f"{_stem(target)}{os.getpid()}-{_machine()}-{secrets.token_hex(4)}{PART}")
    try:
        with writing(path, partial):
            yield partial
            partial.replace(target)
    except BaseException:
        # DuckDB keeps more files beside a database of its own
        for left in [partial, *partial.parent.glob(f"{partial.name}.*")]:
            with suppress(OSError):
                left.unlink(missing_ok=True)
        raise


def _machine() -> str:
    """Return what tells this machine from others that write to the same directory."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _stem(target: Path) -> str:
    return f"{target.name[:_KEPT_CHARACTERS]}."


def sweep(target: Path) -> None:
    """Remove what killed processes of this machine left of `target`, a path as `regular` returns it.

    `written` does not do so itself: it would list the directory for each of many files.
    """
    stem = re.escape(_stem(target))
    of_this_machine = re.compile(rf"{stem}(\d{{1,10}})-{_machine()}-[0-9a-f]{{8}}{PART}(\..+)?")
    with suppress(OSError):  # whoever writes there is told
        for path in target.parent.iterdir():
            match = of_this_machine.fullmatch(path.name)
            if match and not process_runs(int(match[1])):
                path.unlink()


def copy(source: Path, target: Path) -> None:
    """Copy a file to `target`, whose directory is made; raises as `written`, and OSError for the source."""
    with source.open("rb") as original:
        make_directory(target.parent)
        with written(target) as partial, partial.open("xb") as copied:
            shutil.copyfileobj(original, copied, 2**20)


def write_text(path: Path, text: str) -> None:
    """Write text to a file, whose directory is made; raises as `written`."""
    make_directory(path.parent)
    with written(path) as partial:
        partial.write_text(text, encoding="utf-8")


def make_directory(path: Path) -> None:
    """Make a directory and its parents; Unwritable or DiskFull where that cannot be."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True)


def regular(path: Path) -> Path:
    """Return the regular file that `path` is, names by a link, or will be; Unwritable where it is another."""
    absolute = path.absolute()
    target = Path(os.path.realpath(absolute)) if absolute.is_symlink() else absolute
    if any(_is_of_the_system(place) for place in (absolute, target)):
        raise Unwritable(f"cannot write {path}: it belongs to the system; name a file of your own")
    with writing(path, target):
        try:
            mode = target.stat().st_mode
        except FileNotFoundError:
            return target
    if stat.S_ISDIR(mode):
        raise Unwritable(f"cannot write {path}: Is a directory")
    if not stat.S_ISREG(mode):
        raise Unwritable(f"cannot write {path}: it is a {_kind(mode)}, which would be replaced; name a file")
    return target


@contextmanager
def writing(path: Path, *partial: Path) -> Iterator[None]:
    """Raise what keeps `path` from being written inside the block as DiskFull or Unwritable that names it.

    DuckDB's errors and those of other files pass through: `partial` are the files that stand for `path`.
    """
    try:
        yield
    except (OSError, duckdb.Error) as error:
        files = [str(file) for file in (path, *partial)]
        if not _is_about(error, files):
            raise
        text = str(error).lower()
        if (isinstance(error, OSError) and error.errno in _FULL) or any(each in text for each in _FULL_TEXTS):
            raise DiskFull(
                f"no space left for {path}: nothing of it was kept; free some space and run it again"
            ) from error
        reason = error.strerror if isinstance(error, OSError) else text.rpartition(": ")[2]
        raise Unwritable(f"cannot write {path}: {reason or error}; choose another place") from error


def _is_about(error: Exception, files: list[str]) -> bool:
    """Return whether an error is about one of the files: it names one, or is the system's and names none."""
    if isinstance(error, BrokenPipeError):
        return False
    if not isinstance(error, OSError):
        return any(file in str(error) for file in files)
    names = [os.fsdecode(name) for name in (error.filename, error.filename2) if isinstance(name, str | bytes)]
    if not names:
        return error.errno is not None
    # a directory above the file, or a file in the directory
    pairs = [(Path(name), Path(file)) for name in names for file in files]
    return any(name.is_relative_to(file) or file.is_relative_to(name) for name, file in pairs)


def _is_of_the_system(path: Path) -> bool:
    return not path.is_relative_to(_SHARED_MEMORY) and any(map(path.is_relative_to, _OF_THE_SYSTEM))


def _kind(mode: int) -> str:
    kinds = {stat.S_ISFIFO: "FIFO", stat.S_ISSOCK: "socket", stat.S_ISCHR: "device", stat.S_ISBLK: "device"}
    return next((name for test, name in kinds.items() if test(mode)), "special file")
