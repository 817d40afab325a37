"""Killing an ingest of TMDb at random moments: nothing is missing, nothing doubled, little fetched twice."""

import random
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import pytest

from connectors.mirror import Mirror
from tests.connectors.sources import SmallCatalogue
from warehouse import Location, Warehouse

MOVIES, KILLS, BATCH = 5_000, 20, 200

INGEST = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from connectors import TMDb
    from warehouse import Location, Warehouse
    from warehouse.land import land_tmdb_movies, tmdb_state

    async def ingest(warehouse, url):
        async with TMDb(f"{url}/3", "token", export_url=f"{url}/p/exports", requests_per_second=400) as tmdb:
            listed = (await tmdb.export((await tmdb.now()).date())).column("tmdb_id").to_pylist()
            known = set(tmdb_state(warehouse).column("tmdb_id").to_pylist())
            missing = [tmdb_id for tmdb_id in listed if tmdb_id not in known]
            print("ready", flush=True)
            async for batch in tmdb.movies(missing, batch_size=int(sys.argv[3])):
                def land(tx):
                    batch_id = tx.batch(None, "tmdb", "movies", batch.request, None)
                    land_tmdb_movies(
                        tx, batch.table, batch_id=batch_id, request=batch.request, fetched_at=batch.fetched_at
                    )
                with warehouse.transaction() as tx:
                    land(tx)

    with Warehouse.open(Location.under(Path(sys.argv[1]))) as warehouse:
        asyncio.run(ingest(warehouse, sys.argv[2]))
    """
)


@pytest.mark.slow
def test_twenty_kills_lose_nothing_double_nothing_and_cost_a_batch_each_at_most(
    tmp_path: Path, mirror: Mirror, catalogue: SmallCatalogue
) -> None:
    catalogue.add(*range(1, MOVIES + 1))
    command = [sys.executable, "-c", INGEST, str(tmp_path), mirror.url, str(BATCH)]
    moments = random.Random(7)  # noqa: S311  moments, not secrets
    kills = 0
    for _ in range(KILLS):
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(moments.uniform(0.05, 1.0))  # the moment of the kill is the point
        process.send_signal(signal.SIGKILL)
        kills += process.wait() == -signal.SIGKILL
        process.stdout.close()
    assert subprocess.run(command, stdout=subprocess.DEVNULL).returncode == 0

    with Warehouse.open(Location.under(tmp_path), read_only=True) as warehouse:
        assert warehouse.scalar("SELECT count(*) FROM raw.tmdb_movies") == MOVIES
        assert warehouse.scalar("SELECT count(DISTINCT tmdb_id) FROM raw.tmdb_movies") == MOVIES
    asked = Counter(path for path, _ in mirror.log()["requests"] if path.startswith("/3/movie/"))
    assert len(asked) == MOVIES
    assert kills == KILLS
    assert sum(asked.values()) - MOVIES <= kills * BATCH
