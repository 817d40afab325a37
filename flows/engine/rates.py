"""Where processes note how fast they ask a host.

A source counts the requests of an address, whichever home they are for. So the notes of all homes of a user
lie together, outside the homes: they are the one thing that Reelhouse keeps there.
"""

import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

from connectors.limiter import shared_pace
from flows.settings import Settings

OFF = "off"
SHARED_UP_TO = 100.0  # requests per second


def shared_directory(settings: Settings) -> Path | None:
    """Return the directory in which these homes share their rates; None where no such can be written.

    The cache directory comes first: a service or a timer has no runtime directory, which belongs to a login.
    A directory on a network serves several machines, whose clocks differ; each has its own part.
    """
    machine = re.sub(r"[^A-Za-z0-9.-]", "_", socket.gethostname()) or "machine"
    for base in _user_directories():
        directory = base / "reelhouse" / "limits" / machine / settings.rate_shared
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError:
            continue
        if os.access(directory, os.W_OK | os.X_OK):
            return directory
    return None


def limiter_file(settings: Settings, url: str, requests_per_second: float) -> Path | None:
    """Return the file by which processes keep to a host's rate together, those of other homes too.

    None for the rates of a local mirror: sharing costs more time than is left between two such requests.
    """
    if requests_per_second > SHARED_UP_TO:
        return None
    shared = None if settings.rate_shared == OFF else shared_directory(settings)
    return shared_pace(shared or settings.home / "limits", url)


def unshared_rates(settings: Settings) -> str | None:
    """Return a line where the rates should be shared with other homes and cannot be; else None."""
    slowest = min(settings.tmdb_requests_per_second, settings.image_requests_per_second)
    if settings.rate_shared == OFF or slowest > SHARED_UP_TO or shared_directory(settings) is not None:
        return None
    return (
        "request rates hold for this home alone: no cache directory of this user can be written "
        "(set XDG_CACHE_HOME, or REELHOUSE_RATE_SHARED=off)"
    )


def _user_directories() -> Iterator[Path]:
    """Yield the cache and the runtime directory of this user; to XDG, a relative path is as good as none."""
    cache = os.environ.get("XDG_CACHE_HOME", "")
    candidates = (
        Path(cache) if Path(cache).is_absolute() else Path("~/.cache").expanduser(),
        Path(os.environ.get("XDG_RUNTIME_DIR", "")),
    )
    yield from (path for path in candidates if path.is_absolute())
