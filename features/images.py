"""Reads posters as RGB pixels: any mode, as small as suffices, and never a broken file by mistake."""

import hashlib
import io
from pathlib import Path

from PIL import Image

SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}
"""The poster store's file endings, by Pillow's names of the formats."""


class BadImage(Exception):
    """A file holds no image that can be used; the text is the reason."""


def store_path(directory: Path, sha256: str, image_format: str | None) -> Path:
    """Return where the content-addressed store keeps the poster of that hash."""
    return directory / sha256[:2] / f"{sha256}.{SUFFIXES.get(image_format or 'JPEG', 'jpg')}"


def read_stored(path: Path, sha256: str) -> bytes:
    """Return the bytes of a stored file; raise BadImage where it is missing or has another hash."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadImage(f"{path.name} is not in the poster store: {error.strerror}") from None
    digest = hashlib.sha256(content).hexdigest()
    if digest != sha256:
        raise BadImage(f"{path.name} is damaged: its {len(content):,} bytes hash to {digest[:12]}…")
    return content


def decode_rgb(content: bytes, at_least: tuple[int, int]) -> Image.Image:
    """Return the image in RGB, decoded at JPEG's smallest scale of at least (width, height) pixels.

    Raises BadImage, with a reason, for bytes that are empty, cut short or not an image.
    """
    try:
        with Image.open(io.BytesIO(content)) as image:
            image.draft("RGB", at_least)
            image.load()
            return image if image.mode == "RGB" else _opaque(image).convert("RGB")
    except Exception as error:  # Pillow's decoders raise nearly anything for damaged files
        raise BadImage(f"does not decode: {error or type(error).__name__}".replace("\n", " ")) from None


def _opaque(image: Image.Image) -> Image.Image:
    """Return the image, laid on black where it is transparent."""
    if image.mode not in ("RGBA", "LA", "PA") and "transparency" not in image.info:
        return image
    layer = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layer.size, (0, 0, 0, 255)), layer)
