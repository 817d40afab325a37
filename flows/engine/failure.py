"""One line for every error that reaches the command line."""

import errno
import os
import sys
import tempfile
import traceback
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


def _is_ours(error: BaseException) -> bool:
    loaded = (getattr(sys.modules.get(module), name, None) for module, name in _OURS.items())
    return isinstance(error, tuple(kind for kind in loaded if kind is not None))


def explain(error: BaseException) -> str:
    """Return one line for an error.

    Our own errors give their message, a full disk or a missing permission what to do, and any other error the
    file of its traceback.
    """
    if _is_ours(error):
        return " ".join(str(error).split())
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        return f"the disk is full ({error.filename or 'no file named'}): free some space and run it again"
    if isinstance(error, PermissionError):
        return f"no permission for {error.filename}: check its permissions, or choose another place"
    handle, name = tempfile.mkstemp(prefix="reelhouse-error-", suffix=".txt")
    with os.fdopen(handle, "w") as file:
        file.write("".join(traceback.format_exception(error)))
    first = str(error).strip().splitlines()[:1]
    return f"unexpected {type(error).__name__}: {''.join(first)[:200]} (traceback in {Path(name)})"
