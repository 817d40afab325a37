"""Statements that would change the lake or leave it: `reelhouse sql` refuses them."""

from collections.abc import Iterator
from functools import partial

from tests.attack.ground import Ground, Outcome, Result
from tests.warehouse.refused_statements import QUERIES, STATEMENTS
from warehouse import Location, storage


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each statement."""
    for statement in ground.part(statements(ground), 15):
        yield ground.attempt(f"sql {statement[:60]!a}", partial(_refused, ground, statement))


def statements(ground: Ground) -> tuple[str, ...]:
    """Return the statements; what they read or write outside is what may not be touched."""
    texts = [
        text.replace("/etc/passwd", str(ground.secret_file))
        .replace("/etc/*", f"{ground.outside}/*")
        .replace("/etc/x", f"{ground.outside}/x")
        .replace("{home}/../other.sqlite", str(ground.secret_table))
        .replace("{home}", str(ground.home))
        for text in (*STATEMENTS, *QUERIES)
    ]
    return tuple(dict.fromkeys(texts))


def _refused(ground: Ground, statement: str) -> Outcome:
    before = storage.sizes(Location.under(ground.home))
    ended = ground.reelhouse("sql", statement)
    assert storage.sizes(Location.under(ground.home)) == before, "the lake's files changed"
    return ended.refused()
