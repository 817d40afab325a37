"""Model files: numbers in safetensors, all else in JSON or LightGBM's text. Nothing is ever unpickled."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from models.errors import DamagedModel


def write_tensors(path: Path, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write named arrays."""
    save_file({name: np.ascontiguousarray(value) for name, value in tensors.items()}, path)


def read_tensors(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return the named arrays of a file; DamagedModel where it is missing or cut."""
    try:
        tensors: dict[str, npt.NDArray[Any]] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise DamagedModel(f"{path} cannot be read ({error}): train again, or roll back") from error
    return tensors


def write_json(path: Path, value: object) -> None:
    """Write plain values; equal values always give the same text."""
    path.write_text(json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False), encoding="utf-8")


def read_json(path: Path) -> Any:
    """Return the plain values of a file; DamagedModel where it is missing or cut."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DamagedModel(f"{path} cannot be read ({error}): train again, or roll back") from error


def directory_sha256(directory: Path) -> str:
    """Return the SHA-256 over the names and contents of all files below a directory.

    Files are taken in order of their names.
    """
    whole = hashlib.sha256()
    for path in sorted(p for p in directory.rglob("*") if p.is_file()):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        whole.update(f"{path.relative_to(directory).as_posix()}\0{content}\n".encode())
    return whole.hexdigest()
