"""Build a home as an earlier commit leaves it, by that commit's own code.

    python -m tests.earlier_home COMMIT DIRECTORY [--movies N] [--nights N] [--seed N]
    python -m tests.earlier_home COMMIT DIRECTORY --records DIRECTORY [--poster-encoder DIRECTORY]

The commit is checked out into a `git worktree` of its own, which is removed afterwards. Its `demo` runs
there, or one night on recorded answers of the sources, with this interpreter and its packages. What they
print goes to standard error.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from connectors.mirror import DirectoryCatalogue, serve

ROOT = Path(__file__).parents[1]
MOVIES, NIGHTS, SEED = 400, 2, 7


def has_commit(commit: str) -> bool:
    """Return whether this checkout's history goes back to a commit."""
    return _git("cat-file", "-e", f"{commit}^{{commit}}", check=False).returncode == 0


@contextmanager
def checked_out(commit: str) -> Iterator[Path]:
    """Yield a directory with the files of a commit."""
    with tempfile.TemporaryDirectory() as name:
        checkout = Path(name) / "checkout"
        _git("worktree", "add", "--detach", str(checkout), commit)
        try:
            yield checkout
        finally:
            _git("worktree", "remove", "--force", str(checkout))


def build(commit: str, home: Path, *, movies: int = MOVIES, nights: int = NIGHTS, seed: int = SEED) -> None:
    """Run the demo of a commit in an empty home; raise CalledProcessError where it fails."""
    numbers = {"--movies": movies, "--nights": nights, "--seed": seed}
    options = [text for name, number in numbers.items() for text in (name, str(number))]
    with checked_out(commit) as checkout:
        _run(checkout, {}, "demo", "--home", str(home.absolute()), *options)


def build_from(commit: str, home: Path, records: Path, poster_encoder: str = "") -> None:
    """Run a commit's night on what `reelhouse mirror` serves; raise CalledProcessError where it fails."""
    with checked_out(commit) as checkout, serve(DirectoryCatalogue(records)) as mirror:
        settings = {**mirror.env(), "REELHOUSE_HOME": str(home.absolute()), "REELHOUSE_CONFIG": os.devnull}
        if poster_encoder:
            settings["REELHOUSE_POSTER_ENCODER"] = poster_encoder
        _run(checkout, settings, "nightly", "--local")


def _run(checkout: Path, settings: Mapping[str, str], *arguments: str) -> None:
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("REELHOUSE_", "PREFECT_"))
    }
    subprocess.run(
        [sys.executable, "-m", "flows.cli", *arguments],
        env={**kept, **settings, "PYTHONPATH": str(checkout)},
        cwd=checkout,
        stdout=sys.stderr,
        check=True,
    )


def _git(*arguments: str, check: bool = True) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=check)


def main() -> None:
    """Build the home, and print what it is."""
    parser = argparse.ArgumentParser(prog="python -m tests.earlier_home", description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("directory", type=Path, help="the home, which must not exist yet")
    parser.add_argument("--movies", type=int, default=MOVIES)
    parser.add_argument("--nights", type=int, default=NIGHTS)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--records", type=Path, help="recorded answers of the sources, instead of the demo")
    parser.add_argument("--poster-encoder", default="", help="a directory of weights, beside --records")
    args = parser.parse_args()
    if args.directory.exists():
        parser.error(f"{args.directory} exists")
    if not has_commit(args.commit):
        parser.error(f"the history here has no commit {args.commit}")
    title = _git("log", "-1", "--format=%h, %s", args.commit).stdout.strip()
    if args.records:
        build_from(args.commit, args.directory, args.records, args.poster_encoder)
        print(f"{args.directory}: one night of {args.records} by {title}")
    else:
        build(args.commit, args.directory, movies=args.movies, nights=args.nights, seed=args.seed)
        print(f"{args.directory}: {args.nights} nights of {args.movies} movies (seed {args.seed}) by {title}")


if __name__ == "__main__":
    main()
