"""One line for every error that reaches the command line."""

import errno
import os
import sys
import tempfile
import traceback
from datetime import UTC, datetime
from pathlib import Path

# By name: importing them all would bring torch and LightGBM, seconds after every mistake.
_OURS = {
    "connectors.errors": "ConnectorError",
    "connectors.mirror": "MirrorError",
    "warehouse.errors": "WarehouseError",
    "features.errors": "FeatureError",
    "models.errors": "ModelError",
    "flows.errors": "FlowError",
}

NOWHERE = "the working directory was deleted: change to one that exists and run it again"
TRACES = Path("logs", "errors")
"""Where in a home the tracebacks lie."""
MOST_TRACES = 20
"""How many tracebacks a home keeps: the newest."""
LONGEST_TRACE = 200_000
"""How many characters of a traceback are kept: its end, which has the error."""
_NO_MEMORY = ("failed to map segment", "cannot allocate memory", "cannot allocate write+execute page")


def _is_ours(error: BaseException) -> bool:
    loaded = (getattr(sys.modules.get(module), name, None) for module, name in _OURS.items())
    return isinstance(error, tuple(kind for kind in loaded if kind is not None))


def explain(error: BaseException, home: Path | None = None) -> str:
    """Return one line for an error.

    Our own errors give their message; a full disk, too little memory or a missing permission what to do; any
    other error the file of its traceback, in `home` where that is there.
    """
    if _is_ours(error):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full ({error.filename or 'no file named'}): free some space and run it again"
    if _lacks_memory(error):
        return (
            "there is not enough memory to go on: end other programs, or let this one have more "
            "(about 4 GB; see ulimit -v, or the limits of its container or service)"
        )
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
        return f"the path {error.filename} is too long: choose a shorter one"
    if isinstance(error, FileNotFoundError) and stands_nowhere():
        return NOWHERE
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}: check its permissions, or choose another place"
    first = str(error).strip().splitlines()[:1]
    return f"unexpected {type(error).__name__}: {''.join(first)[:200]} (traceback in {_keep(error, home)})"


def stands_nowhere() -> bool:
    """Return whether the working directory was deleted."""
    try:
        os.getcwd()  # noqa: PTH109 - Path.cwd() is the same call
    except FileNotFoundError:
        return True
    return False


def _lacks_memory(error: BaseException) -> bool:
    if isinstance(error, MemoryError):
        return True
    text = str(error).lower()
    return isinstance(error, ImportError | OSError | RuntimeError) and any(
        sign in text for sign in _NO_MEMORY
    )


def _keep(error: BaseException, home: Path | None) -> Path:
    """Write the traceback to a file that only this user can read, and return its path."""
    text = "".join(traceback.format_exception(error))[-LONGEST_TRACE:]
    directory = None
    if home is not None and os.access(home, os.W_OK):
        directory = home / TRACES
        directory.mkdir(parents=True, exist_ok=True)
    prefix = f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}-{type(error).__name__}-"
    handle, name = tempfile.mkstemp(".txt", prefix if directory else f"reelhouse-{prefix}", directory)
    with os.fdopen(handle, "w", errors="backslashreplace") as file:
        file.write(text)
    for old in sorted(directory.iterdir())[:-MOST_TRACES] if directory else ():
        old.unlink(missing_ok=True)
    return Path(name)
