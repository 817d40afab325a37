"""The examples in docstrings that take a warehouse of movies."""

from collections.abc import Iterator

import pytest

from features import FeatureSettings, build_view, view_named
from tests.examples import FEATURES, of_name, run
from tests.features.conftest import Clock, Core
from warehouse import Location, Warehouse


@pytest.fixture(scope="module")
def three_movies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """A lake with three movies whose `tags` are built; the third one has none."""
    home = tmp_path_factory.mktemp("examples")
    settings = FeatureSettings(home / "posters")
    with Warehouse.open(Location.under(home), clock=Clock()) as warehouse:
        core = Core(warehouse)
        core.movies(
            {"movie_id": 1, "title": "Heat", "overview": "A thief and a detective in Los Angeles."},
            {"movie_id": 2, "title": "Alien", "overview": "Seven people and one stowaway."},
            {"movie_id": 3, "title": "Untitled"},
        )
        core.rows("movie_keywords", 1, *_keywords("heist", "los angeles"))
        core.rows("movie_keywords", 2, *_keywords("spaceship"))
        core.rows("movie_genres", 1, {"source": "movielens", "genre": "Crime"})
        core.rows("movie_genres", 2, {"source": "movielens", "genre": "Horror"})
        build_view(warehouse, view_named(settings, "tags"))
        yield {"warehouse": warehouse, "settings": settings}


def _keywords(*words: str) -> list[dict[str, object]]:
    return [{"keyword_id": number, "keyword": word} for number, word in enumerate(words)]


@pytest.mark.parametrize("name", FEATURES)
def test_examples_run(name: str, three_movies: dict[str, object]) -> None:
    run([of_name(name, **three_movies)])
