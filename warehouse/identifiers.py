"""The one place where names become SQL text."""

from collections.abc import Iterable


def quote(name: str) -> str:
    """Return `name` as one quoted SQL identifier.

    >>> quote("a b")
    '"a b"'
    """
    if not name or "\x00" in name:
        raise ValueError(f"not an identifier: {name!r}")
    return '"' + name.replace('"', '""') + '"'


def qualified(name: str) -> str:
    """Return a dotted name with each part quoted.

    >>> qualified("core.movies")
    '"core"."movies"'
    """
    return ".".join(quote(part) for part in name.split("."))


def columns(names: Iterable[str], *, prefix: str = "") -> str:
    """Return names as a quoted list, each with `prefix.` before it if given.

    >>> columns(["a", "b"], prefix="new")
    '"new"."a", "new"."b"'
    """
    before = f"{quote(prefix)}." if prefix else ""
    return ", ".join(before + quote(name) for name in names)


def literal(text: str) -> str:
    """Return text as an SQL string literal, for statements that take no bound values (ATTACH, COMMENT, SET).

    >>> literal("it's")
    "'it''s'"
    """
    if "\x00" in text:
        raise ValueError("SQL text cannot hold a NUL character")
    return "'" + text.replace("'", "''") + "'"
