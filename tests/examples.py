"""Runs the examples in docstrings: by themselves, or with the objects that a test lends them."""

import doctest
import importlib
import pkgutil
from collections.abc import Iterable, Iterator

from tests.house import ROOT

WAREHOUSE = (
    "warehouse.schema.declaration.Table",
    "warehouse.warehouse.Warehouse.query",
    "warehouse.warehouse.Warehouse.read",
    "warehouse.warehouse.Warehouse.transaction",
    "warehouse.warehouse.Warehouse.commit",
)
"""Examples that take an open `warehouse`: `tests/warehouse/test_examples.py` runs them."""
FEATURES = (
    "features.arrays.Layout",
    "features.manifest.Manifest",
    "features.store.build_view",
    "features.store.latest",
    "features.training.training_set",
    "features.view.FeatureView",
)
"""Examples that take a `warehouse` of movies and `settings`: `tests/features/test_examples.py` runs them."""
MODELS = (
    "models.training.train.train",
    "models.registry.champion",
    "models.scoring.score.score",
    "models.scoring.explain.explain",
    "models.registry.promote",
    "models.registry.rollback",
)
"""Examples that take a `warehouse` of labelled movies too: `tests/models/test_examples.py` runs them, in this
order."""
SOURCES = ("connectors.imdb", "connectors.movielens", "connectors.posters", "connectors.tmdb")
"""Examples that name the real addresses: `tests/connectors/test_surface.py` runs them with a mirror's."""
LENT = frozenset((*WAREHOUSE, *FEATURES, *MODELS, *SOURCES))

ALONE = (
    "connectors.imdb.client.IMDb",
    "connectors.limiter.Limiter",
    "connectors.mirror.serving.serve",
    "connectors.movielens.client.MovieLens",
    "connectors.tmdb.client.TMDb",
    "features.available_views.views",
    "warehouse.location.Location",
    "warehouse.location.Location.under",
    "warehouse.schema.declaration.Column",
    "warehouse.warehouse.Warehouse.open",
)
"""The entry points whose examples need nothing."""


def modules(*packages: str) -> list[str]:
    """Return the names of the modules with examples, those of the packages themselves left out."""
    return sorted(
        module.name
        for package in packages
        for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
        if ">>> "
        in (ROOT / (module.name.replace(".", "/") + ("/__init__.py" if module.ispkg else ".py"))).read_text(
            encoding="utf-8"
        )
    )


def examples(module: str, **lent: object) -> Iterator[doctest.DocTest]:
    """Yield the docstrings of a module that hold examples; `lent` are names that they may use."""
    tests = doctest.DocTestFinder().find(importlib.import_module(module), extraglobs=lent)
    yield from (test for test in tests if test.examples)


def run(tests: Iterable[doctest.DocTest]) -> None:
    """Run examples; what differs is printed, and fails."""
    runner = doctest.DocTestRunner()
    for test in tests:
        runner.run(test)
    assert runner.failures == 0


def run_alone(module: str) -> None:
    """Run the examples of a module that need nothing."""
    run(test for test in examples(module) if test.name not in LENT)


def of_name(name: str, **lent: object) -> doctest.DocTest:
    """Return the example of one name, such as `models.registry.champion`."""
    parts = name.split(".")
    places = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    module = next(place for place in places if _is_module(place))
    return next(test for test in examples(module, **lent) if test.name == name)


def _is_module(name: str) -> bool:
    path = ROOT / name.replace(".", "/")
    return path.is_dir() or path.with_suffix(".py").is_file()
