"""Lines for people: whatever text stands in one, it stays a line and commands no terminal."""

import sys
from contextlib import suppress
from typing import TextIO

_EMBEDDINGS = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
"""They turn the direction of the text that follows them, to the end of the line."""
_SEPARATORS = (0x2028, 0x2029)
_SURROGATES = range(0xD800, 0xE000)
"""What is left of bytes that are no UTF-8, such as those of a file's name."""
_CONTROLS = {
    code: " " if chr(code).isspace() else "\ufffd"
    for code in (*range(32), *range(127, 160), *_SEPARATORS, *_EMBEDDINGS, *_SURROGATES)
}


def printable(text: object) -> str:
    r"""Return a text without what moves a cursor, colours, rings, breaks the line or turns its direction.

    >>> printable("red\x1b[31m\nmovie")
    'red�[31m movie'
    """
    return str(text).translate(_CONTROLS)


def print_line(text: object = "", stream: TextIO | None = None) -> None:
    """Print one line to standard output, or to `stream`."""
    print(printable(text), file=stream or sys.stdout)


def print_lines(text: str) -> None:
    """Print a text of several lines to standard output; no value in it may bring a line break."""
    for line in text.split("\n"):
        print_line(line)


def note(text: object) -> None:
    """Print one line to standard error; where nothing can be written there, nobody reads it."""
    with suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)
