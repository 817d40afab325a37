"""Tables for `reelhouse import` that hold odd values, broken lines, or far more than they seem to."""

import csv
import itertools
from pathlib import Path

from tests.connectors.bombs import gzipped

ODD_NUMBERS = [
    "99999999999999999999", "-99999999999999999999", "1e300", "1e400", "-1e400", "nan", "inf", "-inf", "-5",
    "0.5", "1e18", "soon", "[1]", "{}", "9" * 5000, "\x07", "\x00", "1,5", "2101.5",
]  # fmt: skip
ODD_COLUMNS = ("year", "duration", "imdb_rating", "imdb_votes")
BROKEN_LINES = (
    b"\xef\xbb\xbfimdb_id,title,year\n"
    b'tt0000001,"Open,1999\n'
    b"tt0000002,After,1999\n"
    b'tt0000003,"Two\nlines",1999\n'
    b"tt0000004,Caf\xe9,1999\n"
    b"tt0000005," + b"A" * 200_000 + b",1999\n"
    b"tt0000006," + b"B" * 3_000_000 + b",1999\n"
    b"tt0000007,Last,1999"
)
"""Four rows that are none, and three good ones between them."""
BOMBS = {
    "one line": (b"a" * 2**20, "unpack to more than"),
    "rows": (b"tt0000001,A,1999\n" * 2**16, "over 1,000,000 lines are no rows"),
}
"""A piece that a bomb repeats, and what the refusal says."""


def write_odd_numbers(file: Path) -> int:
    """Write a table with a row for each odd value in each column of numbers; return how many rows it has."""
    good = {"year": "1999", "duration": "90", "imdb_rating": "6.5", "imdb_votes": "10"}
    lines = [["imdb_id", "title", *ODD_COLUMNS], ["tt0000001", "Fine", *good.values()]]
    for n, (column, odd) in enumerate(itertools.product(ODD_COLUMNS, ODD_NUMBERS), start=2):
        lines.append([f"tt{n:07}", "Odd", *({**good, column: odd}[name] for name in ODD_COLUMNS)])
    lines.append(["tt9900000", "A\x00 \x1b[31m \u2028 \U0001f600", *good.values()])
    with file.open("w", newline="") as stream:
        csv.writer(stream).writerows(lines)
    return len(lines) - 1


def write_bomb(file: Path, piece: bytes) -> None:
    """Write a packed table that unpacks to 400 MiB of one repeated piece."""
    gzipped(file, b"imdb_id,title,year\n", piece, 400 * 2**20 // len(piece))
