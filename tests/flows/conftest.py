"""A small invented catalogue behind a real mirror, and the command line as a person runs it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.mirror import Mirror, SyntheticCatalogue, serve

MOVIES = 150


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    """An invented catalogue of 150 movies, served on a free port."""
    with serve(SyntheticCatalogue(movies=MOVIES, seed=11)) as running:
        yield running


@pytest.fixture
def environment(mirror: Mirror, tmp_path: Path) -> dict[str, str]:
    """The process environment that points Reelhouse at the mirror and at an empty home."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("REELHOUSE_", "PREFECT_"))
    }
    return {
        **kept,
        **mirror.env(),
        "REELHOUSE_HOME": str(tmp_path / "home"),
        "REELHOUSE_CONFIG": os.devnull,
        "REELHOUSE_LABEL_SETS": "movielens",
        "REELHOUSE_TMDB_BATCH": "25",
    }


Reelhouse = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def reelhouse(environment: dict[str, str], tmp_path: Path) -> Reelhouse:
    """Run `reelhouse ARGUMENTS` in a process of its own and return what it printed and its exit code."""

    def run(*arguments: str, **changes: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "flows.cli", *arguments],
            env={**environment, **changes},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
