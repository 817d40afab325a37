"""The room's public surface: what it exports, its examples, and what importing it costs."""

import subprocess
import sys

import pytest

import features
from tests.examples import modules, run_alone


def test_what_is_exported_is_there_and_in_order() -> None:
    assert features.__all__ == sorted(features.__all__, key=lambda name: (name.lower() == name, name))
    assert all(getattr(features, name).__doc__ for name in features.__all__)


@pytest.mark.parametrize("name", modules("features"))
def test_examples_run(name: str) -> None:
    run_alone(name)


def test_importing_loads_no_encoder_library() -> None:
    heavy = ("torch", "transformers", "onnxruntime")
    code = f"import sys, features; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
