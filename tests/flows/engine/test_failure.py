"""What an error that nobody foresaw leaves behind, and how long logs grow."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from flows.engine.failure import MOST_TRACES, TRACES, explain
from flows.engine.logs import shorten


def unforeseen(text: str = "what now") -> Exception:
    try:
        raise KeyError(text)
    except KeyError as error:
        return error


def test_the_traceback_of_an_unforeseen_error_lies_in_the_home_for_its_user_alone(tmp_path: Path) -> None:
    line = explain(unforeseen(), tmp_path)
    (trace,) = (tmp_path / TRACES).iterdir()
    assert f"traceback in {trace}" in line
    assert "\n" not in line
    assert "KeyError: 'what now'" in trace.read_text()
    assert stat.S_IMODE(trace.stat().st_mode) == 0o600


def test_a_home_keeps_the_newest_tracebacks_and_of_each_the_end(tmp_path: Path) -> None:
    for number in range(MOST_TRACES + 5):
        explain(unforeseen(f"{number} {'x' * 300_000} the end"), tmp_path)
    traces = list((tmp_path / TRACES).iterdir())
    assert len(traces) == MOST_TRACES
    assert all(trace.stat().st_size <= 200_000 for trace in traces)
    assert all(trace.read_text().rstrip().endswith("the end'") for trace in traces)


def test_an_error_makes_no_home(tmp_path: Path) -> None:
    line = explain(unforeseen(), tmp_path / "home")
    trace = Path(line.partition("traceback in ")[2].rstrip(")"))
    assert trace.exists()
    trace.unlink()
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        ImportError("libtorch_cpu.so: failed to map segment from shared object"),
        RuntimeError("unable to mmap 4096 bytes: Cannot allocate memory (12)"),
    ],
    ids=["no memory", "a library that cannot be loaded", "a mapping"],
)
def test_too_little_memory_is_said_in_one_line(error: Exception, tmp_path: Path) -> None:
    assert "not enough memory" in explain(error, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("arguments", "limit"), [(["nightly", "--local"], 2_500_000_000), (["status"], 600_000_000)]
)
def test_a_limit_that_would_abort_the_libraries_is_told_before_they_are_used(
    tmp_path: Path, arguments: list[str], limit: int
) -> None:
    limited = (
        "import resource, runpy, sys;"
        f"resource.setrlimit(resource.RLIMIT_AS, ({limit}, resource.RLIM_INFINITY));"
        f"sys.argv = ['reelhouse', *{arguments!r}, '--home', {str(tmp_path / 'home')!r}];"
        "runpy.run_module('flows.cli', run_name='__main__')"
    )
    environment = {
        "REELHOUSE_SOURCES": "movielens",
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(sys.path),
    }
    result = subprocess.run(
        [sys.executable, "-c", limited], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert "ulimit -v" in result.stderr


def test_a_long_log_moves_aside_and_its_writer_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    assert not shorten(log, 100)
    with log.open("ab", buffering=0) as writer:
        writer.write(b"a" * 150 + b"b" * 50)
        assert shorten(log, 100)
        writer.write(b"c")
    assert log.read_bytes() == b"c"
    assert (tmp_path / "server.log.1").read_bytes() == b"a" * 50 + b"b" * 50
    assert not shorten(log, 100)
