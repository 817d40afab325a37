"""Small stand-ins for what the sources send."""

import io
import zipfile
from collections.abc import Mapping

import PIL.Image

DATE = "Fri, 20 Nov 2026 08:00:00 GMT"


def jpeg(width: int = 185, height: int = 278, mode: str = "RGB", colour: str | None = None) -> bytes:
    """A plain JPEG of that size in pixels."""
    buffer = io.BytesIO()
    image = PIL.Image.effect_noise((width, height), 60).convert(mode)
    if colour is not None:
        image.paste(colour, (0, 0, width // 2, height // 2))
    image.save(buffer, "JPEG")
    return buffer.getvalue()


def archive(members: Mapping[str, bytes | str]) -> bytes:
    """A zip file with these members."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return buffer.getvalue()


class Clock:
    """A clock that only sleeping moves; `slept` keeps the seconds asked for."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Sleep for plain functions."""
        self.slept.append(seconds)
        self.now += seconds

    async def sleep(self, seconds: float) -> None:
        """Sleep for coroutines."""
        self.advance(seconds)
