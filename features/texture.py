"""The `texture` view: what the inner layers of the poster's image encoder see of the whole poster.

The last layer of a network that was trained on photographs says what is in a picture; the layers before it
say how it is painted: colour, contrast, lettering, brush and film grain, which tell a genre as well. Only
convolutional networks have such maps.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from PIL import Image

from features.cores import OrderedMap, spreading_torch
from features.errors import EncoderError
from features.image_models import Floats, ImageEncoder, Preprocessing
from features.poster import STATISTICS, Poster, locate
from features.sentences import quiet_loading
from warehouse.schema import Column

CONVOLUTIONAL = frozenset(
    {"convnext", "convnextv2", "efficientnet", "mobilenet_v1", "mobilenet_v2", "regnet", "resnet"}
)
"""The `model_type` of the transformers models whose hidden states are maps."""
SEEN = "mean and deviation of the first map of each width, whole poster at 2:3"
_AT_ONCE = 8


def offered(encoder: str) -> bool:
    """Return whether a poster encoder, given by name or path, has inner layers that this view can read."""
    if encoder == STATISTICS:
        return False
    try:
        config = locate(encoder) / "config.json"
        return json.loads(config.read_text(encoding="utf-8")).get("model_type") in CONVOLUTIONAL
    except (EncoderError, OSError, ValueError):
        return False  # the poster view says what is wrong with it


class Texture(Poster):
    """One row for every movie with a stored poster: `texture`, the mean and the deviation of each channel of
    the encoder's inner layers."""

    name: ClassVar[str] = "texture"
    comment: ClassVar[str] = "What the inner layers of the image encoder see: colour, lettering, brush."
    columns: ClassVar[tuple[Column, ...]] = (
        Column("texture", "FLOAT[]", "Mean and deviation of each channel of the inner layers."),
    )

    def parameters(self) -> dict[str, object]:
        return {**super().parameters(), "crop": SEEN}

    def load(self, path: Path) -> ImageEncoder:
        return InnerLayers(path)


class InnerLayers:
    """The channels of a transformers model's inner maps, over the whole poster."""

    def __init__(self, directory: Path) -> None:
        from transformers import AutoModel

        self._preprocessing = Preprocessing.read(directory)
        self.minimum_size = (self._preprocessing.width, self._preprocessing.width * 3 // 2)
        with quiet_loading():
            model = AutoModel.from_pretrained(str(directory), local_files_only=True, use_safetensors=True)
        self._model = model.eval()

    def prepare(self, image: Image.Image) -> Floats:
        """Return the whole poster, `(3, height, width) float32`."""
        how = self._preprocessing
        pixels = np.asarray(image.resize(self.minimum_size, how.resample), np.float32) * how.scale
        return np.ascontiguousarray(((pixels - how.mean) / how.std).transpose(2, 0, 1), np.float32)

    def encode(self, prepared: Sequence[Floats]) -> Floats:
        parts = [prepared[start : start + _AT_ONCE] for start in range(0, len(prepared), _AT_ONCE)]
        with self._spreading() as spread:
            vectors = spread(self._encode, parts)
        return np.concatenate(vectors) if vectors else np.empty((0, 0), np.float32)

    def _spreading(self) -> AbstractContextManager[OrderedMap]:
        return spreading_torch()

    def _encode(self, part: Sequence[Floats]) -> Floats:
        import torch

        filled = [*part, *[part[-1]] * (_AT_ONCE - len(part))]
        with torch.inference_mode():
            maps = self._model(pixel_values=torch.from_numpy(np.stack(filled)), output_hidden_states=True)
            statistics = [
                statistic
                for feature_map in _first_of_each_width(maps.hidden_states)
                for statistic in (feature_map.mean((2, 3)), feature_map.std((2, 3)))
            ]
            return np.asarray(torch.cat(statistics, dim=1)[: len(part)].float().numpy(), np.float32)


def _first_of_each_width(maps: Sequence[Any]) -> Iterator[Any]:
    width = 0
    for feature_map in maps:
        if feature_map.ndim == 4 and feature_map.shape[1] != width:
            width = feature_map.shape[1]
            yield feature_map
