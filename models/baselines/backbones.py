"""Image networks in the documents' systems: a frozen one as an encoder, or with its last block trainable.

The documents' VGG16 and InceptionV3 are reachable under their `transformers` names (``timm/vgg16.tv_in1k``,
with timm installed) where their weights can be had; the comparison says which network was used.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from features.errors import EncoderError
from features.image_models import Preprocessing
from features.poster import STATISTICS, load, locate
from features.poster_statistics import PosterStatistics
from features.sentences import quiet_loading
from models.baselines.data import Data
from models.baselines.errors import NotRunnable
from models.baselines.posters import open_poster
from models.baselines.problem import Problem, StoredPoster
from models.labels import Floats

_AT_A_TIME = 64


def name_of(backbone: str) -> str:
    """Return what the comparison calls a backbone."""
    return "colour and layout statistics" if backbone == STATISTICS else Path(backbone).name


def bottleneck(data: Data, problem: Problem) -> Floats:
    """Return the frozen backbone's vectors of every poster, `(n, width) float32`.

    A poster that cannot be read has zeros. Raises NotRunnable where none can be read.
    """

    def make() -> Floats:
        encoder = PosterStatistics() if data.backbone == STATISTICS else load(_directory(data.backbone))
        rows: list[int] = []
        parts: list[Floats] = []
        for start in range(0, len(problem.posters), _AT_A_TIME):
            part = problem.posters[start : start + _AT_A_TIME]
            images = [open_poster(data.poster_dir, poster, encoder.minimum_size) for poster in part]
            indices = [i for i, image in enumerate(images) if image is not None]
            if indices:
                parts.append(
                    encoder.encode([encoder.prepare(image) for image in images if image is not None])
                )
                rows += [start + i for i in indices]
        if not parts:
            raise NotRunnable(f"none of {len(problem.posters)} posters can be read: ingest posters first")
        vectors = np.concatenate(parts)
        out = np.zeros((len(problem.posters), vectors.shape[1]), np.float32)
        out[rows] = vectors
        return out

    return data.poster_array(problem, f"bottleneck {data.backbone}", make)


@dataclass(frozen=True)
class LastBlock:
    """A backbone cut before its last blocks: what enters them for every poster, and the blocks themselves.

    `entering` is `(n, channels, height, width) float32`; `blocks` maps it to `(n, width)`.
    """

    entering: Floats
    blocks: nn.Module


def last_block(data: Data, problem: Problem) -> LastBlock:
    """Return the backbone cut so that its last block can be trained.

    Raises NotRunnable where it has no blocks.
    """
    if data.backbone == STATISTICS:
        raise NotRunnable(
            "statistics have no block to train: set REELHOUSE_POSTER_ENCODER to a directory of an image model"
        )
    directory = _directory(data.backbone)
    if directory.suffix == ".onnx":
        raise NotRunnable("an .onnx file cannot be trained: give the transformers directory of the model")
    model, processing = _torch_model(directory)
    blocks = getattr(model, "layer", None)
    after = getattr(model, "conv_1x1", None)
    if not isinstance(blocks, nn.ModuleList) or after is None:
        raise NotRunnable(f"{directory.name}: only MobileNet's blocks can be told apart so far")

    def make() -> Floats:
        kept: list[Tensor] = []
        hook = blocks[-1].register_forward_pre_hook(lambda _, given: kept.append(given[0].half()))
        try:
            for start in range(0, len(problem.posters), _AT_A_TIME):
                views = [
                    _square(data, poster, processing)
                    for poster in problem.posters[start : start + _AT_A_TIME]
                ]
                with torch.no_grad():
                    model(torch.from_numpy(np.stack(views)))
        finally:
            hook.remove()
        return np.asarray(torch.cat(kept).numpy(), np.float16)

    entering = data.poster_array(problem, f"before last block {data.backbone}", make)
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return LastBlock(entering, nn.Sequential(blocks[-1], after, pool))


def _square(data: Data, poster: StoredPoster | None, processing: Preprocessing) -> Floats:
    """Return the poster's top square as the network wants it; zeros where the poster cannot be read."""
    image = open_poster(data.poster_dir, poster, (processing.width, processing.height))
    if image is None:
        return np.zeros((3, processing.height, processing.width), np.float32)
    return np.asarray(processing.views(image)[0])


def _torch_model(directory: Path) -> tuple[nn.Module, Preprocessing]:
    from transformers import AutoModel

    try:
        with quiet_loading():
            model: nn.Module = AutoModel.from_pretrained(
                directory, local_files_only=True, use_safetensors=True
            )
        return model.eval(), Preprocessing.read(directory)
    except (OSError, ValueError) as error:
        raise NotRunnable(f"{directory} cannot be loaded: {str(error).splitlines()[0]}") from None


def _directory(backbone: str) -> Path:
    try:
        return locate(backbone)
    except EncoderError as error:
        raise NotRunnable(str(error)) from None
