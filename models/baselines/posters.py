"""Posters as arrays: pixels at a small size, and what an image network sees in them."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from features.images import BadImage, decode_rgb, read_stored, store_path
from models.baselines.problem import StoredPoster
from warehouse.whole_file import make_directory, written

Pixels = npt.NDArray[np.uint8]
_DECODERS = 2


def read_pixels(directory: Path, posters: Sequence[StoredPoster | None], width: int, height: int) -> Pixels:
    """Return whole posters at that size, `(n, 3, height, width) uint8`; one that does not decode is black."""
    out = np.zeros((len(posters), 3, height, width), np.uint8)

    def read(row: int) -> None:
        image = open_poster(directory, posters[row], (width, height))
        if image is not None:
            small = image.resize((width, height), Image.Resampling.BOX)
            out[row] = np.asarray(small, np.uint8).transpose(2, 0, 1)

    with ThreadPoolExecutor(_DECODERS) as pool:
        list(pool.map(read, range(len(posters))))
    return out


def open_poster(
    directory: Path, poster: StoredPoster | None, at_least: tuple[int, int]
) -> Image.Image | None:
    """Return the poster in RGB, or None where there is none or the store's file is missing or damaged."""
    if poster is None:
        return None
    try:
        content = read_stored(store_path(directory, poster.sha256, poster.format), poster.sha256)
        return decode_rgb(content, at_least)
    except BadImage:
        return None


def cached(path: Path | None, make: Callable[[], npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Return the array in the `.npy` file, made and written first where it is missing."""
    if path is not None and path.is_file():
        return np.asarray(np.load(path, allow_pickle=False))
    made = make()
    if path is not None:
        make_directory(path.parent)
        with written(path) as partial, partial.open("xb") as file:
            np.save(file, made, allow_pickle=False)
    return made
