"""Odd values in every place of every source: each ends unknown, and every movie is conformed."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from connectors.mirror import SyntheticCatalogue, serve
from tests.attack.ground import Ground, Outcome, Result
from tests.flows.lake import column, scalar
from tests.flows.odd_catalogue import FIRST_ODD, ODD_ANSWERS, OddCatalogue
from tests.warehouse.odd import JSON, answers_with

_MOVIE = re.compile(r"/3/movie/(\d+)")
READERS: tuple[tuple[str, ...], ...] = (
    *(
        ("sql", f"FROM {table}", "--format", kind)
        for table in ("core.movies", "core.movie_tags", "raw.tmdb_movies", "ops.quarantine")
        for kind in ("table", "csv", "json")
    ),
    ("export", "OUT"),
    ("export", "OUT.duckdb"),
    ("report", "-o", "OUT.html"),
    ("status",),
    ("quarantine", "list"),
    ("quarantine", "show", "--limit", "1000"),
)


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of the values, and of each command that prints or writes them."""
    odd = ODD_ANSWERS[::4] if ground.short else JSON
    answers = {row["tmdb_id"]: row["payload"] for row in answers_with(FIRST_ODD, odd)}
    catalogue = _Catalogue(movies=ground.movies, seed=7, odd=answers)
    home = ground.root / "copies" / "odd records"  # a new home: its first night fetches every movie
    ground.homes.append(home)
    yield ground.attempt("odd values", partial(_ingest, ground, home, catalogue), len(answers))
    for command in READERS:
        yield ground.attempt(" ".join(command[:2]), partial(_read, ground, home, command))


class _Catalogue(OddCatalogue):
    def __init__(self, *, odd: Mapping[int, str], **options: Any) -> None:
        super().__init__(**options)
        self.odd = odd

    def ids(self) -> tuple[int, ...]:
        return (*SyntheticCatalogue.ids(self), *self.odd)

    def in_front(self, app: ASGIApp) -> ASGIApp:
        """Return an application that answers for the mirror, with the odd payloads as they stand."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            movie = _MOVIE.fullmatch(scope.get("path", ""))
            payload = self.odd.get(int(movie[1])) if movie else None
            if payload is None:
                return await app(scope, receive, send)

            async def replaced(message: Message) -> None:
                if message["type"] == "http.response.start":
                    left_out = (b"content-length", b"content-encoding")
                    headers = [each for each in message["headers"] if each[0].lower() not in left_out]
                    message = {**message, "headers": headers}
                elif not message.get("more_body"):
                    message = {**message, "body": payload.encode()}
                await send(message)

            return await app(scope, receive, replaced)

        return answer


def _ingest(ground: Ground, home: Path, catalogue: _Catalogue) -> Outcome:
    with serve(catalogue, guard=catalogue.in_front) as mirror:
        ground.reelhouse("ingest", home=home, **mirror.env()).done()
    ids = set(column(home, "SELECT source_id FROM core.id_map WHERE source = 'tmdb'"))
    missing = sorted(n for n in catalogue.ids() if str(n) not in ids)
    examples = [catalogue.odd.get(n, "")[:80] for n in missing[:3]]
    assert not missing, f"{len(missing)} movies are not conformed, such as {examples}"
    assert scalar(home, "SELECT count(*) FROM core.movies WHERE title = 'Odd'") > 90
    sources = column(home, "SELECT source FROM ops.quarantine")
    for source in ("tmdb", "imdb", "movielens"):
        count = sources.count(source)
        assert count > 0, f"no value of {source} is in quarantine"
    return "survived"


def _read(ground: Ground, home: Path, command: tuple[str, ...]) -> Outcome:
    with ground.directory() as place:
        ground.reelhouse(*(part.replace("OUT", f"{place}/out") for part in command), home=home).done()
    return "survived"
