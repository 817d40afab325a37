"""Posters at the widths TMDb offers."""

import io
from functools import lru_cache

from anyio import to_thread
from PIL import Image, UnidentifiedImageError
from starlette.requests import Request
from starlette.responses import Response

from connectors.mirror.source_catalogue import Catalogue

POSTER_SIZES = ("w92", "w154", "w185", "w342", "w500", "w780", "original")


class Images:
    """Answers `/t/p/{size}/{file}`: never larger than stored, and as stored where it is narrow enough."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def image(self, request: Request) -> Response:
        """Return the JPEG; 404 for an image that is not there or a size that is not offered."""
        size = request.path_params["size"]
        original = self._catalogue.poster("/" + request.path_params["file"]) if size in POSTER_SIZES else None
        if original is None:
            return Response("<h1>File not Found</h1>", 404, media_type="text/html")
        body = original
        if size != "original" and _width(original) > int(size[1:]):
            body = await to_thread.run_sync(_scaled, original, int(size[1:]))
        return Response(body, headers={"cache-control": "max-age=31536000"}, media_type="image/jpeg")


def _width(image: bytes) -> int:
    """Return the width in pixels; 0 for bytes that are not an image, which are sent as they are."""
    try:
        with Image.open(io.BytesIO(image)) as opened:
            return opened.width
    except (UnidentifiedImageError, OSError, Image.DecompressionBombError):
        return 0


@lru_cache(maxsize=128)
def _scaled(original: bytes, width: int) -> bytes:
    with Image.open(io.BytesIO(original)) as image:
        height = max(1, round(image.height * width / image.width))
        image.draft("RGB", (width, height))
        scaled = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    out = io.BytesIO()
    scaled.save(out, "JPEG", quality=88)
    return out.getvalue()
