"""Fixtures that every room's tests share."""

import os
import signal
from contextlib import suppress
from pathlib import Path

import pytest

import features.openmp  # noqa: F401 - before any test loads torch or LightGBM

# A shell's background job ignores Ctrl-C, and so would every program that tests start and then interrupt.
with suppress(ValueError):  # not the main thread
    signal.signal(signal.SIGINT, signal.default_int_handler)

LONGEST = ("test_real.py", "test_nightly.py", "test_train.py", "test_score.py", "test_backfill.py")
"""Files of tests that begin first, so that no worker has to wait for them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests that take longest first."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


SHARED = Path(__file__).resolve().parents[2] / "shared"


def _shared(part: str) -> Path:
    path = SHARED / part
    if not path.exists():
        message = f"real records are not beside the project ({path} does not exist)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return path


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The directory of real records, in the layout that the mirror serves."""
    return _shared("data")


@pytest.fixture(scope="session")
def shared_weights() -> Path:
    """The directory of the small pretrained image model."""
    return _shared("weights/mobilenet_v2_1.0_224")
