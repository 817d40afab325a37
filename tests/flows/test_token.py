"""Secrets are nowhere but in requests: not in what is printed, logged, stored or remembered by Prefect."""

import base64
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from connectors.mirror import FaultRule, Mirror, SyntheticCatalogue, serve
from warehouse import Location, Warehouse

TOKEN = "eyJhbGciOiJIUzI1NiJ9.c2VlbS1tZS1ub3Q.c2lnbmF0dXJl"
MOVIE = r"^/3/movie/\d+\?"


def every_fault() -> list[FaultRule]:
    """Each fault once: TMDb's on one movie after another, then those of images and files."""
    kinds: list[dict[str, object]] = [
        {"kind": "status", "status": 429, "retry_after": "0"},
        {"kind": "status", "status": 429, "retry_after": "date:1"},
        {"kind": "status", "status": 400},
        {"kind": "status", "status": 404},
        {"kind": "status", "status": 422},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503, "retry_after": 1},
        {"kind": "status", "status": 504},
        {"kind": "hang"},
        {"kind": "reset"},
        {"kind": "reset", "after_bytes": 20},
        {"kind": "cut", "after_bytes": 20},
        {"kind": "truncate"},
        {"kind": "gzip_cut"},
        {"kind": "html"},
        {"kind": "echo"},
        {"kind": "content_type"},
        {"kind": "corrupt"},
        {"kind": "edit", "drop": ("id",)},
    ]
    rules = [
        FaultRule(match=MOVIE, skip=number, first=1, **fault)  # type: ignore[arg-type]
        for number, fault in enumerate(kinds)
    ]
    rules += [
        FaultRule("html", match="^/t/p/", first=1),
        FaultRule("status", match="^/t/p/", skip=1, first=1, status=403),
        FaultRule("status", match="^/imdb/", first=1, status=503),
        FaultRule("cut", match="^/imdb/", skip=1, first=1, after_bytes=200),
        FaultRule("corrupt", match="zip$", first=1),
        FaultRule("truncate", match="^/p/exports", first=1),
    ]
    return rules


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    with serve(SyntheticCatalogue(movies=60, seed=11), token=TOKEN) as running:
        yield running


def run(home: Path, temporary: Path, mirror: Mirror, *arguments: str, **changes: str) -> str:
    """What a command prints, with every logger of the HTTP libraries turned on."""
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("REELHOUSE_", "PREFECT_"))
    }
    extra = {
        "REELHOUSE_HOME": str(home),
        "REELHOUSE_CONFIG": os.devnull,
        "REELHOUSE_LABEL_SETS": "movielens",
        "REELHOUSE_TMDB_TOKEN": TOKEN,
        "PREFECT_LOGGING_LEVEL": "DEBUG",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "httpx,httpcore,urllib3,asyncio,tenacity",
        "TMPDIR": str(temporary),
    }
    result = subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env={**kept, **mirror.env(), **extra, **changes},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in result.stderr
    return f"{result.returncode}\n{result.stdout}\n{result.stderr}"


def in_files(secret: str, *directories: Path) -> list[str]:
    """The files that hold a secret."""
    return [
        str(path)
        for directory in directories
        for path in directory.rglob("*")
        if path.is_file() and secret.encode() in path.read_bytes()
    ]


def in_tables(secret: str, home: Path) -> list[str]:
    """The tables that hold a secret; their files are compressed, so that they are asked in SQL."""
    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        listed = warehouse.query(
            "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables "
            "WHERE table_type = 'BASE TABLE' AND table_schema IN ('raw', 'core', 'ops')"
        )
        names = listed["name"].to_pylist()
        assert {"raw.tmdb_movies", "ops.runs", "ops.steps", "ops.quarantine"} <= set(names)
        found = "SELECT count(*) FROM {} AS t WHERE contains(CAST(t AS VARCHAR), ?)"
        return [name for name in names if warehouse.scalar(found.format(name), [secret])]


@pytest.mark.slow
def test_after_a_night_of_every_fault_the_token_is_nowhere(mirror: Mirror, tmp_path: Path) -> None:
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    temporary.mkdir()
    rules = every_fault()
    mirror.set_faults(*rules)
    said = run(home, temporary, mirror, "nightly", "--json")
    assert mirror.fault_hits() == [1] * len(rules), said
    assert "quarantined" in said
    mirror.set_faults(FaultRule("status", match="^/3/", status=500))
    said += run(home, temporary, mirror, "ingest", "--json")
    mirror.set_faults()
    said += run(home, temporary, mirror, "ingest", "tmdb", REELHOUSE_TMDB_TOKEN=f"{TOKEN}x")  # refused: 401
    said += run(home, temporary, mirror, "ingest", "tmdb", REELHOUSE_TMDB_URL="http://127.0.0.1:9/3")
    said += run(
        home, temporary, mirror, "backfill", "--ids", "tt1", "--plan", REELHOUSE_TMDB_TOKEN=f"{TOKEN} x"
    )
    assert "REELHOUSE_TMDB_TOKEN" in said
    assert TOKEN not in said
    assert (home / "prefect" / "prefect.db").exists()
    assert in_files(TOKEN, home, temporary) == []
    assert in_tables(TOKEN, home) == []
    assert TOKEN not in str(mirror.log())
    auth = home / "prefect" / "auth"
    login = auth.read_text().strip()
    for secret in (login.partition(":")[2], base64.b64encode(login.encode()).decode()):
        assert secret not in said
        assert set(in_files(secret, home, temporary)) <= {str(auth)}
        assert in_tables(secret, home) == []
