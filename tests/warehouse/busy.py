"""A busy night: readers that never stop asking while nights, a backfill and upkeep write."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.warehouse.nights import Site
from tests.warehouse.places import ROOT, told
from warehouse import Warehouse
from warehouse.checks import check

_READER = """
import json, random, sys, time
from tests.warehouse.invariants import INVARIANTS
from tests.warehouse.places import place
from warehouse.sql import open_read_only
location, chance, pause = place(sys.argv[1]), random.Random(int(sys.argv[2])), float(sys.argv[3])
done = {"queries": 0, "snapshots": 0, "errors": [], "inconsistent": []}
seen = set()
while not (location.home / "stop").exists():
    try:
        # A connection is used for a while, as an analyst's is; a new one sees no more than an old one.
        with open_read_only(location) as sql:
            for _ in range(chance.randint(1, 10)):
                name = chance.choice(list(INVARIANTS))
                found = sql.execute(INVARIANTS[name]).fetchall()
                done["queries"] += 1
                if any(row != (0,) for row in found):
                    done["inconsistent"].append(f"{name}: {found}")
                seen.add(sql.execute("SELECT id FROM lake.current_snapshot()").fetchone())
                time.sleep(chance.uniform(0, 2 * pause))
    except Exception as error:
        done["errors"].append(repr(error))
done["snapshots"] = len(seen)
print(json.dumps(done))
"""


@dataclass
class Busy:
    """What came of a busy night."""

    queries: int = 0
    snapshots: int = 0
    """How many snapshots one reader saw, at most."""
    upkeeps: int = 0
    errors: list[str] = field(default_factory=list)
    inconsistent: list[str] = field(default_factory=list)
    breaches: list[str] = field(default_factory=list)
    """Contracts that the lake breaks at the end."""


def busy_night(
    site: Site,
    *,
    readers: int = 8,
    nights: int = 3,
    pause: float = 0.25,
    say: Callable[[str], None] = lambda text: None,
) -> Busy:
    """Run the nights, each a day later, with a backfill and upkeep beside them and the readers throughout.

    `pause` is what a reader waits between two questions, in seconds on average: without one, eight of them
    leave nothing of a small machine to the writers, and fewer of their commits are seen.
    """
    site.run("nightly", "--local")  # the lake that everybody is used to
    say("the first night is done; the readers begin")
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", _READER, told(site.location), str(number), str(pause)],
            cwd=ROOT, env=site.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for number in range(readers)
    ]  # fmt: skip
    found = Busy()
    try:
        for night in range(nights):
            site.mirror.advance(1)
            writers = [site.start("nightly", "--local")]
            if night == nights // 2:
                writers.append(site.start("backfill", "--popular", "5", "--refresh"))
            while any(writer.poll() is None for writer in writers):
                upkeep = site.start("upkeep")
                _finish(upkeep, "upkeep", found)
                found.upkeeps += 1
            for writer in writers:
                _finish(writer, "a writer", found)
            say(f"night {night + 1} of {nights} is done; {found.upkeeps} upkeeps so far")
    finally:
        (site.home / "stop").touch()
        answers = [reader.communicate() for reader in asking]
    for reader, (out, err) in zip(asking, answers, strict=True):
        if reader.returncode:
            found.errors.append(f"a reader: {err[-500:]}")
            continue
        told_of = json.loads(out.strip().splitlines()[-1])
        found.queries += told_of["queries"]
        found.snapshots = max(found.snapshots, told_of["snapshots"])
        found.errors += told_of["errors"]
        found.inconsistent += told_of["inconsistent"]
    with Warehouse.open(site.location) as wh:
        found.breaches = [str(result) for result in check(wh) if not result.passed]
    return found


def _finish(process: "subprocess.Popen[str]", name: str, found: Busy) -> None:
    _, err = process.communicate()
    if process.returncode or "database is locked" in err:
        found.errors.append(f"{name}: {err[-500:]}")
