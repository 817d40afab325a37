"""Versions cover what values depend on, are listed with their rows, and can be dropped and built again."""

from collections.abc import Callable
from pathlib import Path

import pytest

from features import FeatureSettings, UnknownView, build_view, drop_version, latest, versions, views
from features.tags import Tags
from tests.features.conftest import Clock, Core
from warehouse import Warehouse
from warehouse.conform import PRECEDENCE, fingerprint

VERSIONS = {
    "metadata": "48f39726def4",
    "tags": "1449390bced9",
    "text": "65455b6d237e",
    "poster": "6329d15771e7",
    "words": "4eeb82bd7317",
    "ratings": "0d5e138438fc",
    "genome": "a65b9a40541e",
}
"""Printed by commit 12627e7, the last one whose versions did not cover conforming SQL. Homes have them."""
OF_MOVIES = {"metadata", "tags", "text", "words", "genome"}
"""The views that read `core.movies`."""


def current_versions() -> dict[str, str]:
    settings = FeatureSettings(Path("posters"), extra_views=("words", "ratings", "genome"))
    return {name: view.version for name, view in views(settings).items()}


def change(monkeypatch: pytest.MonkeyPatch, edit: Callable[[str, str], str]) -> None:
    """Let conforming have other SQL: `edit` gets the name of the file and each of its statements."""
    files = [(name, tuple(edit(name, text) for text in texts)) for name, texts in fingerprint._files()]
    monkeypatch.setattr(fingerprint, "_files", lambda: tuple(files))


def replace(monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str) -> None:
    """Change one statement of a file."""
    assert [old in text for name, texts in fingerprint._files() if name == file for text in texts].count(
        True
    ) == 1
    change(monkeypatch, lambda name, text: text.replace(old, new) if name == file else text)


def test_homes_keep_their_versions() -> None:
    """Where conforming SQL changed on purpose, put the new versions of the views that read it here."""
    assert current_versions() == VERSIONS


@pytest.mark.parametrize(
    ("file", "old", "new", "views_changed"),
    [
        ("around", "lower(stripped(given.tag))", "stripped(given.tag)", {"tags"}),
        ("around", "BY n DESC, recency DESC", "BY recency DESC", {"ratings"}),
        ("around", "position < 10", "position < 12", {"metadata"}),
        ("around", "f.fetched_at DESC", "f.fetched_at", {"poster"}),
        ("around", "'IMAX'", "'IMAX', 'Short'", set()),
        ("values", "plain(text(d.overview))", "text(d.overview)", {*OF_MOVIES, "poster"}),
        ("values", "stripped(i.primary_title)", "i.primary_title", OF_MOVIES),
        ("macros", "WHEN n >= 1 AND", "WHEN n > 1 AND", {*OF_MOVIES, "poster"}),
        ("macros", "regexp_replace(stripped(t), ", "regexp_replace(trim(t), ", OF_MOVIES),
        ("macros", "starts_with(t, '0000')", "starts_with(t, '0001')", {*OF_MOVIES, "poster"}),
        ("macros", "left(sha256(key), 13)", "left(md5(key), 13)", set(VERSIONS)),
        ("changed_movies", "n.*", "n.* REPLACE (lower(title) AS title)", OF_MOVIES),
        ("records", "'ml-32m', 2024.4", "'ml-32m', 2001.4", set(VERSIONS)),
        ("owners", "ORDER BY rank, number, tmdb_id", "ORDER BY number, tmdb_id", OF_MOVIES),
        ("identities", "'no source names it any more'", "'nobody names it'", set(VERSIONS)),
        ("touched", "SELECT DISTINCT tmdb_id FROM ops", "SELECT tmdb_id FROM ops", set()),
        ("conflicts", "'TMDb has another record of that title'", "'another record'", set()),
        ("movies", "concat_ws(chr(31), 'country', country)", "country", set()),
    ],
)  # fmt: skip
def test_the_versions_of_the_views_that_read_it_change_with_a_statement(
    monkeypatch: pytest.MonkeyPatch, file: str, old: str, new: str, views_changed: set[str]
) -> None:
    replace(monkeypatch, file, old, new)
    changed = {name for name, version in current_versions().items() if version != VERSIONS[name]}
    assert changed == views_changed


def test_versions_change_with_the_precedence_of_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    fingerprint._files.cache_clear()
    with monkeypatch.context() as patched:
        patched.setitem(PRECEDENCE, "title", ("imdb", "tmdb"))
        changed = {name for name, version in current_versions().items() if version != VERSIONS[name]}
    fingerprint._files.cache_clear()
    assert changed == OF_MOVIES


def test_versions_do_not_change_with_comments_white_space_and_the_order_of_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def annotate(name: str, text: str) -> str:
        parts = text.split("'")  # every other one is outside of the texts
        parts[::2] = [
            part.replace(" ", "   ").replace("\n", " -- isn't it\n/* it's */ ") for part in parts[::2]
        ]
        return "'".join(parts)

    original = fingerprint._files()
    change(monkeypatch, annotate)
    annotated = fingerprint._files()
    assert annotated != original
    monkeypatch.setattr(fingerprint, "_files", lambda: annotated[::-1])
    assert current_versions() == VERSIONS


def test_a_text_of_the_sql_keeps_its_white_space(monkeypatch: pytest.MonkeyPatch) -> None:
    replace(monkeypatch, "macros", "'&lt;', '<'", "'&lt;', ' <'")
    assert current_versions()["text"] != VERSIONS["text"]


def test_a_change_of_conforming_builds_the_views_that_read_it_anew(
    wh: Warehouse, core: Core, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    core.movies({"movie_id": 1}, {"movie_id": 2})
    core.rows("movie_tags", 1, {"tag": "heist", "n_users": 3})
    core.rows("movie_tags", 2, {"tag": "island", "n_users": 1})
    old = Tags()
    assert build_view(wh, old).computed == 2
    clock.turn(days=1)
    assert build_view(wh, Tags()).computed == 0

    replace(monkeypatch, "around", "lower(stripped(given.tag))", "stripped(given.tag)")
    new = Tags()
    assert build_view(wh, new).computed == 2
    assert build_view(wh, new).computed == 0
    assert [(row["view_version"], row["rows"]) for row in versions(wh).to_pylist()] == [
        (old.version, 2),
        (new.version, 2),
    ]
    assert latest(wh, old)["tags"].to_pylist() == latest(wh, new)["tags"].to_pylist()
    assert '"conforming":{"core.movie_tags":' in new.definition()


def test_versions_are_listed_and_dropped(wh: Warehouse, core: Core, clock: Clock) -> None:
    old, new = Tags(), Tags(min_users=2)
    core.movies({"movie_id": 1}, {"movie_id": 2})
    core.rows("movie_tags", 1, {"tag": "heist", "n_users": 3})
    core.rows("movie_tags", 2, {"tag": "island", "n_users": 1})
    build_view(wh, old)
    clock.turn(days=1)
    build_view(wh, new)
    listed = versions(wh).to_pylist()
    assert [(row["view"], row["view_version"], row["rows"], row["movies"]) for row in listed] == [
        ("tags", old.version, 2, 2),
        ("tags", new.version, 2, 1),
    ]
    assert '"min_users":2' in listed[1]["definition"]

    assert drop_version(wh, new, old.version) == 2
    first, second = versions(wh).to_pylist()
    assert (first["rows"], first["dropped_at"], second["dropped_at"]) == (0, clock.now, None)
    assert latest(wh, new)["tags"].to_pylist() == [["heist"]]
    with pytest.raises(UnknownView, match=f"there are {new.version}"):
        drop_version(wh, new, old.version)

    assert build_view(wh, old).computed == 2
    assert versions(wh).to_pylist()[-1]["dropped_at"] is None
