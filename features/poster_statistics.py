"""An image encoder without weights: colour, edges and layout of the whole poster as 267 numbers.

It exists for installations that have no pretrained weights. Everything is computed from a 96 x 144 pixel
version.
"""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

WIDTH, HEIGHT = 96, 144
ROWS, COLUMNS = 6, 4
DIMENSIONS = 267

Floats: TypeAlias = npt.NDArray[Any]
"""float32, but for what numpy widens on the way; the result is float32."""


class PosterStatistics:
    """The encoder that needs no weights.

    In order: hue (18, weighted by saturation), saturation (8) and value (8) histograms; joint RGB histogram
    (64); mean luma, blue and red difference over a 6 x 4 grid (72) and the luma's deviation there (24);
    gradient orientations (8) in 3 x 2 cells (48); gradient energy by band of height (6); luma percentiles
    (7), mean and deviation (2); colourfulness (3, Hasler & Süsstrunk 2003); spectral energy in 4 octaves (4);
    symmetry left-right, top-bottom and vertical centre of gravity (3). Histograms are square roots of shares;
    all else is of the order of one.
    """

    name = "statistics"
    weights: str | None = None
    minimum_size = (WIDTH, HEIGHT)

    def prepare(self, image: Image.Image) -> npt.NDArray[np.uint8]:
        """Return the whole poster at 96 x 144 pixels, `(144, 96, 3) uint8`."""
        return np.asarray(image.resize((WIDTH, HEIGHT), Image.Resampling.BOX, reducing_gap=None))

    def encode(self, prepared: Sequence[npt.NDArray[np.uint8]]) -> Floats:
        """Return the statistics of prepared posters, `(n, 267) float32`."""
        described = [_describe(pixels) for pixels in prepared]
        return np.stack(described) if described else np.empty((0, DIMENSIONS), np.float32)


def _describe(pixels: npt.NDArray[np.uint8]) -> Floats:
    r, g, b = (
        np.ascontiguousarray(pixels[..., channel]).astype(np.float32)[None] / 255 for channel in range(3)
    )
    luma = 0.299 * r + 0.587 * g + 0.114 * b
    hue, saturation, value = _hsv(r, g, b)
    across, down = _gradients(luma)
    energy = np.sqrt(across**2 + down**2)
    joint = [np.minimum((channel * 4).astype(np.int64), 3) for channel in (r, g, b)]
    parts = (
        _histogram(hue, saturation, 18),
        _histogram(saturation, None, 8),
        _histogram(value, None, 8),
        _histogram((joint[0] * 16 + joint[1] * 4 + joint[2] + 0.5) / 64, None, 64),
        *(_cells(plane, ROWS, COLUMNS).mean(axis=3) for plane in (luma, b - luma, r - luma)),
        _cells(luma, ROWS, COLUMNS).std(axis=3),
        _orientations(across, down, energy),
        _cells(energy, ROWS, 1).mean(axis=3),
        np.percentile(luma, (2, 10, 25, 50, 75, 90, 98)),
        np.array([luma.mean(), luma.std()]),
        _colourfulness(r, g, b),
        _octaves(luma),
        _balance(luma, energy),
    )
    return np.concatenate([part.reshape(-1) for part in parts]).astype(np.float32)


def _flat(plane: Floats) -> Floats:
    return plane.reshape(len(plane), -1)


def _cells(plane: Floats, rows: int, columns: int) -> Floats:
    """Return an image plane in cells, `(n, rows, columns, pixels)`."""
    n, height, width = plane.shape
    split = plane.reshape(n, rows, height // rows, columns, width // columns)
    cells: Floats = split.transpose(0, 1, 3, 2, 4).reshape(n, rows, columns, -1)
    return cells


def _histogram(values: Floats, weights: Floats | None, bins: int) -> Floats:
    """Return the square roots of the shares of `bins` equal bins over [0, 1], `(n, bins)`."""
    n = len(values)
    index = np.minimum((_flat(values) * bins).astype(np.int64), bins - 1) + np.arange(n)[:, None] * bins
    counted = np.bincount(index.ravel(), None if weights is None else weights.ravel(), minlength=n * bins)
    counted = counted.reshape(n, bins)
    shares: Floats = np.sqrt(counted / np.maximum(counted.sum(axis=1, keepdims=True), 1e-6))
    return shares


def _hsv(r: Floats, g: Floats, b: Floats) -> tuple[Floats, Floats, Floats]:
    value = np.maximum(np.maximum(r, g), b)
    spread = value - np.minimum(np.minimum(r, g), b)
    safe = np.maximum(spread, 1e-6)
    hue = np.where(
        value == r, ((g - b) / safe) % 6, np.where(value == g, (b - r) / safe + 2, (r - g) / safe + 4)
    )
    return hue / 6, spread / np.maximum(value, 1e-6), value


def _gradients(luma: Floats) -> tuple[Floats, Floats]:
    across, down = np.zeros_like(luma), np.zeros_like(luma)
    across[:, :, 1:-1] = luma[:, :, 2:] - luma[:, :, :-2]
    down[:, 1:-1, :] = luma[:, 2:, :] - luma[:, :-2, :]
    return across, down


def _orientations(across: Floats, down: Floats, energy: Floats) -> Floats:
    """Return gradient energy by orientation (8 bins over half a turn) in 3 x 2 cells, as roots of shares."""
    angle = (np.arctan2(down, across) / np.pi) % 1.0
    cells = _cells(angle, 3, 2).reshape(-1, 1, angle.shape[1] * angle.shape[2] // 6)
    return _histogram(cells, _cells(energy, 3, 2).reshape(cells.shape), 8)


def _colourfulness(r: Floats, g: Floats, b: Floats) -> Floats:
    red_green = _flat(r - g)
    yellow_blue = _flat((r + g) / 2 - b)
    spread = np.hypot(red_green.std(axis=1), yellow_blue.std(axis=1))
    centre = np.hypot(red_green.mean(axis=1), yellow_blue.mean(axis=1))
    return np.stack([spread, centre, spread + 0.3 * centre], axis=1)


def _octaves(luma: Floats) -> Floats:
    """Return the share of the spectrum's amplitude in four octaves of frequency.

    The lowest has large shapes, the highest texture and text.
    """
    spectrum = np.abs(np.fft.rfft2(luma))
    down, across = np.fft.fftfreq(luma.shape[1])[:, None], np.fft.rfftfreq(luma.shape[2])[None, :]
    radius = np.hypot(down, across)
    bands = [(radius > low) & (radius <= 2 * low) for low in (1 / 32, 1 / 16, 1 / 8, 1 / 4)]
    amplitude = np.stack([spectrum[:, band].sum(axis=1) for band in bands], axis=1)
    shares: Floats = amplitude / np.maximum(amplitude.sum(axis=1, keepdims=True), 1e-6)
    return shares


def _balance(luma: Floats, energy: Floats) -> Floats:
    height = np.linspace(0, 1, luma.shape[1], dtype=np.float32)
    weight = energy.sum(axis=2)
    gravity = (weight * height).sum(axis=1) / np.maximum(weight.sum(axis=1), 1e-6)
    return np.stack([_alike(luma, luma[:, :, ::-1]), _alike(luma, luma[:, ::-1, :]), gravity], axis=1)


def _alike(first: Floats, second: Floats) -> Floats:
    """Return the correlation of two image planes, 0 where one is flat."""
    a = _flat(first) - _flat(first).mean(axis=1, keepdims=True)
    b = _flat(second) - _flat(second).mean(axis=1, keepdims=True)
    norm = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    return np.where(norm > 1e-6, (a * b).sum(axis=1) / np.maximum(norm, 1e-6), 0).astype(np.float32)
