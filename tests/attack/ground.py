"""Where the attacks take place: a home, what lies outside of it, and the command line."""

import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Literal, NamedTuple

from flows.cli import _guarded
from tests.warehouse.places import ROOT
from tests.warehouse.stored_code import keep

Outcome = Literal["refused", "survived"]
PATIENCE = 600
"""Seconds after which a command counts as one that never ends."""
MEMORY = 500 * 2**20
"""Bytes by which an attack may let a command grow beyond one that only answers `status`."""
LINE = re.compile(r"reelhouse[ a-z]*: \S")


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str
    peak: int = 0
    """The most memory that a process of its own took, in bytes."""

    def refused(self, because: str = "", codes: tuple[int, ...] = (1,)) -> Outcome:
        """Check that the command was refused in one line, which holds `because`."""
        assert self.code in codes, f"exit code {self.code}: {self.err[-300:]}"
        lines = [line for line in self.err.splitlines() if LINE.match(line)]
        assert len(lines) == 1, f"{len(lines)} lines instead of one: {self.err[-300:]}"
        assert because in lines[0], f"it was refused for another reason: {lines[0]}"
        assert lines[0].isprintable(), f"control characters in {lines[0]!r}"
        assert "Traceback (most recent" not in self.out + self.err, self.err[-300:]
        return "refused"

    def failed(self) -> Outcome:
        """Check that a step of the command failed: each failure has a line of its own."""
        assert self.code == 1, f"exit code {self.code}: {self.err[-300:]}"
        assert "Traceback (most recent" not in self.out + self.err, self.err[-300:]
        return "refused"

    def done(self) -> "Ended":
        """Check that the command did its work."""
        assert self.code == 0, f"exit code {self.code}: {self.err[-300:]}"
        assert "Traceback (most recent" not in self.out + self.err, self.err[-300:]
        return self


@dataclass(frozen=True)
class Result:
    """What became of an attack, or of `count` values that were tried together."""

    name: str
    outcome: Literal["refused", "survived", "BROKEN"]
    detail: str = ""
    count: int = 1


class Ground:
    """A directory with a home, its backup, and files outside that nobody may read or change.

    Args:
        root: An empty directory.
        short: Whether each kind is to try a part of its attacks only.
        cases: A directory of further inputs, if any.
    """

    def __init__(self, root: Path, *, short: bool, cases: Path | None) -> None:
        self.root, self.short, self.cases = root, short, cases
        self.movies = 50 if short else 100
        self.home, self.backup, self.outside = root / "home", root / "backup", root / "outside"
        self.homes = [self.home]
        """The home and its copies that must still answer when all is over."""
        self.secrets = [f"kept-outside-{secrets.token_hex(16)}"]
        self.outside.mkdir()
        self.secret_file = self.outside / "secret.csv"
        self.secret_file.write_text(f"a\n{self.secrets[0]}\n")
        self.secret_table = keep(self.outside / "secret.sqlite", self.secrets[0])
        (self.outside / "folder").mkdir()
        (self.outside / "folder" / "notes.txt").write_text("somebody else's")
        self._canary = state(self.outside)
        self._idle = 0

    # --- commands

    def reelhouse(self, *arguments: str | Path, home: Path | None = None, **environment: str) -> Ended:
        """Run `reelhouse ARGUMENTS` in this process, on that home."""
        before, argv = dict(os.environ), sys.argv
        os.environ.clear()
        os.environ.update(self._environment(home or self.home, environment))
        sys.argv = ["reelhouse", *map(str, arguments)]
        try:
            with _captured() as streams, _alarm():
                code = _guarded()
        finally:
            sys.argv = argv
            os.environ.clear()
            os.environ.update(before)
        out, err = streams
        return self._kept(Ended(code, out, err))

    def child(self, *arguments: str | Path, home: Path | None = None, **environment: str) -> Ended:
        """Run `reelhouse ARGUMENTS` in a process of its own, and note its peak memory."""
        return self.program("-m", "flows.cli", *arguments, home=home, **environment)

    def program(self, *arguments: str | Path, home: Path | None = None, **environment: str) -> Ended:
        """Run `python ARGUMENTS` in a process of its own, and note its peak memory."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                [sys.executable, *map(str, arguments)],
                env=self._environment(home or self.home, environment),
                cwd=self.root,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            try:
                with _alarm():
                    _, status, usage = os.wait4(process.pid, 0)
            except BaseException:
                process.kill()
                process.wait()
                raise
            process.returncode = os.waitstatus_to_exitcode(status)
            texts = []
            for stream in (out, err):
                stream.seek(0)
                texts.append(stream.read().decode(errors="replace"))
        return self._kept(Ended(process.returncode, *texts, peak=usage.ru_maxrss * 1024))

    def small(self, ended: Ended) -> Ended:
        """Check that a command of `child` took bounded memory."""
        self._idle = self._idle or self.child("status").peak
        grown = (ended.peak - self._idle) / 2**20
        assert ended.peak < self._idle + MEMORY, f"it took {grown:,.0f} MiB more than `status`"
        return ended

    def environment(self, home: Path | None = None, **environment: str) -> dict[str, str]:
        """Return the environment of a program of one's own."""
        return self._environment(home or self.home, environment)

    def _environment(self, home: Path, more: Mapping[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("REELHOUSE_", "PREFECT_"))
        }
        own = {"REELHOUSE_HOME": str(home), "REELHOUSE_CONFIG": os.devnull, "PYTHONPATH": str(ROOT)}
        return {**kept, **own, "REELHOUSE_LABEL_SETS": "movielens", **more}

    def _kept(self, ended: Ended) -> Ended:
        self.hides(ended.out + ended.err)
        return ended

    # --- what is right

    def attempt(self, name: str, attack: Callable[[], Outcome], count: int = 1) -> Result:
        """Try one attack, and return what became of it; nothing outside may have changed by it."""
        try:
            outcome = attack()
            self.untouched()
        except Exception as error:
            self._canary = state(self.outside)  # the next attack is not to blame
            detail = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            return Result(name, "BROKEN", " ".join(detail.split())[:400], count)
        return Result(name, outcome, count=count)

    def untouched(self) -> None:
        """Check that what lies outside is byte for byte what it was."""
        now = state(self.outside)
        changed = sorted(
            name for name in now.keys() | self._canary if now.get(name) != self._canary.get(name)
        )
        assert not changed, f"changed outside: {', '.join(changed)}"

    def hides(self, text: str, where: str = "output") -> None:
        """Check that a text holds none of the secrets."""
        for secret in self.secrets:
            assert secret not in text, f"a secret in the {where}"

    # --- places

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """Yield an empty directory, which is removed afterwards."""
        (self.root / "work").mkdir(exist_ok=True)
        path = Path(tempfile.mkdtemp(dir=self.root / "work"))
        yield path
        shutil.rmtree(path)

    def copy(self, name: str) -> Path:
        """Return a copy of the home, which must still answer when all is over."""
        path = Path(shutil.copytree(self.home, self.root / "copies" / name, symlinks=True))
        self.homes.append(path)
        return path

    def part(self, attacks: Mapping[str, object] | tuple[str, ...], short: int = 3) -> list[str]:
        """Return the names of the attacks to try: some of them, spread evenly, in a short run."""
        names = list(attacks)
        return names[:: max(1, len(names) // short)] if self.short else names


def state(directory: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return the mode, the time of the last change and the content of each file in a directory."""
    entries = {}
    for path in directory.rglob("*"):
        status = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        entries[str(path.relative_to(directory))] = (status.st_mode, status.st_mtime_ns, content)
    return entries


@contextmanager
def _captured() -> Iterator[list[str]]:
    """Take what is written to the standard streams meanwhile, by whatever writes there."""
    texts: list[str] = []
    streams = (sys.stdout, sys.stderr)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        for stream in streams:
            stream.flush()
        kept = [os.dup(1), os.dup(2)]
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - closed below
        sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
        try:
            yield texts
        finally:
            for stream in (sys.stdout, sys.stderr):
                with suppress(ValueError, OSError):
                    stream.close()
            sys.stdout, sys.stderr = streams
            for number, descriptor in enumerate(kept, start=1):
                os.dup2(descriptor, number)
                os.close(descriptor)
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode(errors="replace"))


@contextmanager
def _alarm() -> Iterator[None]:
    """Interrupt what does not end, and raise AssertionError for it."""
    late = False

    def ring(number: int, frame: FrameType | None) -> None:
        nonlocal late
        late = True
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, ring)
    signal.alarm(PATIENCE)
    try:
        yield
    except KeyboardInterrupt:
        if not late:
            raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert not late, f"it had not ended after {PATIENCE} s"
