"""What the cases of `fault_table` are made of: a bench with a mirror, and one builder for each source.

A case takes a bench, breaks one thing among many good ones, and returns what became of it.
"""

import asyncio
import dataclasses
import gzip
import io
import json
import socket
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
from tests.connectors.sources import Clock, SmallCatalogue, jpeg

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


async def discover(tmdb: TMDb, at: Bench) -> list[int]:
    return sorted([movie async for movie in tmdb.discover()])


async def changes(tmdb: TMDb, at: Bench) -> list[int]:
    at.catalogue.edits[at.catalogue.day] = set(IDS)
    return sorted(await tmdb.changes(at.catalogue.day - timedelta(days=40), at.catalogue.day))


async def export(tmdb: TMDb, at: Bench) -> list[int] | None:
    table = await tmdb.export(at.catalogue.day)
    return None if table is None else sorted(table.column("tmdb_id").to_pylist())


async def export_with_rejects(tmdb: TMDb, at: Bench) -> tuple[list[int] | None, int]:
    return await export(tmdb, at), len(tmdb.export_rejects)


def export_lines(request: Request) -> Response:
    """The daily export, with four lines that are no ids."""
    lines = [json.dumps({"id": number, "adult": False, "popularity": 1.0}) for number in IDS]
    lines[3:3] = ["{", '{"id": null}', '{"id": "many"}', "[]"]
    return Response(200, content=gzip.compress("\n".join(lines).encode()))


def moving_pages(request: Request) -> Response:
    """Pages whose rows move to the next while they are read."""
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


def ratings(extra: bytes = b"", header: str = IMDB_HEADER, lines: str = IMDB_LINES) -> bytes:
    """A packed `title.ratings` of the good lines, with something before them."""
    return gzip.compress(header.encode() + extra + lines.encode())


def claiming(size: int) -> bytes:
    """A zip file of 70 MB of zeros, packed, whose directory gives another size."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("m/movies.csv", b"0" * 70_000_000)
        file.infolist()[0].file_size = size
    return buffer.getvalue()


def encrypted() -> bytes:
    """A zip file whose one member claims to need a password."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("m/movies.csv", ML_MOVIES)
        file.infolist()[0].flag_bits |= 1
    return buffer.getvalue()


def png(width: int, height: int) -> bytes:
    """A black image of that size."""
    buffer = io.BytesIO()
    PIL.Image.new("1", (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def status_of(status: int, **options: Any) -> FaultRule:
    """A rule by which one movie is answered with that status."""
    return FaultRule("status", match=MOVIE, status=status, **options)


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
