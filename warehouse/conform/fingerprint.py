"""What the rows of `core` depend on: for each table, a hash of the SQL that makes them.

The hash of a table covers the statements that write it, those that make what they read, and so on, with the
macros that they call. Comments, white space outside of texts and the order of files are no part of it. Nor
is what decides only when a movie is looked at or written (`_ASIDE`), nor how `raw` came to be: that is what
the sources said.

Feature views have these hashes in their versions (`changed_tables`).
"""

import hashlib
import importlib.resources
import re
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from warehouse.conform.precedence import filled
from warehouse.statements import statements

RECORDED: Mapping[str, str] = {
    "core.id_conflicts": "7e396d338c1d",
    "core.id_map": "ef3581f3aef9",
    "core.movie_companies": "09b4709f84a9",
    "core.movie_countries": "db5e0982fb77",
    "core.movie_genres": "4b2d42447db9",
    "core.movie_keywords": "8a42617da341",
    "core.movie_languages": "b7d9411503a8",
    "core.movie_people": "d93674425c2a",
    "core.movie_tags": "ef8ce1ca847a",
    "core.movies": "4c009bae9eb0",
    "core.posters": "f7950f6e7083",
    "core.ratings": "263ab6ed8692",
}
"""The hash of each table as it was when versions of views began to cover it.

A table that still has it adds nothing to a version, so that homes of earlier releases keep theirs: nothing is
computed, trained or scored again for that. Any other hash is part of the versions of the views that read the
table. So leave a hash as it is when the SQL changes. Only SQL that makes the same rows in another way may
replace it; `python -m tests.same_values` compares what two homes hold.
"""

_PACKAGE = "warehouse.conform"
_ASIDE = {
    "affected": "which movies are looked at",
    "changed": "which of them are written",
    "around": "the hash by which that is decided",
    "said": "the event time, which is no value",
    "core.movies": "conforming itself only asks whether a movie is there",
}
"""What takes part in the making of rows, but not in their values, and as what."""

_TOKEN = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'|\"(?:[^\"]|\"\")*\"|[$\w]+(?:\.\w+)*|\S", re.DOTALL)
_CORE = re.compile(r"(?:lake\.)?(core\.\w+)")
_TARGET = re.compile(r"(?:CREATE OR REPLACE TEMP (?:TABLE|MACRO)|INSERT INTO|UPDATE|DELETE FROM) ([\w.]+)")

Files = tuple[tuple[str, tuple[str, ...]], ...]
"""(name, statements) of each file."""
Tokens = tuple[str, ...]


def fingerprint(table: str) -> str:
    """Return the first 12 hexadecimal digits of the SHA-256 of the SQL that makes a table of `core`.

    It is empty where conforming does not write the table.
    """
    return _fingerprint(table, _files())


def changed_tables(query: str) -> dict[str, str]:
    """Return the hash of each table of `core` that a query reads, if it is another than the recorded one."""
    named = (_CORE.match(token) for token in _tokens(query.replace('"', "").lower()))
    hashes = {table[1]: fingerprint(table[1]) for table in named if table}
    return {table: value for table, value in hashes.items() if value != RECORDED.get(table, "")}


@cache
def _files() -> Files:
    """Return the statements of conforming as they run: the columns of `precedence.py` are in their places."""
    names = sorted(
        path.name.removesuffix(".sql")
        for path in importlib.resources.files(_PACKAGE).iterdir()
        if path.name.endswith(".sql")
    )
    return tuple((name, tuple(map(filled, statements(_PACKAGE, name)))) for name in names)


@cache
def _fingerprint(table: str, files: Files) -> str:
    made = _made(files)
    lines = [
        f"{name}: {' '.join(tokens)}"
        for name in sorted(_behind(table, made))
        for tokens in made.get(name, ())
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12] if lines else ""


@cache
def _made(files: Files) -> dict[str, list[Tokens]]:
    """Return the statements that write each table or make each macro; a query alone has its file's name."""
    made: dict[str, list[Tokens]] = {}
    for name, texts in sorted(files):
        for tokens in map(_tokens, texts):
            target = _TARGET.match(" ".join(tokens))
            made.setdefault(target[1] if target else name, []).append(tokens)
    return made


def _behind(table: str, made: Mapping[str, list[Tokens]]) -> set[str]:
    """Return the names of what a table's values depend on, itself included."""
    names, pending = {table}, [table]
    while pending:
        name = pending.pop()
        read = {_staging(name), *(each for tokens in made.get(name, ()) for each in _read(tokens))}
        new = (read & made.keys()) - names - _ASIDE.keys()
        names |= new
        pending += new
    return names


def _staging(table: str) -> str:
    """Return the name of the query or the table from which `conform` writes a table of `core`."""
    return "changed_movies" if table == "core.movies" else table.replace("core.", "new_")


def _read(tokens: Tokens) -> Iterator[str]:
    """Yield the names of the tables that a statement reads and of the functions that it calls."""
    own = {name for (name, word), (_, sign) in pairwise(pairwise(tokens)) if (word, sign) == ("AS", "(")}
    for word, following in pairwise(tokens):
        if word in ("FROM", "JOIN", "USING") and following not in own:
            yield following
        if following == "(":
            yield word


def _tokens(text: str) -> Tokens:
    """Return the words, numbers, texts and signs of SQL, without its comments."""
    return tuple(token for token in _TOKEN.findall(text) if not token.startswith(("--", "/*")))
