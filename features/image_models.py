"""Pretrained image models as poster encoders: ONNX files, transformers directories, sentence-transformers
CLIP."""

import json
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from PIL import Image

from features.cores import OrderedMap, spreading, spreading_torch
from features.sentences import quiet_loading

Floats = npt.NDArray[np.float32]

BATCH = 8
"""Posters that one core takes at a time; a smaller batch is filled up, for matrix products of fewer rows may
round differently."""


class ImageEncoder(Protocol):
    """What turns posters into vectors; `prepare` runs in threads, `encode` on batches."""

    minimum_size: tuple[int, int]
    """(width, height) that a poster is decoded to at least."""

    def prepare(self, image: Image.Image) -> Any:
        """Return what `encode` takes for one RGB poster."""

    def encode(self, prepared: Sequence[Any]) -> Floats:
        """Return the vectors of prepared posters, `(n, width) float32`; each depends on its poster alone."""


@dataclass(frozen=True)
class Preprocessing:
    """An image model's own preprocessing, with the whole poster instead of its centre.

    Of a 2:3 poster, the usual resize and centre crop to a square drops the third of the picture where titles,
    faces and credits are. Here the poster is resized to the model's width; its top square and its bottom
    square, which overlap, both go through the model, and their vectors are averaged. On 3,660 real posters
    with 8 genres, MobileNetV2 and logistic regression, three splits, that gave a ROC-AUC of .744; squeezing
    the poster into one square gave .732, the centre .725, the poster between bars .725, and both vectors side
    by side .736. The few posters that are wider than high are squeezed into one square, which is seen twice.
    """

    width: int
    height: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    scale: float
    resample: int

    @classmethod
    def read(cls, directory: Path) -> "Preprocessing":
        """Return the preprocessing of `preprocessor_config.json` in the directory or its parent.

        Raises FileNotFoundError where neither has one.
        """
        for place in (directory, directory.parent):
            file = place / "preprocessor_config.json"
            if file.is_file():
                return cls.parse(json.loads(file.read_text(encoding="utf-8")))
        raise FileNotFoundError(f"{directory} has no preprocessor_config.json")

    @classmethod
    def parse(cls, config: dict[str, Any]) -> "Preprocessing":
        """Return the preprocessing that a `preprocessor_config.json` describes."""
        size = config.get("crop_size") if config.get("do_center_crop", True) else None
        width, height = _size(size or config.get("size") or 224)
        normalised = config.get("do_normalize", True)
        return cls(
            width,
            height,
            tuple(config.get("image_mean") or (0.5, 0.5, 0.5)) if normalised else (0.0, 0.0, 0.0),
            tuple(config.get("image_std") or (0.5, 0.5, 0.5)) if normalised else (1.0, 1.0, 1.0),
            float(config.get("rescale_factor") or 1 / 255) if config.get("do_rescale", True) else 1.0,
            int(config.get("resample", Image.Resampling.BICUBIC)),
        )

    def views(self, image: Image.Image) -> Floats:
        """Return the poster's top and bottom part at the model's size, `(2, 3, height, width) float32`."""
        full = max(self.height, self.width * image.height // image.width)  # rounded as transformers does
        resized = image.resize((self.width, full), self.resample)
        pixels = np.asarray(resized, np.float32)
        both = np.stack([pixels[: self.height], pixels[full - self.height :]])
        shift = np.array(self.mean, np.float32) / np.array(self.std, np.float32)
        factor = np.float32(self.scale) / np.array(self.std, np.float32)
        return np.ascontiguousarray((both * factor - shift).transpose(0, 3, 1, 2))


def _size(size: Any) -> tuple[int, int]:
    """Return (width, height) from the ways in which image processors write a size."""
    if isinstance(size, int):
        return size, size
    edge = size.get("shortest_edge") or size.get("longest_edge") or 224
    return int(size.get("width", edge)), int(size.get("height", edge))


class _Views:
    """What the encoders share that see two squares of a poster and average what they find."""

    _batch = BATCH

    def __init__(self, preprocessing: Preprocessing) -> None:
        self._preprocessing = preprocessing
        self.minimum_size = (preprocessing.width, preprocessing.height)

    def prepare(self, image: Image.Image) -> Floats:
        return self._preprocessing.views(image)

    def encode(self, prepared: Sequence[Floats]) -> Floats:
        parts = [prepared[start : start + self._batch] for start in range(0, len(prepared), self._batch)]
        with self._spreading() as spread:
            vectors = spread(self._encode, parts)
        return np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32)

    def _spreading(self) -> AbstractContextManager[OrderedMap]:
        """Return a map over threads that compute on one core each."""
        return spreading()

    def _encode(self, part: Sequence[Floats]) -> Floats:
        filled = [*part, *[part[-1]] * (self._batch - len(part))]
        vectors = self._run(np.concatenate(filled)).reshape(self._batch, 2, -1).mean(axis=1)
        return np.asarray(vectors[: len(part)], np.float32)

    def _run(self, pixels: Floats) -> Floats:
        raise NotImplementedError


class OnnxModel(_Views):
    """An image model in an ``.onnx`` file, run by onnxruntime; `preprocessor_config.json` lies beside or
    above it.

    The feature is the output called ``pooled``, ``pooler_output`` or ``image_embeds``, else the first one
    with two dimensions.
    """

    _batch = 1  # one poster's layers stay in the core's cache: a quarter faster than eight

    def __init__(self, file: Path) -> None:
        onnxruntime: Any = import_module("onnxruntime")  # an extra, without types
        super().__init__(Preprocessing.read(file.parent))
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1  # the batches are spread over the cores
        self._session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        outputs = {output.name: output.shape for output in self._session.get_outputs()}
        named = [name for name in ("pooled", "pooler_output", "image_embeds") if name in outputs]
        flat = [name for name, shape in outputs.items() if len(shape) in (2, 4)]
        self._output = [*named, *flat][0]

    def _run(self, pixels: Floats) -> Floats:
        (output,) = self._session.run([self._output], {self._input: pixels})
        return np.asarray(output, np.float32).reshape(len(pixels), -1)


class TransformersModel(_Views):
    """An image model in a directory of transformers; its pooled output, or the mean of its last hidden
    state."""

    def __init__(self, directory: Path) -> None:
        import torch
        from transformers import AutoModel

        super().__init__(Preprocessing.read(directory))
        with quiet_loading():
            model = AutoModel.from_pretrained(str(directory), local_files_only=True, use_safetensors=True)
        # eval: folded batch norms must not be estimated again; channels last is the faster layout on CPUs
        self._model = model.eval().to(memory_format=torch.channels_last)

    def _spreading(self) -> AbstractContextManager[OrderedMap]:
        return spreading_torch()

    def _run(self, pixels: Floats) -> Floats:
        import torch

        with torch.inference_mode():
            batch = torch.from_numpy(pixels).contiguous(memory_format=torch.channels_last)
            if hasattr(self._model, "get_image_features"):
                output = self._model.get_image_features(pixel_values=batch)
            else:
                output = self._model(pixel_values=batch)
            pooled = output if isinstance(output, torch.Tensor) else getattr(output, "pooler_output", None)
            if pooled is None:
                pooled = (
                    output.last_hidden_state.flatten(2).mean(2)
                    if output.last_hidden_state.ndim == 4
                    else (output.last_hidden_state.mean(1))
                )
            return np.asarray(pooled.float().flatten(1).numpy(), np.float32)


class SentenceTransformersModel:
    """A sentence-transformers model of images, such as CLIP, with its own preprocessing: its crop is what it
    was trained with, and is kept."""

    minimum_size = (224, 224)

    def __init__(self, directory: Path) -> None:
        from sentence_transformers import SentenceTransformer

        with quiet_loading():
            self._model = SentenceTransformer(str(directory), device="cpu", local_files_only=True)

    def prepare(self, image: Image.Image) -> Image.Image:
        return image

    def encode(self, prepared: Sequence[Image.Image]) -> Floats:
        parts = [list(prepared[start : start + BATCH]) for start in range(0, len(prepared), BATCH)]
        with spreading_torch() as spread:
            vectors = spread(self._encode, parts)
        return np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32)

    def _encode(self, part: list[Image.Image]) -> Floats:
        filled = [*part, *[part[-1]] * (BATCH - len(part))]
        vectors = self._model.encode(filled, batch_size=BATCH, show_progress_bar=False)
        return np.asarray(vectors, np.float32)[: len(part)]
