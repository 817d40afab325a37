"""Homes of one user keep to a host's rate together."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from connectors.mirror import Mirror
from flows.engine.console import Reporter
from flows.engine.rates import limiter_file, unshared_rates
from flows.engine.run import run_steps
from flows.engine.step import StepSpec
from flows.settings import Settings
from tests.connectors.test_limiter import busiest_second

URL = "https://api.themoviedb.org/3"
RATE = 38.0
REQUESTS = 50
HOMES = 3

PROGRAM = """
import asyncio, json, sys, time
from connectors import NotFound, TMDb
from connectors.limiter import Limiter
from flows.settings import load_settings
from flows.steps.tmdb import open_tmdb

times = []
call = Limiter.__call__

async def noted(limiter):
    turn = await call(limiter)
    times.append(time.monotonic())
    return turn

Limiter.__call__ = noted

async def main():
    async with open_tmdb(load_settings()) as tmdb:
        async for batch in tmdb.movies(range(1, int(sys.argv[1]) + 1)):
            pass

asyncio.run(main())
print(json.dumps(times))
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)


def settings(home: Path, **values: str) -> Settings:
    return Settings(home=home, **values)  # type: ignore[arg-type]


def test_three_homes_together_keep_to_the_rate(
    environment: dict[str, str], mirror: Mirror, tmp_path: Path
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(REQUESTS)],
            env={
                **environment,
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
                "REELHOUSE_HOME": str(tmp_path / f"home {number}"),
                "REELHOUSE_TMDB_REQUESTS_PER_SECOND": str(RATE),
            },
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(HOMES)
    ]
    times = [json.loads(process.communicate()[0]) for process in processes]
    assert [process.returncode for process in processes] == [0] * HOMES
    assert len(mirror.log()["requests"]) == sum(map(len, times)) >= HOMES * REQUESTS
    assert busiest_second([time for each in times for time in each]) <= RATE
    assert not any(tmp_path.glob("home */limits"))


def test_homes_share_a_file_per_host_and_name(tmp_path: Path) -> None:
    homes = [settings(tmp_path / name) for name in ("a", "b")]
    files = {limiter_file(home, URL, RATE) for home in homes}
    assert files == {
        tmp_path / "cache/reelhouse/limits" / socket.gethostname() / "user" / "api.themoviedb.org.json"
    }
    others = {
        limiter_file(settings(tmp_path / "a", rate_shared="second-address"), URL, RATE),
        limiter_file(homes[0], "https://API.themoviedb.org:8443/3", RATE),
        limiter_file(homes[0], "http://127.0.0.1:8765/3", RATE),
        limiter_file(homes[0], "http://127.0.0.1:8766/3", RATE),
    }
    assert len(others | files) == 5
    assert limiter_file(homes[0], URL, 1000.0) is None


def test_a_home_may_keep_its_rate_to_itself(tmp_path: Path) -> None:
    alone = settings(tmp_path / "a", rate_shared="off")
    assert limiter_file(alone, URL, RATE) == tmp_path / "a/limits/api.themoviedb.org.json"
    assert unshared_rates(alone) is None


def test_the_runtime_directory_serves_where_there_is_no_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("not a directory")
    (tmp_path / "runtime").mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "runtime"))
    file = limiter_file(settings(tmp_path / "a"), URL, RATE)
    assert file is not None
    assert file.is_relative_to(tmp_path / "runtime")
    assert file.parent.stat().st_mode & 0o077 == 0


def test_without_a_directory_a_run_says_so_once_and_each_home_has_its_rate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "cache").write_text("not a directory")
    home = settings(tmp_path / "home")
    assert limiter_file(home, URL, RATE) == tmp_path / "home/limits/api.themoviedb.org.json"
    steps = [StepSpec("ingest", lambda work: None, source="tmdb", subject=name) for name in ("a", "b")]
    run_steps(home, "ingest", steps, Reporter())
    assert capsys.readouterr().err.count("request rates hold for this home alone") == 1


@pytest.mark.parametrize("name", ["", "..", ".x", "a/b", "a b", "x" * 65])
def test_a_name_that_is_no_name_is_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="is no name"):
        settings(tmp_path, rate_shared=name)


def test_a_relative_cache_directory_counts_as_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "cache")
    monkeypatch.setenv("HOME", str(tmp_path / "person"))
    file = limiter_file(settings(tmp_path / "a"), URL, RATE)
    assert file is not None
    assert file.is_relative_to(tmp_path / "person/.cache/reelhouse")
    assert not os.path.lexists("cache")
