"""Eight readers asking, a quarter of a second apart, while three nights, a backfill and upkeep write.

    python -m tests.benchmarks.busy_night [--backend sqlite+local|postgres+s3] [--movies 150] [--readers 8]

Every question counts what does not agree within its snapshot (`tests/warehouse/invariants.py`). Printed: how
many were asked, how many ended in an error, and how many found something that does not agree. The writers
are `reelhouse` processes against a mirror, each night a day later. Exit code 1 unless all is well.
"""

import argparse
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.warehouse.busy import busy_night
from tests.warehouse.nights import backend_named, site
from tests.warehouse.places import LOCAL, SERVERS


def main() -> int:
    """Run it and print the counts."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--backend", choices=[LOCAL, SERVERS], default=LOCAL)
    parser.add_argument("--movies", type=int, default=150)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--nights", type=int, default=3)
    parser.add_argument("--pause", type=float, default=0.25, help="seconds between a reader's questions")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(1))  # not without the readers
    began = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as home,
        backend_named(chosen.backend) as backend,
        site(backend, Path(home) / "home", chosen.movies) as made,
    ):
        found = busy_night(made, readers=chosen.readers, nights=chosen.nights, pause=chosen.pause, say=print)
    print(f"backend            {chosen.backend}")
    print(f"queries            {found.queries}")
    print(f"snapshots seen     {found.snapshots}")
    print(f"upkeeps            {found.upkeeps}")
    print(f"errors             {len(found.errors)}")
    print(f"inconsistent       {len(found.inconsistent)}")
    print(f"contracts broken   {len(found.breaches)}")
    print(f"seconds            {time.monotonic() - began:.0f}")
    for text in (*found.errors[:5], *found.inconsistent[:5], *found.breaches[:5]):
        print(f"  {text}")
    return 1 if found.errors or found.inconsistent or found.breaches else 0


if __name__ == "__main__":
    raise SystemExit(main())
