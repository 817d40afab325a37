"""The tests, which mirror the packages."""

import os
import sys
from pathlib import Path

UNDER_TEST = str(Path(__file__).parent / "under_test")

# Before anything imports the warehouse; the programs that tests start find the directory in their path.
if os.environ.get("EXTENSIONS_UNDER_TEST") and UNDER_TEST not in sys.path:
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (UNDER_TEST, os.environ.get("PYTHONPATH"))))
    sys.path.insert(0, UNDER_TEST)
    sys.modules.pop("sitecustomize", None)
    import sitecustomize  # noqa: F401
