"""Run all hostile input of the suite against a throw-away home, as a stranger would.

    python -m tests.attack [--short] [--only KIND] [--directory DIRECTORY] [--cases DIRECTORY] [--json]

The home is a small demo. Commands run through the real command line, requests over real HTTP. An attack is
*refused* where a command ends with exit code 1 or 2 and one line. It is *survived* where it ends with 0 and
the rest is right, such as the other rows being conformed. Otherwise it is BROKEN. A directory beside the home
must stay byte for byte what it was; its secret must occur in no output and no file. At the end the home must
still answer. Exit code 1 where anything is broken.
"""

import argparse
import dataclasses
import json
import logging
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from connectors.mirror import SyntheticCatalogue, serve
from tests.attack import (
    aftermath,
    answers,
    archives,
    backups,
    cases,
    directories,
    records,
    requests,
    statements,
    stored,
    tables,
    targets,
)
from tests.attack.ground import Ground, Result

KINDS: dict[str, Callable[[Ground], Iterator[Result]]] = {
    "statements": statements.attacks,
    "stored code": stored.attacks,
    "outputs": targets.attacks,
    "backups": backups.attacks,
    "directories": directories.attacks,
    "requests": requests.attacks,
    "answers": answers.attacks,
    "archives": archives.attacks,
    "tables": tables.attacks,
    "records": records.attacks,
    "cases": cases.attacks,
}
OUTCOMES = ("refused", "survived", "BROKEN")


def make_home(ground: Ground) -> None:
    """Make the home and its backup: a demo of one night, in a short run what one ingest brings."""
    if ground.short:
        with serve(SyntheticCatalogue(movies=ground.movies, seed=7)) as mirror:
            ground.reelhouse("ingest", **mirror.env()).done()
    else:
        movies = str(ground.movies)
        ground.child("demo", "--movies", movies, "--nights", "1", "--home", ground.home).done()
    ground.reelhouse("backup", ground.backup).done()


def run(ground: Ground, kinds: Iterable[str], report: Callable[[str], None]) -> dict[str, list[Result]]:
    """Return the results of these kinds of attacks, and of what is looked at afterwards."""
    make_home(ground)
    before = aftermath.breaches(ground)
    results: dict[str, list[Result]] = {}
    for kind in kinds:
        started = time.monotonic()
        results[kind] = list(KINDS[kind](ground))
        report(_row(kind, results[kind], time.monotonic() - started))
    results["afterwards"] = list(aftermath.attacks(ground, before))
    report(_row("afterwards", results["afterwards"]))
    return results


def _row(kind: str, results: list[Result], seconds: float | None = None) -> str:
    counts: Counter[str] = Counter()
    for result in results:
        counts[result.outcome] += result.count
    columns = "".join(f"{counts[outcome]:>10,}" for outcome in OUTCOMES)
    time_spent = "" if seconds is None else f"{seconds:>8.0f} s"
    broken = [f"    BROKEN {each.name}: {each.detail}" for each in results if each.outcome == "BROKEN"]
    return "\n".join([f"{kind:<16}{counts.total():>8,}{columns}{time_spent}", *broken])


def main() -> int:
    """Print the table of the attacks; return 1 where one is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.attack",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--short", action="store_true", help="a part of each kind")
    parser.add_argument("--only", action="append", choices=list(KINDS), help="this kind; may be repeated")
    parser.add_argument("--directory", type=Path, help="an empty directory to work in, which is kept")
    parser.add_argument("--cases", type=Path, help="a directory of further inputs, as its README lists them")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    arguments = parser.parse_args()
    logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())  # what faults do to the mirror
    with tempfile.TemporaryDirectory(prefix="reelhouse-attack-") as temporary:
        root = (arguments.directory or Path(temporary)).resolve()
        root.mkdir(parents=True, exist_ok=True)
        if any(root.iterdir()):
            parser.error(f"{root} is not empty")
        ground = Ground(root, short=arguments.short, cases=arguments.cases)
        report = (lambda text: None) if arguments.json else (lambda text: print(text, flush=True))
        report(f"{'kind of attack':<16}{'tried':>8}" + "".join(f"{outcome:>10}" for outcome in OUTCOMES))
        results = run(ground, arguments.only or list(KINDS), report)
    every = [each for part in results.values() for each in part]
    report(_row("all", every).partition("\n")[0])
    if arguments.json:
        rows = {kind: [dataclasses.asdict(each) for each in part] for kind, part in results.items()}
        print(json.dumps(rows, indent=1))
    return 1 if any(each.outcome == "BROKEN" for each in every) else 0


if __name__ == "__main__":
    sys.exit(main())
