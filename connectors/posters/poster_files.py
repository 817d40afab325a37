"""Images on disk, named by the SHA-256 of their bytes."""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import PIL.Image

MOST_SCANS = 100
"""Scans of a JPEG: each costs a pass over all pixels, and a progressive one has about ten."""
MOST_PIXELS = 40_000_000
"""A poster of 2,000 × 3,000 pixels has 6 million."""
_SCAN = b"\xff\xda"
"""How a scan of a JPEG begins; among its pixels a zero byte follows each 0xff."""
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp", "GIF": "gif"}


class Unusable(Exception):
    """The bytes are no image that we can use; the message says why."""


@dataclass(frozen=True, slots=True)
class Image:
    """What is known of an image that decodes: size in pixels and Pillow's name of its format."""

    width: int
    height: int
    format: str


def inspect(path: Path, most_pixels: int = MOST_PIXELS) -> Image:
    """Decode the file once, of an animation the first frame; raises Unusable with the reason if bad."""
    if path.stat().st_size == 0:
        raise Unusable("empty file")
    try:
        with PIL.Image.open(path, formats=tuple(SUFFIXES)) as image:
            width, height = image.size
            if width * height > most_pixels:
                raise Unusable(f"{width:,} × {height:,} pixels are more than {most_pixels:,}")
            # Several JPEG pictures in one file (MPO, as cameras write them) are read as their first one.
            kind = "JPEG" if image.format == "MPO" else str(image.format)
            if kind == "JPEG" and (scans := path.read_bytes().count(_SCAN)) > MOST_SCANS:
                raise Unusable(f"{scans:,} scans are more than {MOST_SCANS}")
            # The whole stream is still read, and so a cut one noticed, but scaled down it decodes faster.
            image.draft("L", (width // 8, height // 8))
            image.load()
            return Image(width, height, kind)
    except Unusable:
        raise
    except PIL.UnidentifiedImageError:
        with path.open("rb") as file:
            start = file.read(16)
        reason = f"not an image (starts with {start!r})"
    except (PIL.Image.DecompressionBombError, PIL.Image.DecompressionBombWarning) as error:
        reason = f"too many pixels: {error}"
    except Exception as error:
        # Pillow's decoders raise whatever they trip over in damaged files: struct.error, zlib.error and more.
        reason = f"does not decode: {type(error).__name__}: {error}"
    raise Unusable(reason)


class PosterStore:
    """Files under `directory`, as `ab/<sha256>.jpg`: equal bytes are one file, and a file is never half
    there.
    """

    def __init__(self, directory: Path, most_pixels: int = MOST_PIXELS) -> None:
        self.directory = directory
        self._most_pixels = most_pixels

    def temporary(self) -> Path:
        """Create an empty file in the store's own file system and return its path."""
        self.directory.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".incoming-", dir=self.directory)
        os.close(handle)
        return Path(name)

    def path(self, sha256: str, image_format: str) -> Path:
        """Return the path of the image with that hash, whether it exists or not."""
        return self.directory / sha256[:2] / f"{sha256}.{SUFFIXES[image_format]}"

    def keep(self, temporary: Path, sha256: str) -> Image:
        """Verify the temporary file and move it to its place; raises Unusable, and removes it, if it is
        bad.
        """
        try:
            image = inspect(temporary, self._most_pixels)
            place = self.path(sha256, image.format)
            place.parent.mkdir(exist_ok=True)
            temporary.chmod(0o644)
            temporary.replace(place)
            return image
        finally:
            temporary.unlink(missing_ok=True)

    def clean(self, older_than: float = 86_400.0) -> int:
        """Remove the temporary files that killed processes left, if they are that many seconds old.

        Returns how many. Younger ones may belong to a process that is at work.
        """
        left = [path for path in self.directory.glob(".incoming-*") if _age(path) >= older_than]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


def _age(path: Path) -> float:
    """Return the seconds since the file changed; 0 if it is gone."""
    try:
        return max(0.0, time.time() - path.stat().st_mtime)
    except FileNotFoundError:
        return 0.0
