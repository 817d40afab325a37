"""The examples in docstrings run, in every package; those of connectors run in tests of their own."""

import doctest
import importlib
import pkgutil

import pytest

from tests.house import ROOT

PACKAGES = ("warehouse", "models", "flows")
MODULES = sorted(
    module.name
    for package in PACKAGES
    for module in pkgutil.walk_packages([str(ROOT / package)], f"{package}.")
    if ">>> "
    in (ROOT / (module.name.replace(".", "/") + ("/__init__.py" if module.ispkg else ".py"))).read_text()
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
