"""Which views there are, and that their definitions change only when somebody means it."""

from pathlib import Path

import pytest

from features import FeatureSettings, UnknownView, view_named, views

SETTINGS = FeatureSettings(poster_dir=Path("posters"))


def test_the_models_views_are_there_in_order_and_load_nothing() -> None:
    made = views(SETTINGS)
    assert list(made) == ["metadata", "tags", "text", "poster"]
    assert all(name == view.name for name, view in made.items())
    assert not made["text"].loaded  # type: ignore[attr-defined]


def test_extra_views_are_built_when_asked_for() -> None:
    chosen = FeatureSettings(poster_dir=Path("posters"), extra_views=("ratings", "words"))
    assert list(views(chosen))[4:] == ["ratings", "words"]


def test_an_unknown_view_lists_those_there_are() -> None:
    with pytest.raises(
        UnknownView, match=r"no feature view 'genres': there are metadata, tags, text, poster"
    ):
        view_named(SETTINGS, "genres")


def test_every_column_says_what_it_holds() -> None:
    for name in ("metadata", "tags", "text", "poster", "ratings", "words"):
        view = view_named(SETTINGS, name)
        assert view.comment.endswith(".")
        assert all(column.comment.endswith(".") for column in view.columns)
