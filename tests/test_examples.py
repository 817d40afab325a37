"""The examples in docstrings run, in every package; `tests.examples` says which need a test's own objects."""

import doctest

import pytest

from tests.examples import ALONE, FEATURES, MODELS, SOURCES, WAREHOUSE, modules, of_name, run_alone

MOST_LINES = 10


@pytest.mark.parametrize("name", modules("connectors", "warehouse", "models", "flows"))
def test_examples_run(name: str) -> None:
    run_alone(name)


@pytest.mark.parametrize("name", [*ALONE, *WAREHOUSE, *FEATURES, *MODELS])
def test_entry_points_have_a_short_example(name: str) -> None:
    example = of_name(name)
    assert "Example:\n" in (example.docstring or "")
    assert 0 < sum(each.source.count("\n") for each in example.examples) <= MOST_LINES
    assert not any(each.options.get(doctest.SKIP) for each in example.examples)


def test_examples_of_sources_are_there() -> None:
    assert all(of_name(name).examples for name in SOURCES)
