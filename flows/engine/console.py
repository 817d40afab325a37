"""What a person sees while a run goes on: one line per finished step, a bar on the one under way."""

import errno
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TextIO

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from flows.engine.terminal import printable

Tick = Callable[[int, int | None], None]


def amount(value: float) -> str:
    """Format a count for people, with thousands separated."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.2f}"


def duration(seconds: float) -> str:
    """Format a duration for people: `0.4 s`, `12 s`, `3 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"


class PlainConsole(Console):
    """A console that prints a text as it is."""

    def __init__(self, stream: TextIO, *, width: int | None = None, soft_wrap: bool = False) -> None:
        super().__init__(
            file=stream, width=width, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False
        )

    def on_broken_pipe(self) -> None:
        """Let the write fail like any other; rich would end the process."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


class Reporter:
    """Writes progress to standard error: a live bar on a terminal, plain lines elsewhere."""

    def __init__(self, *, quiet: bool = False, stream: TextIO | None = None) -> None:
        self.quiet = quiet
        self.console = PlainConsole(stream or sys.stderr, soft_wrap=True)

    def line(self, text: str, style: str | None = None) -> None:
        """Print one line; a run goes on where nobody can read it."""
        if self.quiet:
            return
        with suppress(OSError):
            self.console.print(printable(text), style=style)

    def done(self, name: str, counts: Mapping[str, int], note: str | None, seconds: float) -> None:
        """Print the line of a finished step with its counts and its note."""
        shown = [f"{amount(count)} {key.replace('_', ' ')}" for key, count in counts.items() if count]
        text = " · ".join(shown + ([note] if note else [])) or "nothing to do"
        self.line(f"  {name:<28} {text}  ({duration(seconds)})")

    def failed(self, name: str, message: str) -> None:
        """Print the line of a failed step."""
        self.line(f"  {name:<28} FAILED: {message}", style="red")

    @contextmanager
    def ticking(self, name: str) -> Iterator[Tick]:
        """Yield a callback `(done, total)` that draws a bar on a terminal and does nothing elsewhere."""
        if self.quiet or not self.console.is_terminal:
            yield lambda done, total: None
            return
        bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            console=self.console,
            transient=True,
        )
        with bar:
            task = bar.add_task(f"{name:<28}", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)


class Stopwatch:
    """Seconds since it was made, by the monotonic clock."""

    def __init__(self) -> None:
        self._start = time.monotonic()

    @property
    def seconds(self) -> float:
        """Seconds so far."""
        return time.monotonic() - self._start
