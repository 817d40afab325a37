"""Killing an ingest of TMDb at random moments: nothing is missing, nothing doubled, little fetched twice."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from connectors.mirror import Mirror
from tests.connectors.sources import SmallCatalogue
from warehouse import Location, Warehouse

MOVIES, KILLS, BATCH = 5_000, 20, 200
COMMAND = [sys.executable, "-m", "flows.cli", "ingest", "tmdb"]


def movies_asked(mirror: Mirror) -> Counter[str]:
    """How often each movie was asked for."""
    return Counter(path for path, _ in mirror.log()["requests"] if re.match(r"/3/movie/\d+\?", path))


@pytest.mark.slow
def test_twenty_kills_lose_nothing_double_nothing_and_cost_a_batch_each_at_most(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.add(*range(1, MOVIES + 1))
    for movie in catalogue.movies.values():
        movie["poster_path"] = None
    home = tmp_path / "home"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("REELHOUSE_")},
        **mirror.env(),
        "REELHOUSE_HOME": str(home),
        "REELHOUSE_CONFIG": os.devnull,
        "REELHOUSE_TMDB_BATCH": str(BATCH),
        "REELHOUSE_TMDB_REQUESTS_PER_SECOND": "400",
    }
    moments = random.Random(7)  # noqa: S311  moments, not secrets
    kills = 0
    for _ in range(KILLS):
        before = sum(movies_asked(mirror).values())
        process = subprocess.Popen(COMMAND, env=environment, stderr=subprocess.DEVNULL)
        while sum(movies_asked(mirror).values()) == before:
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(moments.uniform(0.0, 1.0))  # the moment of the kill is the point
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
    last = subprocess.run(COMMAND, env=environment, capture_output=True, text=True)
    assert last.returncode == 0, last.stderr

    with Warehouse.open(Location.under(home), read_only=True) as warehouse:
        assert warehouse.scalar("SELECT count(*) FROM raw.tmdb_movies") == MOVIES
        assert warehouse.scalar("SELECT count(DISTINCT tmdb_id) FROM raw.tmdb_movies") == MOVIES
        assert warehouse.scalar("SELECT count(*) FROM core.movies") == MOVIES
    asked = movies_asked(mirror)
    assert len(asked) == MOVIES
    assert kills == KILLS
    assert sum(asked.values()) - MOVIES <= kills * BATCH
