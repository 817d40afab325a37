"""Directories for `reelhouse mirror` whose files are links, FIFOs or folders; paths that lead out of it."""

import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

from tests.attack.ground import Ground, Outcome, Result
from tests.attack.programs import FOREIGN, exchange, mirror
from tests.connectors.mirror.records import CHANGES, SERVED, UP, link_out, write_records

SECRETS = {"imdb": "secret.tsv.gz", "movielens": "secret.zip", "t/p/w92": "secret.jpg"}
"""A route and a file beside the directory that it must not lead to."""


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each directory, and of each path."""
    for name in ground.part(SERVED, 2):
        for change in CHANGES:
            yield ground.attempt(f"{change.__name__}: {name}", partial(_refused, ground, name, change))
    with ground.directory() as place:
        root = write_records(place / "records")
        for name in SECRETS.values():
            for directory in (place, root, root / "posters"):
                shutil.copy(ground.secret_file, directory / name)
        with mirror(ground, root) as url:
            for route, name in SECRETS.items():
                for up in UP:
                    yield ground.attempt(
                        f"GET /{route}/{up}", partial(_not_there, ground, url, f"/{route}/{up}{name}")
                    )
            for headers in FOREIGN:
                yield ground.attempt(f"mirror, {headers}", partial(_forbidden, ground, url, headers))
            name = SERVED[0]
            link_out(root / name, place / "moved")
            yield ground.attempt("a file that becomes a link", partial(_not_there, ground, url, f"/{name}"))


def _refused(ground: Ground, name: str, change: Callable[[Path, Path], None]) -> Outcome:
    with ground.directory() as place:
        root = write_records(place / "records")
        change(root / name, place / "elsewhere")
        return ground.reelhouse("mirror", root).refused("is not a regular file of this directory")


def _not_there(ground: Ground, url: str, path: str) -> Outcome:
    status, text = exchange(url, "GET", path)
    ground.hides(text)
    assert status == 404, f"status {status}"
    return "refused"


def _forbidden(ground: Ground, url: str, headers: Mapping[str, str]) -> Outcome:
    status, text = exchange(url, "GET", f"/{SERVED[0]}", **headers)
    ground.hides(text)
    assert status == 403, f"status {status}"
    return "refused"
