"""Log files that do not grow for ever."""

from pathlib import Path

MOST_BYTES = 10_000_000


def shorten(log: Path, most: int = MOST_BYTES) -> bool:
    """Move what a log holds to a file beside it (`.1`) where it has over `most` bytes; return whether it did.

    The file itself stays, so that a program which appends to it goes on. What it writes in that moment can be
    lost. Of a log that is far too long only the last `most` bytes are kept.
    """
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return False
    if size <= most:
        return False
    with log.open("r+b") as file:
        file.seek(size - most)
        log.with_name(log.name + ".1").write_bytes(file.read(most))
        file.truncate(0)
    return True
