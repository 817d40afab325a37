"""The command line as a person meets it, without the time that a process of its own takes to start."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from flows.cli import _guarded


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def line(self) -> str:
        """The only line of standard error."""
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


Run = Callable[..., Said]


def runner(home: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs `reelhouse ARGUMENTS` in this process, on that home."""

    def run(*arguments: str | Path) -> Said:
        monkeypatch.setattr(sys, "argv", ["reelhouse", *map(str, arguments)])
        monkeypatch.setenv("REELHOUSE_HOME", str(home))
        capfd.readouterr()
        code = _guarded()
        return Said(code, *capfd.readouterr())

    return run
