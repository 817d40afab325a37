"""What Reelhouse does to a lake gives what the same does to plain lists: briefly here, for long by hand."""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.oracle.lakes import LOCAL, SERVERS, started
from tests.oracle.machine import Machine
from tests.oracle.remote import Remote
from tests.oracle.running import run_seed

SECONDS = 60
"""How long each backend is tried in CI."""


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[None]:
    """Where the oracle makes its lakes."""
    with started(request.param, tmp_path) as found:
        Machine.place = found
        yield


@pytest.mark.parametrize("place", [LOCAL], indirect=True)
def test_lakes_and_lists_agree(place: None) -> None:
    assert run_seed(1, lakes=2, length=12) is None


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 2])
@pytest.mark.parametrize("place", [LOCAL, SERVERS], indirect=True)
def test_lakes_and_lists_agree_for_a_minute(
    place: None, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack:
        if processes > 1:
            monkeypatch.setattr(Machine, "remote", stack.enter_context(Remote()))
        began = time.monotonic()
        seed = int(time.time()) % 1_000_000_000  # other lakes each time; a difference names its seed
        while time.monotonic() - began < SECONDS / 2:
            seed += 1
            difference = run_seed(seed, lakes=4, length=50, shrink_seconds=60)
            assert difference is None, f"python -m tests.oracle --seed {seed} --lakes 4\n{difference}"
