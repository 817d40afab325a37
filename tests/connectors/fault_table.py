"""Every fault that a source is known for, and what comes of it: a table.

    python -m tests.connectors.fault_table [DIRECTORY OF REAL RECORDS]

Each case breaks one thing among many good ones, over real HTTP against the mirror, and says what became of
the broken thing and whether all the good ones arrived. Waiting is recorded instead of done. The test of the
same name runs the same cases and compares them with what is expected here.
"""

import asyncio
import dataclasses
import gzip
import io
import json
import socket
import sys
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import PIL.Image
import pyarrow as pa

from connectors import BulkFile, ConnectorError, IMDb, MovieLens, Posters, RetryPolicy, TMDb
from connectors.http import Request, Response
from connectors.mirror import FaultRule, Mirror, serve
from tests.connectors.sources import Clock, SmallCatalogue, archive, jpeg

IDS = range(1, 21)
BROKEN = 7
MOVIE = rf"/3/movie/{BROKEN}\?"

Kind = Literal["accepted", "retried", "quarantined", "recorded", "left aside", "resumed", "stopped"]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of the fault, in detail, and whether every good row beside it arrived."""

    kind: Kind
    detail: str
    all_good_kept: bool = True


class Bench:
    """A mirror of a small catalogue, a directory, and sleeping that only takes notes."""

    def __init__(self, catalogue: SmallCatalogue, mirror: Mirror, directory: Path) -> None:
        self.catalogue = catalogue
        self.mirror = mirror
        self.directory = directory
        self.clock = Clock()

    async def sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        await asyncio.sleep(0)

    @property
    def waits(self) -> list[float]:
        """What was waited for, in seconds; the limiter's spacing is not worth a word."""
        return [seconds for seconds in self.clock.slept if seconds > 0.2]

    @property
    def waited(self) -> str:
        return f"longest wait {max(self.waits):.1f} s" if self.waits else "no wait"

    def tmdb(self, url: str | None = None, **options: Any) -> TMDb:
        return TMDb(
            f"{url or self.mirror.url}/3",
            "token",
            export_url=f"{url or self.mirror.url}/p/exports",
            requests_per_second=100_000,
            timeout=1.0,
            sleep=self.sleep,
            monotonic=self.clock,
            **options,
        )


@contextmanager
def bench() -> Iterator[Bench]:
    """A bench with twenty movies and their posters."""
    catalogue = SmallCatalogue()
    catalogue.add(*IDS)
    for number in IDS:
        catalogue.posters[f"/{number}.jpg"] = jpeg()
    with serve(catalogue) as mirror, tempfile.TemporaryDirectory() as directory:
        yield Bench(catalogue, mirror, Path(directory))


Case = Callable[[Bench], Outcome]


def movies(*rules: FaultRule) -> Case:
    """Fetch twenty movies while `rules` break one of them."""

    def case(at: Bench) -> Outcome:
        at.mirror.set_faults(*rules)
        rows: dict[int, dict[str, Any]] = {}

        async def run() -> None:
            async with at.tmdb() as tmdb:
                async for batch in tmdb.movies(IDS):
                    rows.update({row["tmdb_id"]: row for row in batch.table.to_pylist()})

        try:
            asyncio.run(run())
        except ConnectorError as error:
            return Outcome(
                "stopped", f"{type(error).__name__}: {error}", all(_good(r) for r in rows.values())
            )
        broken = rows.pop(BROKEN)
        kept = len(rows) == len(IDS) - 1 and all(_good(row) for row in rows.values())
        if broken["reason"] is not None:
            return Outcome("quarantined", broken["reason"], kept)
        if broken["status"] == 404:
            return Outcome("recorded", "status 404", kept)
        return Outcome("retried" if at.waits else "accepted", at.waited, kept)

    return case


def _good(row: dict[str, Any]) -> bool:
    return (
        row["status"] == 200 and row["reason"] is None and json.loads(row["payload"])["id"] == row["tmdb_id"]
    )


def asking(
    question: Callable[[TMDb, Bench], Any], expected: Any, rule: FaultRule | None = None, **options: Any
) -> Case:
    """Ask TMDb one question, and compare the answer."""

    def case(at: Bench) -> Outcome:
        if rule:
            at.mirror.set_faults(rule)

        async def run() -> Any:
            async with at.tmdb(**options) as tmdb:
                return await question(tmdb, at)

        try:
            found = asyncio.run(run())
        except ConnectorError as error:
            return Outcome("stopped", f"{type(error).__name__}: {error}")
        return Outcome(
            "retried" if at.waits else "accepted", f"{at.waited}; {found!r}"[:90], found == expected
        )

    return case


async def _discover(tmdb: TMDb, at: Bench) -> list[int]:
    return sorted([movie async for movie in tmdb.discover()])


async def _changes(tmdb: TMDb, at: Bench) -> list[int]:
    at.catalogue.edits[at.catalogue.day] = set(IDS)
    return sorted(await tmdb.changes(at.catalogue.day - timedelta(days=40), at.catalogue.day))


async def _export(tmdb: TMDb, at: Bench) -> list[int] | None:
    table = await tmdb.export(at.catalogue.day)
    return None if table is None else sorted(table.column("tmdb_id").to_pylist())


async def _export_with_rejects(tmdb: TMDb, at: Bench) -> tuple[list[int] | None, int]:
    return await _export(tmdb, at), len(tmdb.export_rejects)


def _export_lines(request: Request) -> Response:
    lines = [json.dumps({"id": number, "adult": False, "popularity": 1.0}) for number in IDS]
    lines[3:3] = ["{", '{"id": null}', '{"id": "many"}', "[]"]
    return Response(200, content=gzip.compress("\n".join(lines).encode()))


def _moving_pages(request: Request) -> Response:
    pages = {"1": [1, 2, 3], "2": [3, 4, 5], "3": [5, 6, 1]}
    ids = pages[request.url.params["page"]]
    return Response(200, json={"results": [{"id": i} for i in ids], "total_pages": 3, "total_results": 9})


def refused_connection(at: Bench) -> Outcome:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    return _unreachable(at, address)


def connect_timeout(at: Bench) -> Outcome:
    """A host that does not answer the connection: its queue is full."""
    with socket.socket() as server, socket.socket() as one, socket.socket() as two:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        for client in (one, two):
            client.setblocking(False)
            client.connect_ex(server.getsockname())
        return _unreachable(at, f"http://127.0.0.1:{server.getsockname()[1]}")


def _unreachable(at: Bench, address: str) -> Outcome:
    async def run() -> None:
        async with at.tmdb(address, retry=RetryPolicy(attempts=2)) as tmdb:
            await tmdb.now()

    try:
        asyncio.run(run())
    except ConnectorError as error:
        return Outcome("stopped", f"{type(error).__name__}: {error}")
    return Outcome("accepted", "no error")


def poster(content: bytes | None, *rules: FaultRule) -> Case:
    """Fetch twenty posters of which one is `content`; None is one that is not there."""

    def case(at: Bench) -> Outcome:
        def handler(request: Request) -> Response:
            if request.url.path.endswith(f"/{BROKEN}.jpg"):
                return Response(404) if content is None else Response(200, content=content)
            return Response(200, content=at.catalogue.posters["/1.jpg"])

        at.mirror.set_faults(*rules)
        posters = Posters(
            at.directory,
            f"{at.mirror.url}/t/p",
            requests_per_second=100_000,
            transport=None if rules else handler,
            timeout=0.3,
            sleep=at.sleep,
            monotonic=at.clock,
        )
        wanted = pa.table({"tmdb_id": list(IDS), "poster_path": [f"/{number}.jpg" for number in IDS]})

        async def run() -> list[dict[str, Any]]:
            async with posters:
                return [row async for table in posters.fetch(wanted) for row in table.to_pylist()]

        rows = {row["tmdb_id"]: row for row in asyncio.run(run())}
        broken = rows.pop(BROKEN)
        kept = len(rows) == len(IDS) - 1 and all(row["state"] == "stored" for row in rows.values())
        if broken["state"] == "stored":
            detail = f"stored, {broken['width']} × {broken['height']}"
            return Outcome("retried" if at.waits else "accepted", detail, kept)
        return Outcome("recorded", f"{broken['state']}: {broken['reason']}", kept)

    return case


IMDB_HEADER = "tconst\taverageRating\tnumVotes\n"
MANY_LINES = "".join(f"tt{sha256(b'%d' % n).hexdigest()}\t6.5\t{n}\n" for n in range(60_000))
IMDB_LINES = "".join(f"tt{number:07}\t6.5\t{number}\n" for number in IDS)


def bulk(fetch: Callable[[Bench], BulkFile | None], table: str, good: int, *rules: FaultRule) -> Case:
    """Download a file and read one table of it."""

    def case(at: Bench) -> Outcome:
        at.mirror.set_faults(*rules)
        try:
            file = fetch(at)
            assert file is not None
            rows = sum(batch.num_rows for batch in file.read(table)) if table in file.tables else 0
        except ConnectorError as error:
            return Outcome("stopped", f"{type(error).__name__}: {error}")
        rejects = file.rejects(table)
        kept = rows == good
        if rejects:
            return Outcome("quarantined", f"{len(rejects)}: {rejects[0][1]}", kept)
        if file.notes:
            return Outcome("left aside", file.notes[0], kept)
        statuses = [status for _, status in at.mirror.log()["requests"]]
        if 206 in statuses:
            return Outcome("resumed", "by a Range request", kept)
        return Outcome("retried" if at.waits else "accepted", f"{at.waited}; {rows} rows", kept)

    return case


def imdb(content: bytes, *rules: FaultRule, good: int = len(IDS)) -> Case:
    """Read `title.ratings` whose compressed bytes are `content`."""

    def fetch(at: Bench) -> BulkFile | None:
        at.catalogue.imdb["title.ratings"] = content
        return IMDb(f"{at.mirror.url}/imdb", at.directory, sleep=at.clock.advance).fetch("title.ratings")

    return bulk(fetch, "title.ratings", good, *rules)


def movielens(
    content: bytes, *rules: FaultRule, good: int = len(IDS), name: str = "ml-25m", table: str = "movies"
) -> Case:
    """Read one table of a MovieLens set whose zip file is `content`."""

    def fetch(at: Bench) -> BulkFile | None:
        at.catalogue.movielens[name] = content
        return MovieLens(f"{at.mirror.url}/movielens", at.directory, sleep=at.clock.advance).fetch(name)

    return bulk(fetch, table, good, *rules)


ML_MOVIES = "movieId,title,genres\n" + "".join(f'{n},"Movie, The {n} (1999)",Drama\n' for n in IDS)


def _ratings(extra: bytes = b"", header: str = IMDB_HEADER, lines: str = IMDB_LINES) -> bytes:
    return gzip.compress(header.encode() + extra + lines.encode())


def _claiming(size: int) -> bytes:
    """A zip file of 70 MB of zeros, packed, whose directory gives another size."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("m/movies.csv", b"0" * 70_000_000)
        file.infolist()[0].file_size = size
    return buffer.getvalue()


def _encrypted() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("m/movies.csv", ML_MOVIES)
        file.infolist()[0].flag_bits |= 1
    return buffer.getvalue()


def _png(width: int, height: int) -> bytes:
    buffer = io.BytesIO()
    PIL.Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def _status(status: int, **options: Any) -> FaultRule:
    return FaultRule("status", match=MOVIE, status=status, **options)


CASES: dict[str, tuple[Kind, Case]] = {
    "429, Retry-After: 2": ("retried", movies(_status(429, retry_after=2, first=1))),
    "429, Retry-After: a date 5 s ahead": ("retried", movies(_status(429, retry_after="date:5", first=1))),
    "429, Retry-After: 0": ("retried", movies(_status(429, retry_after="0", first=1))),
    "429 without Retry-After": ("retried", movies(_status(429, first=1))),
    "429, Retry-After: a day (capped)": ("retried", movies(_status(429, retry_after=86_400, first=1))),
    "429, Retry-After: nonsense": ("retried", movies(_status(429, retry_after="soon", first=1))),
    "500 once": ("retried", movies(_status(500, first=1))),
    "503 twice": ("retried", movies(_status(503, first=2))),
    "504 once": ("retried", movies(_status(504, first=1))),
    "500 for good": ("quarantined", movies(_status(500))),
    "401": ("stopped", movies(_status(401))),
    "404: merged or deleted": ("recorded", movies(_status(404))),
    "422": ("quarantined", movies(_status(422))),
    "no one listens": ("stopped", refused_connection),
    "connect timeout": ("stopped", connect_timeout),
    "read timeout": ("retried", movies(FaultRule("hang", match=MOVIE, first=1))),
    "read timeout for good": ("quarantined", movies(FaultRule("hang", match=MOVIE))),
    "reset before the answer": ("retried", movies(FaultRule("reset", match=MOVIE, first=1))),
    "reset within the answer": ("retried", movies(FaultRule("reset", match=MOVIE, first=1, after_bytes=99))),
    "connection closed within": ("retried", movies(FaultRule("cut", match=MOVIE, first=1, after_bytes=99))),
    "JSON cut short once": ("retried", movies(FaultRule("truncate", match=MOVIE, first=1))),
    "JSON cut short for good": ("quarantined", movies(FaultRule("truncate", match=MOVIE))),
    "HTML with status 200": ("quarantined", movies(FaultRule("html", match=MOVIE))),
    "JSON labelled text/plain": ("accepted", movies(FaultRule("content_type", match=MOVIE))),
    "gzip answer cut short": ("quarantined", movies(FaultRule("gzip_cut", match=MOVIE))),
    "a new field": ("accepted", movies(FaultRule("edit", match=MOVIE, set={"softcore": {"deep": [1]}}))),
    "a missing field": ("accepted", movies(FaultRule("edit", match=MOVIE, drop=["title", "runtime"]))),
    "a changed type": ("accepted", movies(FaultRule("edit", match=MOVIE, set={"runtime": "90 min"}))),
    "the id missing": ("quarantined", movies(FaultRule("edit", match=MOVIE, drop=["id"]))),
    "the id a text": ("quarantined", movies(FaultRule("edit", match=MOVIE, set={"id": "7"}))),
    "the answer to another id": ("quarantined", movies(FaultRule("edit", match=MOVIE, set={"id": 8}))),
    "changes: null ids": (
        "accepted",
        asking(
            _changes,
            [n for n in IDS if n != 3],
            FaultRule("edit", match="changes", set={"results.2.id": None}),
        ),
    ),
    "changes: a page of HTML for good": (
        "stopped",
        asking(_changes, None, FaultRule("html", match="changes")),
    ),
    "discover: total_pages 400 of 1": (
        "accepted",
        asking(_discover, list(IDS), FaultRule("edit", match="discover", set={"total_pages": 400})),
    ),
    "discover: total_pages missing": (
        "accepted",
        asking(_discover, list(IDS), FaultRule("edit", match="discover", drop=["total_pages"])),
    ),
    "discover: rows move between pages": (
        "accepted",
        asking(_discover, [1, 2, 3, 4, 5, 6], transport=_moving_pages),
    ),
    "export: not there yet": (
        "accepted",
        asking(_export, None, FaultRule("status", match="export", status=403)),
    ),
    "export: cut short once": (
        "retried",
        asking(_export, list(IDS), FaultRule("truncate", match="export", first=1)),
    ),
    "export: cut short for good": ("stopped", asking(_export, None, FaultRule("truncate", match="export"))),
    "export: lines that are no ids": (
        "accepted",
        asking(_export_with_rejects, (list(IDS), 4), transport=_export_lines),
    ),
    "image: not there": ("recorded", poster(None)),
    "image: empty": ("recorded", poster(b"")),
    "image: HTML": ("recorded", poster(b"<!DOCTYPE html><title>Sorry</title>")),
    "image: cut short": ("recorded", poster(jpeg()[:3000])),
    "image: 30,000 × 30,000 pixels": ("recorded", poster(_png(30_000, 30_000))),
    "image: CMYK": ("accepted", poster(jpeg(mode="CMYK"))),
    "image: connection closed within": (
        "retried",
        poster(b"", FaultRule("cut", match=f"/{BROKEN}.jpg", first=1, after_bytes=500)),
    ),
    "IMDb: download cut": (
        "resumed",
        imdb(_ratings(lines=MANY_LINES), FaultRule("cut", first=1, after_bytes=600_000), good=60_000),
    ),
    "IMDb: 503, Retry-After: 9": (
        "retried",
        imdb(_ratings(), FaultRule("status", status=503, retry_after=9, first=1)),
    ),
    "IMDb: gzip cut short": ("stopped", imdb(_ratings()[:80])),
    "IMDb: HTML with status 200": ("stopped", imdb(_ratings(), FaultRule("html"))),
    "IMDb: too few fields": ("quarantined", imdb(_ratings(b"tt99\t7\n"))),
    "IMDb: no UTF-8": ("quarantined", imdb(_ratings(b"tt\xff\t7.0\t1\n"))),
    "IMDb: a quote": ("accepted", imdb(_ratings(b'tt"99\t7.0\t1\n'), good=len(IDS) + 1)),
    "IMDb: a word for a number": ("quarantined", imdb(_ratings(b"tt99\tseven\t1\n"))),
    "IMDb: a new column": (
        "accepted",
        imdb(
            _ratings(
                header="tconst\tweight\taverageRating\tnumVotes\n",
                lines="".join(f"tt{n}\tx\t6.5\t1\n" for n in IDS),
            )
        ),
    ),
    "IMDb: a missing column": (
        "accepted",
        imdb(_ratings(header="tconst\tnumVotes\n", lines="".join(f"tt{n}\t1\n" for n in IDS))),
    ),
    "IMDb: the key column missing": (
        "stopped",
        imdb(_ratings(header="title\tnumVotes\n", lines="x\t1\n")),
    ),
    "MovieLens: md5 mismatch once": (
        "retried",
        movielens(archive({"m/movies.csv": ML_MOVIES}), FaultRule("corrupt", match="zip$", first=1)),
    ),
    "MovieLens: md5 mismatch for good": (
        "stopped",
        movielens(archive({"m/movies.csv": ML_MOVIES}), FaultRule("corrupt", match="zip$")),
    ),
    "MovieLens: no .md5 beside it": (
        "accepted",
        movielens(archive({"m/movies.csv": ML_MOVIES}), FaultRule("status", match="md5", status=404)),
    ),
    "MovieLens: ../ in a name": (
        "left aside",
        movielens(archive({"../links.csv": "movieId,imdbId,tmdbId\n", "m/movies.csv": ML_MOVIES})),
    ),
    "MovieLens: a bomb": ("stopped", movielens(archive({"m/movies.csv": b"0" * 70_000_000}))),
    "MovieLens: a bomb of 10 GB": ("stopped", movielens(_claiming(10 * 2**30))),
    "MovieLens: a bomb that claims 1 kB": ("stopped", movielens(_claiming(1000))),
    "MovieLens: the zip cut short": (
        "stopped",
        movielens(archive({"m/movies.csv": ML_MOVIES})[:150], FaultRule("status", match="md5", status=404)),
    ),
    "MovieLens: a member encrypted": ("stopped", movielens(_encrypted())),
    "MovieLens: no tags.csv": (
        "accepted",
        movielens(archive({"m/movies.csv": ML_MOVIES}), table="tags", good=0),
    ),
    "MovieLens: no table at all": ("stopped", movielens(archive({"README.txt": "terms"}))),
    "MovieLens: too many commas": (
        "quarantined",
        movielens(archive({"m/movies.csv": ML_MOVIES + "99,Patrik 1,5 (2008),Comedy\n"})),
    ),
    "MovieLens: an odd quote": (
        "quarantined",
        movielens(archive({"m/movies.csv": ML_MOVIES.replace("5,", '99,"Open (2001),Drama\n5,', 1)})),
    ),
    "MovieLens: Latin-1": (
        "accepted",
        movielens(
            archive(
                {"m/movies.dat": "".join(f"{n}::Café {n} (1999)::Drama\n" for n in IDS).encode("latin-1")}
            ),
            name="ml-1m",
        ),
    ),
}
"""The fault → what is to come of it, and the case that shows it."""


def real_cases(data: Path) -> dict[str, tuple[Kind, Case]]:
    """Cases of the broken input in a directory of real records."""
    lines = data / "dirty" / "movielens"
    movies = gzip.decompress((lines / "ml-25m-movies.csv.gz").read_bytes())
    links = gzip.decompress((lines / "ml-25m-links.csv.gz").read_bytes())
    old = (lines / "ml-1m-movies.dat").read_bytes()
    whole = len(movies.splitlines()) - 1
    cases: dict[str, tuple[Kind, Case]] = {
        "real ml-25m movies.csv": (
            "quarantined",
            movielens(archive({"m/movies.csv": movies}), good=whole - 9),
        ),
        "real ml-25m links.csv": (
            "accepted",
            movielens(archive({"m/links.csv": links}), table="links", good=len(links.splitlines()) - 1),
        ),
        "real ml-1m movies.dat": (
            "accepted",
            movielens(archive({"m/movies.dat": old}), good=len(old.splitlines()), name="ml-1m"),
        ),
    }
    for image in sorted((data / "dirty" / "images").iterdir()):
        decodes = image.name.startswith(("cmyk", "l-"))
        cases[f"real image {image.name}"] = (
            "accepted" if decodes else "recorded",
            poster(image.read_bytes()),
        )
    with gzip.open(data / "tmdb" / "recorded.jsonl.gz", "rt") as recorded:
        cases["real recorded answers"] = ("accepted", answers([json.loads(line) for line in recorded]))
    return cases


def answers(recorded: list[dict[str, Any]]) -> Case:
    """Put recorded answers through the client one by one: each is rows, or a refusal of ours."""

    def case(at: Bench) -> Outcome:
        came: Counter[str] = Counter()
        for each in recorded:
            reply = Response(each["status"], content=json.dumps(each["body"]).encode())

            async def run(each: dict[str, Any] = each, reply: Response = reply) -> int:
                async with at.tmdb(transport=lambda request: reply) as tmdb:
                    rows = await tmdb.get(each["path"].removeprefix("/3/"), **each["params"])
                    return int(rows.num_rows)

            try:
                came["rows" if asyncio.run(run()) else "no row"] += 1
            except ConnectorError as refusal:
                came[type(refusal).__name__] += 1
        return Outcome("accepted", f"{len(recorded)}: {dict(came)}", "no row" not in came)

    return case


def main() -> None:
    """Run all cases and print the table; with a directory of real records, those of its broken ones too."""
    cases = dict(CASES)
    if len(sys.argv) > 1:
        cases |= real_cases(Path(sys.argv[1]))
    print(f"{'fault':36} {'came to':12} {'good rows':10} detail")
    wrong = 0
    for name, (expected, case) in cases.items():
        with bench() as at:
            outcome = case(at)
        wrong += outcome.kind != expected or not outcome.all_good_kept
        kept = "all kept" if outcome.all_good_kept else "LOST"
        detail = outcome.detail.replace(at.mirror.url, "")
        print(f"{name:36} {outcome.kind:12} {kept:10} {detail[:150]}", flush=True)
    print(f"{len(cases)} faults, {wrong} not as expected")
    raise SystemExit(1 if wrong else 0)


if __name__ == "__main__":
    main()
