"""Tables for `reelhouse import`: odd values, broken lines, and files that unpack to gigabytes."""

import gzip
import json
from collections.abc import Iterator
from functools import partial

from tests.attack.ground import Ground, Outcome, Result
from tests.flows.lake import scalar
from tests.flows.steps.odd_tables import (
    BOMBS,
    BROKEN_LINES,
    ODD_COLUMNS,
    ODD_NUMBERS,
    write_bomb,
    write_odd_numbers,
)

ROWS = b"imdb_id,title,year\n" + b"tt9900303,X,1999\n" * 5000
UNREADABLE: dict[str, bytes] = {
    "no ids": b"a,b\n1,2\n",
    "nothing": b"",
    "gzip, cut short": gzip.compress(ROWS)[:60],
    "gzip, with a bit flipped": (lambda whole: whole[:30] + bytes([whole[30] ^ 0xFF]) + whole[31:])(
        gzip.compress(ROWS)
    ),
    "gzip of nothing": gzip.compress(b""),
    "zeros": b"\x00" * 100_000,
    "control characters for columns": b"\x1b[31m,\x07\n1,2\n",
    "100,000 columns": b",".join(b"c%d" % n for n in range(100_000)) + b"\n",
}


def attacks(ground: Ground) -> Iterator[Result]:
    """Yield what became of each table."""
    odd = len(ODD_COLUMNS) * len(ODD_NUMBERS)
    yield ground.attempt("odd values in each column of numbers", partial(_odd_numbers, ground), odd)
    yield ground.attempt("broken lines", partial(_broken_lines, ground), 4)
    for name in ground.part(BOMBS, 1):
        yield ground.attempt(f"a bomb of {name}", partial(_bomb, ground, *BOMBS[name]))
    for name in ground.part(UNREADABLE):
        yield ground.attempt(name, partial(_unreadable, ground, UNREADABLE[name]))


def _odd_numbers(ground: Ground) -> Outcome:
    with ground.directory() as place:
        rows = write_odd_numbers(place / "odd.csv")
        counts = json.loads(ground.reelhouse("import", place / "odd.csv", "--json").done().out)
    assert counts["steps"]["import"]["landed"] == rows, counts
    titles = scalar(ground.home, "SELECT count(*) FROM core.movies WHERE title = 'Odd'")
    assert titles > len(ODD_COLUMNS) * len(ODD_NUMBERS) * 0.9, f"{titles} movies"
    return "survived"


def _broken_lines(ground: Ground) -> Outcome:
    with ground.directory() as place:
        (place / "broken.csv").write_bytes(BROKEN_LINES.replace(b"tt00", b"tt97"))
        counts = json.loads(ground.reelhouse("import", place / "broken.csv", "--json").done().out)
    assert counts["steps"]["import"]["landed"] == 3, counts
    good = "SELECT count(*) FROM core.movies WHERE imdb_id IN ('tt9700002', 'tt9700003', 'tt9700007')"
    assert scalar(ground.home, good) == 3
    return "survived"


def _bomb(ground: Ground, piece: bytes, message: str) -> Outcome:
    with ground.directory() as place:
        write_bomb(place / "bomb.csv.gz", piece)
        return ground.small(ground.child("import", place / "bomb.csv.gz")).refused(message)


def _unreadable(ground: Ground, content: bytes) -> Outcome:
    with ground.directory() as place:
        (place / "table.csv").write_bytes(content)
        return ground.reelhouse("import", place / "table.csv").refused()
