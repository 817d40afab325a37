"""The `poster` view: an image embedding, or statistics without weights, of a movie's poster."""

import platform
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from features.errors import EncoderError, OtherVersion
from features.image_models import ImageEncoder, OnnxModel, SentenceTransformersModel, TransformersModel
from features.images import BadImage, decode_rgb, read_stored, store_path
from features.poster_statistics import PosterStatistics
from features.view import FeatureView
from features.weights import fingerprint, hub_directory
from warehouse.schema import Column

STATISTICS = "statistics"
CROP = "top and bottom square, mean"
"""What an encoder with weights sees of a poster; `Preprocessing` says why."""
DECODERS = 2
"""Threads that decode: Pillow lets go of the interpreter's lock while it does."""
_AT_A_TIME = 64
_WAYS_OUT = (
    "set REELHOUSE_POSTER_ENCODER to a directory with an image model of transformers, to an .onnx file, "
    "or to 'statistics', which needs no weights"
)


def locate(encoder: str) -> Path:
    """Return the directory or file of a poster encoder given by name or path; raise EncoderError."""
    path = Path(encoder).expanduser()
    if path.exists():
        return path
    if path.suffix == ".onnx" or path.is_absolute() or encoder.startswith("."):
        raise EncoderError(f"there is no poster encoder at {path}: {_WAYS_OUT}")
    try:
        return hub_directory(encoder)
    except Exception as error:  # whatever the hub's client raises, the way out is the same
        raise EncoderError(
            f"poster encoder {encoder!r} is no directory and cannot be fetched "
            f"({type(error).__name__}): {_WAYS_OUT}"
        ) from None


def load(path: Path) -> ImageEncoder:
    """Return the encoder in a directory or file.

    Of a directory, `onnx/model.onnx` is taken where it exists and onnxruntime is installed.
    """
    if path.suffix == ".onnx":
        return OnnxModel(path)
    if (path / "modules.json").is_file():
        return SentenceTransformersModel(path)
    faster = path / "onnx" / "model.onnx"
    return OnnxModel(faster) if faster.is_file() and find_spec("onnxruntime") else TransformersModel(path)


class Poster(FeatureView):
    """One row for every movie with a stored poster.

    `embedding` is float32, as wide as the encoder's output: 267 for ``"statistics"``. A file of the store
    that is missing or damaged is reported as failed, with the reason, and does not stop the others.
    """

    name: ClassVar[str] = "poster"
    comment: ClassVar[str] = "Image embedding, or statistics of colour, edges and layout, of the poster."
    columns: ClassVar[tuple[Column, ...]] = (
        Column("embedding", "FLOAT[]", "What the encoder that the version names found in the poster."),
    )
    inputs: ClassVar[str] = """
        SELECT movie_id, sha256, format FROM core.posters SEMI JOIN wanted USING (movie_id)
    """

    def __init__(self, encoder: str, poster_dir: Path, *, partition_rows: int = 2_000) -> None:
        self.encoder = encoder
        self.poster_dir = Path(poster_dir)
        self.partition_rows = partition_rows
        self._loaded: ImageEncoder | None = None

    @cached_property
    def path(self) -> Path | None:
        """Where the encoder's files are, None where it needs none; raises EncoderError."""
        return None if self.encoder == STATISTICS else locate(self.encoder)

    @property
    def loaded(self) -> bool:
        """Whether the encoder has been loaded."""
        return self._loaded is not None

    def parameters(self) -> Mapping[str, object]:
        if self.path is None:
            return {"encoder": STATISTICS, "weights": None}
        local = Path(self.encoder).expanduser().exists()
        name = self.path.name if local else self.encoder
        return {"encoder": name, "weights": fingerprint(self.path), "crop": CROP}

    def require(self, version: str) -> None:
        if not self.poster_dir.is_dir():
            raise OtherVersion(
                f"{platform.node()} has no poster store at {self.poster_dir}: every process that computes "
                "posters needs it there, for reading"
            )
        super().require(version)

    def compute(self, inputs: pa.Table) -> pa.Table:
        """Return the view's vector and `failed` per movie; load the encoder for the first readable poster."""
        rows = inputs.select(["sha256", "format"]).to_pylist()
        vectors: list[Any] = []
        reasons: list[str | None] = []
        with ThreadPoolExecutor(DECODERS) as pool:
            parts = [rows[start : start + _AT_A_TIME] for start in range(0, len(rows), _AT_A_TIME)]
            upcoming = self._prepared(pool, parts[0]) if parts else []
            for following in [*parts[1:], []]:
                files = [future.result() for future in upcoming]
                upcoming = self._prepared(pool, following)  # decoded while these are encoded
                ready = [file for file in files if not isinstance(file, BadImage)]
                encoded = iter(self._encoder().encode(ready) if ready else ())
                vectors += [None if isinstance(file, BadImage) else next(encoded) for file in files]
                reasons += [str(file) if isinstance(file, BadImage) else None for file in files]
        return pa.table(
            {
                "movie_id": inputs["movie_id"],
                self.columns[0].name: pa.array(vectors, pa.list_(pa.float32())),
                "failed": pa.array(reasons, pa.string()),
            }
        )

    def _prepared(self, pool: ThreadPoolExecutor, rows: Sequence[Mapping[str, str]]) -> list[Future[Any]]:
        """Return for each poster a future of what the encoder takes, or of the reason why it has nothing.

        The encoder is loaded for the first poster that can be read.
        """
        files = list(pool.map(self._read, rows))
        if any(isinstance(file, bytes) for file in files):
            encoder = self._encoder()
            return [pool.submit(_prepare, encoder, file) for file in files]
        return [pool.submit(lambda reason: reason, file) for file in files]

    def _read(self, row: Mapping[str, str]) -> Any:
        """Return a poster's bytes, or the BadImage that says why there are none."""
        try:
            return read_stored(store_path(self.poster_dir, row["sha256"], row["format"]), row["sha256"])
        except BadImage as error:
            return error

    def load(self, path: Path) -> ImageEncoder:
        """Return the encoder in a directory or file."""
        return load(path)

    def _encoder(self) -> ImageEncoder:
        if self._loaded is None:
            if self.path is None:
                self._loaded = PosterStatistics()
                return self._loaded
            try:
                self._loaded = self.load(self.path)
            except Exception as error:  # a broken model fails in many ways; the way out is the same
                reason = str(error).strip().partition("\n")[0] or type(error).__name__
                raise EncoderError(
                    f"poster encoder {self.encoder!r} in {self.path} cannot be loaded ({reason}): {_WAYS_OUT}"
                ) from error
        return self._loaded


def _prepare(encoder: ImageEncoder, file: bytes | BadImage) -> Any:
    """Return what the encoder takes for a poster's bytes, or the reason why there is nothing."""
    if isinstance(file, BadImage):
        return file
    try:
        return encoder.prepare(decode_rgb(file, encoder.minimum_size))
    except BadImage as error:
        return error
