"""Bulk files and answers that unpack to gigabytes or lie about what they hold: bounded memory, one line."""

import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from starlette.types import ASGIApp, Receive, Scope, Send

from connectors.mirror import serve
from connectors.unpacking import MOST_MEMBERS
from tests.attack.ground import Ground, Outcome, Result
from tests.connectors.bombs import gzipped, write_lying_member, write_second_member
from tests.connectors.fault_bench import ML_MOVIES, claiming, encrypted
from tests.connectors.sources import SmallCatalogue, archive
from tests.flows.lake import scalar

SET = "ml-latest-small"
RATINGS = b"tconst\taverageRating\tnumVotes\n"
Write = Callable[[Path], object]


def _bulk(piece: bytes) -> Write:
    return lambda path: gzipped(path, RATINGS, piece, 400 * 2**20 // len(piece))


def _bytes(content: Callable[[], bytes]) -> Write:
    return lambda path: path.write_bytes(content())


def _bzip2(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("m/movies.csv", ML_MOVIES)


def _many_members(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as file:
        for n in range(MOST_MEMBERS + 1):
            file.writestr(f"a{n}", "")


IMDB: dict[str, Write] = {
    "one line of 400 MiB": _bulk(b"a" * 2**20),
    "lines of 400 MiB": _bulk(b"tt0000001\t5.0\t5\n" * 2**16),
    "gzip cut short": _bytes(lambda: b"\x1f\x8b\x08\x00\x00"),
    "no gzip": _bytes(lambda: b"<!DOCTYPE html>"),
}
MOVIELENS: dict[str, Write] = {
    "a member that claims 10 GiB": _bytes(lambda: claiming(10 * 2**30)),
    "a member that claims 1 kB": _bytes(lambda: claiming(1000)),
    "a member that claims ten bytes": lambda path: write_lying_member(
        path, "m/movies.csv", ML_MOVIES.encode()
    ),
    "an encrypted member": _bytes(encrypted),
    "a member of bzip2": _bzip2,
    "too many members": _many_members,
    "no zip": _bytes(lambda: b"<!DOCTYPE html>"),
    "names that lead out": _bytes(lambda: archive({"../movies.csv": ML_MOVIES, "/m/links.csv": "x"})),
}


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each file, and of answers of TMDb that are bombs."""
    home = ground.copy("archives")
    for name in ground.part(IMDB, 2):
        yield ground.attempt(f"IMDb: {name}", partial(_refused, ground, home, "imdb", IMDB[name]))
    for name in ground.part(MOVIELENS, 2):
        yield ground.attempt(
            f"MovieLens: {name}", partial(_refused, ground, home, "movielens", MOVIELENS[name])
        )
    yield ground.attempt("MovieLens: two members of one name", partial(_second_member, ground))
    yield ground.attempt("TMDb: answers of 600 MiB", partial(_answers, ground, home))


def _catalogue(source: str, content: bytes) -> SmallCatalogue:
    catalogue = SmallCatalogue()
    if source == "imdb":
        catalogue.imdb["title.ratings"] = content
    else:
        catalogue.movielens[SET] = content
    return catalogue


def _refused(ground: Ground, home: Path, source: str, write: Write) -> Outcome:
    with ground.directory() as place:
        write(place / "file")
        content = (place / "file").read_bytes()
    before = scalar(home, "SELECT count(*) FROM core.movies")
    with serve(_catalogue(source, content)) as mirror:
        ended = ground.small(ground.child("ingest", source, home=home, **mirror.env()))
    assert scalar(home, "SELECT count(*) FROM core.movies") == before, "movies changed"
    return ended.failed()


def _second_member(ground: Ground) -> Outcome:
    with ground.directory() as place:
        write_second_member(place / "file")
        with serve(_catalogue("movielens", (place / "file").read_bytes())) as mirror:
            ended = ground.child("ingest", "movielens", home=place / "home", **mirror.env())
        ground.small(ended).done()
        assert scalar(place / "home", "SELECT max(title) FROM core.movies") == "First"
    return "survived"


def _answers(ground: Ground, home: Path) -> Outcome:
    with ground.directory() as place:
        bomb = gzipped(place / "bomb", b"[", b" " * 2**20, 600).read_bytes()

    def in_front(app: ASGIApp) -> ASGIApp:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            headers = [(b"content-type", b"application/json"), (b"content-encoding", b"gzip")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": bomb})

        return answer

    with serve(SmallCatalogue(), guard=in_front) as mirror:
        return ground.small(ground.child("ingest", "tmdb", home=home, **mirror.env())).failed()
