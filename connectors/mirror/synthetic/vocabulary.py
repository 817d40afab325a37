"""The word lists of the synthetic catalogue, read from the text files beside this module."""

from collections.abc import Mapping
from functools import cache
from importlib import resources

Section = Mapping[str, tuple[str, ...]]
"""One section of a word list: key → its entries."""


@cache
def words() -> Mapping[str, Section]:
    """Return the vocabulary of each TMDb genre and of `Common`: heroes, events, keywords, tags, …"""
    return _read("vocabulary.txt")


@cache
def names() -> Mapping[str, Section]:
    """Return given and family names (`male`, `female`, `family`) per language code."""
    return _read("names.txt")


@cache
def foreign_titles() -> Mapping[str, Section]:
    """Return the parts of titles (`heads`, `tails`, `join`, `order`) per language code."""
    return _read("foreign_titles.txt")


def _read(file: str) -> dict[str, Section]:
    sections: dict[str, dict[str, tuple[str, ...]]] = {}
    section: dict[str, tuple[str, ...]] = {}
    text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    for line in text.splitlines():
        if not line or line.startswith(";"):
            continue
        if line.startswith("["):
            section = sections.setdefault(line[1:-1], {})
            continue
        key, _, entries = line.partition(": ")
        section[key] = section.get(key, ()) + tuple(entries.split(" | "))
    return dict(sections)
