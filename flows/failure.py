"""One line for every error that reaches the command line."""

import errno
import os
import tempfile
import traceback
from pathlib import Path

from connectors.mirror import MirrorError
from flows.run import EXPECTED


def explain(error: BaseException) -> str:
    """One line for an error: its own message when it is one of ours, else where its traceback is."""
    if isinstance(error, (*EXPECTED, MirrorError)):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full ({error.filename or 'no file named'}): free some space and run it again"
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}: choose another directory with --home or REELHOUSE_HOME"
    handle, name = tempfile.mkstemp(prefix="reelhouse-error-", suffix=".txt")
    with os.fdopen(handle, "w") as file:
        file.write("".join(traceback.format_exception(error)))
    first = str(error).strip().splitlines()[:1]
    return f"unexpected {type(error).__name__}: {''.join(first)[:200]} (traceback in {Path(name)})"
