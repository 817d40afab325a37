"""Runs the whole suite, and every program that it starts, with the extensions of `EXTENSIONS_UNDER_TEST`.

Python imports a module of this name when it starts; `tests/__init__.py` puts this directory into the path of
the programs. A test that says nothing of extensions then gets these, whether it reads the settings or names a
location itself. The variable is not `REELHOUSE_…`, for many tests start programs without those.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from collections.abc import Sequence
from types import ModuleType

EXTENSIONS = os.environ.get("EXTENSIONS_UNDER_TEST", "")


class _Locations(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Give `Location` another default when its module is imported."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if name != "warehouse.location":
            return None
        found = importlib.machinery.PathFinder.find_spec(name, path)
        if found is None or found.loader is None:
            return found
        self._loader = found.loader
        found.loader = self
        return found

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._loader.exec_module(module)
        initialise = module.Location.__init__
        initialise.__defaults__ = (*initialise.__defaults__[:-1], EXTENSIONS)


if EXTENSIONS:
    os.environ.setdefault("REELHOUSE_EXTENSIONS", EXTENSIONS)
    sys.meta_path.insert(0, _Locations())
