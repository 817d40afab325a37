"""Posters small enough to lie inside a page: JPEG data URIs, 92 pixels wide, within a budget of bytes."""

import base64
import io
from pathlib import Path

from PIL import Image

from features.images import BadImage, decode_rgb, read_stored, store_path

WIDTH = 92
QUALITY = 70
BUDGET = 8_000_000
"""Bytes of all thumbnails of a page together."""


class Thumbnails:
    """Makes thumbnails from the poster store; the same poster is read once."""

    def __init__(self, directory: Path, budget: int = BUDGET) -> None:
        self.directory = directory
        self.left = budget
        self._made: dict[str, str] = {}

    def uri(self, sha256: str | None, image_format: str | None) -> str:
        """Return a stored poster's `data:` URI; empty where it is absent or damaged, or no budget is left."""
        if not sha256:
            return ""
        if sha256 not in self._made:
            self._made[sha256] = self._make(sha256, image_format)
        made = self._made[sha256]
        if len(made) > self.left:
            return ""
        self.left -= len(made)
        return made

    def _make(self, sha256: str, image_format: str | None) -> str:
        try:
            content = read_stored(store_path(self.directory, sha256, image_format), sha256)
            image = decode_rgb(content, (WIDTH, WIDTH * 3 // 2))
        except BadImage:
            return ""
        height = max(1, min(round(image.height * WIDTH / image.width), WIDTH * 2))
        out = io.BytesIO()
        image.resize((WIDTH, height), Image.Resampling.LANCZOS).save(
            out, "JPEG", quality=QUALITY, optimize=True
        )
        return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
