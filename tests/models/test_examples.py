"""The examples in docstrings that take a warehouse of labelled movies, its views and settings of models."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from features import build_view
from features.tags import Tags
from models import Aim, train
from tests.examples import MODELS, of_name, run
from tests.models.conftest import Catalogue, Clock, small_settings
from warehouse import Location, Warehouse


@pytest.fixture(scope="module")
def labelled_movies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """A lake whose `tags` model was trained once, with other settings than those of the examples."""
    home = tmp_path_factory.mktemp("examples")
    views, settings = {"tags": Tags()}, small_settings(home)
    with Warehouse.open(Location.under(home / "home"), clock=Clock()) as warehouse:
        Catalogue(warehouse).fill(600)
        build_view(warehouse, views["tags"])
        earlier = replace(settings, aim=Aim("accuracy"))
        train(warehouse, earlier, views, label_set="movielens", models=["tags"])
        yield {"warehouse": warehouse, "settings": settings, "views": views}


def test_examples_run(labelled_movies: dict[str, object]) -> None:
    run(of_name(name, **labelled_movies) for name in MODELS)
