"""A sentence-transformers model that embeds many texts quickly, and each text to the same bits every time."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from features.cores import spreading_torch

TOKENS_PER_BATCH = 4_096
STEP = 16
"""Texts are padded to a multiple of this many tokens, and only texts of one padded length share a batch."""
LEAST_ROWS = 8
"""A smaller batch is filled up: matrix products of fewer rows take another path and round differently."""

Vectors = npt.NDArray[np.float32]


class SentenceEncoder:
    """A loaded model. Loading takes seconds; the network is not used for a directory.

    On processors with bfloat16 instructions the transformer runs in bfloat16, which leaves a cosine of at
    least 0.999 to float32 (0.9999 measured for MiniLM) and is several times faster there. Pooling is in
    float32 everywhere.
    """

    def __init__(self, directory: Path) -> None:
        from sentence_transformers import SentenceTransformer

        with quiet_loading():
            self._model: SentenceTransformer = SentenceTransformer(
                str(directory), device="cpu", local_files_only=True, model_kwargs={"use_safetensors": True}
            )
        self._model.eval()
        transformer: Any = getattr(self._model[0], "auto_model", None)
        tokenizer = getattr(self._model, "tokenizer", None)
        self._batched = transformer is not None and hasattr(tokenizer, "pad")
        if self._batched and _fast_bfloat16():
            transformer.bfloat16()

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Return unit vectors of the texts, `(n_texts, width) float32`, in their order.

        A text's vector does not depend on the other texts.
        """
        if not texts:
            return np.empty((0, 0), np.float32)
        if not self._batched:
            return np.asarray(
                self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False),
                np.float32,
            )
        tokens = self._tokens(texts)
        lengths = np.array([-(-len(ids) // STEP) for ids in tokens["input_ids"]], dtype=np.int64) * STEP
        batches = list(_batches(lengths))
        with spreading_torch() as spread:
            parts = spread(lambda batch: self._embed(tokens, *batch), batches)
        order = np.concatenate([rows for rows, _ in batches])
        vectors: Vectors = np.concatenate(parts)[np.argsort(order)]
        return vectors

    def _tokens(self, texts: Sequence[str]) -> dict[str, Any]:
        limit = self._model.max_seq_length
        return dict(
            self._model.tokenizer(
                [text.strip() for text in texts],
                truncation=limit is not None,
                max_length=limit,
                return_attention_mask=True,
            )
        )

    def _embed(self, tokens: dict[str, Any], rows: npt.NDArray[np.int64], length: int) -> Vectors:
        import torch

        filled = [*rows, *[rows[-1]] * max(0, LEAST_ROWS - len(rows))]
        batch = self._model.tokenizer.pad(
            {name: [column[row] for row in filled] for name, column in tokens.items()},
            padding="max_length",
            max_length=length,
            return_tensors="pt",
        )
        with torch.inference_mode():
            features: dict[str, Any] = dict(self._model[0](dict(batch)))
            for name, value in features.items():
                if isinstance(value, torch.Tensor) and value.dtype == torch.bfloat16:
                    features[name] = value.float()
            for module in list(self._model)[1:]:
                features = module(features)
            embedded = torch.nn.functional.normalize(features["sentence_embedding"].float(), dim=1)
        return np.asarray(embedded.numpy()[: len(rows)], np.float32)


def _batches(lengths: npt.NDArray[np.int64]) -> Iterator[tuple[npt.NDArray[np.int64], int]]:
    """Yield (rows, padded length) of batches of equal padded length, longest first: memory peaks early."""
    for length in np.unique(lengths)[::-1]:
        rows = np.flatnonzero(lengths == length)
        size = max(LEAST_ROWS, TOKENS_PER_BATCH // int(length))
        for start in range(0, len(rows), size):
            yield rows[start : start + size], int(length)


def _fast_bfloat16() -> bool:
    """Return whether this processor multiplies bfloat16 matrices in hardware (AVX-512 BF16 or AMX)."""
    import torch

    # torch offers no public question; the private ones are asked only if they are there
    checks = (
        getattr(torch.cpu, name, None) for name in ("_is_amx_tile_supported", "_is_avx512_bf16_supported")
    )
    return any(check() for check in checks if check is not None)


@contextmanager
def quiet_loading() -> Iterator[None]:
    """Silence transformers' progress bar and list of unused weights during the block."""
    transformers_logging: Any = import_module("transformers.utils.logging")  # partly without types
    level = transformers_logging.get_verbosity()
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if bars:
            transformers_logging.enable_progress_bar()
