"""Posters drawn with Pillow: invented pictures whose palette and composition lean on the movie's genres.

The bytes depend on the arguments only (and on the versions of Pillow, FreeType and libjpeg at hand). Some
choices follow the genres and the others are noise: a poster says something of a film's genre, but not much.
"""

import colorsys
import io
import unicodedata
from collections.abc import Mapping, Sequence
from functools import cache
from random import Random

from PIL import Image, ImageChops, ImageDraw, ImageFont

from connectors.mirror.poster_scenes import HEIGHT, SCENES, WIDTH, Colour, Palette, mix

_FIDELITY = 0.62

_Range = tuple[
    float, float, float
]  # hue in degrees, saturation and value in 0..1: the middle of what is drawn
_PALETTES: Mapping[str, tuple[_Range, _Range, _Range]] = {
    "Action": ((205, 0.55, 0.30), (22, 0.80, 0.70), (38, 0.95, 0.98)),
    "Adventure": ((190, 0.45, 0.75), (40, 0.60, 0.70), (28, 0.85, 0.90)),
    "Animation": ((198, 0.60, 0.95), (95, 0.60, 0.85), (330, 0.70, 0.98)),
    "Comedy": ((48, 0.70, 0.97), (40, 0.35, 0.98), (2, 0.80, 0.92)),
    "Crime": ((220, 0.30, 0.22), (215, 0.25, 0.10), (0, 0.85, 0.75)),
    "Documentary": ((200, 0.12, 0.80), (90, 0.15, 0.62), (205, 0.50, 0.50)),
    "Drama": ((212, 0.25, 0.62), (30, 0.25, 0.45), (25, 0.45, 0.80)),
    "Family": ((195, 0.45, 0.98), (110, 0.50, 0.82), (45, 0.85, 0.98)),
    "Fantasy": ((265, 0.50, 0.45), (185, 0.50, 0.40), (50, 0.60, 0.98)),
    "History": ((36, 0.35, 0.60), (24, 0.55, 0.32), (45, 0.75, 0.85)),
    "Horror": ((352, 0.60, 0.16), (0, 0.30, 0.05), (0, 0.90, 0.65)),
    "Music": ((300, 0.55, 0.50), (250, 0.60, 0.28), (178, 0.80, 0.95)),
    "Mystery": ((228, 0.40, 0.30), (190, 0.30, 0.14), (50, 0.45, 0.85)),
    "Romance": ((342, 0.30, 0.95), (20, 0.30, 0.95), (350, 0.65, 0.80)),
    "Science Fiction": ((232, 0.65, 0.22), (190, 0.75, 0.35), (182, 0.75, 0.98)),
    "TV Movie": ((210, 0.30, 0.88), (355, 0.30, 0.80), (0, 0.70, 0.80)),
    "Thriller": ((200, 0.45, 0.26), (210, 0.50, 0.12), (24, 0.60, 0.80)),
    "War": ((52, 0.20, 0.52), (60, 0.35, 0.24), (18, 0.80, 0.75)),
    "Western": ((32, 0.55, 0.90), (22, 0.70, 0.50), (12, 0.80, 0.70)),
}
_SCENES: Mapping[str, tuple[str, ...]] = {
    "Action": ("skyline", "figure", "burst"),
    "Adventure": ("mountains", "horizon", "figure"),
    "Animation": ("blobs", "hills", "blobs"),
    "Comedy": ("burst", "blobs", "row"),
    "Crime": ("skyline", "stripes", "figure"),
    "Documentary": ("stripes", "horizon", "plain"),
    "Drama": ("portrait", "horizon", "figure", "plain"),
    "Family": ("hills", "blobs", "row"),
    "Fantasy": ("mountains", "moon", "hills"),
    "History": ("portrait", "horizon", "plain"),
    "Horror": ("house", "moon", "portrait"),
    "Music": ("stripes", "burst", "portrait"),
    "Mystery": ("house", "moon", "skyline"),
    "Romance": ("pair", "horizon", "pair"),
    "Science Fiction": ("planet", "planet", "skyline"),
    "TV Movie": ("pair", "row", "house"),
    "Thriller": ("portrait", "skyline", "stripes", "figure"),
    "War": ("row", "horizon", "figure"),
    "Western": ("mesa", "mesa", "horizon"),
}


def draw(key: str, *, title: str, genres: Sequence[str], year: int, names: Sequence[str] = ()) -> bytes:
    """Return a poster as JPEG, 342 x 513 pixels, RGB.

    Parameters
    ----------
    key
        decides every choice: the same key and arguments give the same picture.
    title, names
        set in type; accents are dropped, as Pillow's own font lacks them.
    genres
        TMDb genre names, main one first.
    year
        before 1960 half of the posters are tinted like old prints.
    """
    rng = Random(f"{key}:poster")  # noqa: S311  # a picture, not a secret
    palette = _palette(rng, genres)
    scene = rng.choice(_SCENES[_lean(rng, genres)])
    image = _gradient(palette.top, palette.bottom)
    art = ImageDraw.Draw(image)
    SCENES[scene](art, rng, palette)
    if "Horror" in genres or rng.random() < 0.35:
        image = ImageChops.multiply(image, _vignette())
    image = ImageChops.add(image, _grain(), scale=1.0, offset=-rng.choice((6, 9, 12)))
    if year < 1960 and rng.random() < 0.5:
        paper = Image.merge(
            "RGB", [image.convert("L").point(lambda v, k=k: int(v * k)) for k in (1.0, 0.91, 0.74)]
        )
        image = Image.blend(image, paper, 0.7)
    _typeset(image, rng, palette, title, names)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82)
    return out.getvalue()


def _lean(rng: Random, genres: Sequence[str]) -> str:
    if genres and rng.random() < _FIDELITY:
        return rng.choice((genres[0], *genres))
    return rng.choice(tuple(_PALETTES))


def _colour(rng: Random, wanted: _Range) -> Colour:
    hue = (wanted[0] + rng.gauss(0, 16)) % 360 / 360
    saturation = min(1.0, max(0.03, wanted[1] + rng.gauss(0, 0.13)))
    value = min(1.0, max(0.03, wanted[2] + rng.gauss(0, 0.12)))
    red, green, blue = colorsys.hsv_to_rgb(hue, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def _palette(rng: Random, genres: Sequence[str]) -> Palette:
    top, bottom, accent = (_colour(rng, wanted) for wanted in _PALETTES[_lean(rng, genres)])
    bright = sum(mix(top, bottom, 0.5)) / 3 > 150
    return Palette(
        top, bottom, accent, mix(bottom, (0, 0, 0), 0.78), (24, 22, 26) if bright else (242, 238, 228)
    )


# --- surfaces ---------------------------------------------------------------------------------------------


def _gradient(top: Colour, bottom: Colour) -> Image.Image:
    ramp = _ramp()
    bands = [
        ramp.point([round(a + (z - a) * v / 255) for v in range(256)])
        for a, z in zip(top, bottom, strict=True)
    ]
    return Image.merge("RGB", bands)


@cache
def _ramp() -> Image.Image:
    return Image.linear_gradient("L").resize((WIDTH, HEIGHT))


@cache
def _vignette() -> Image.Image:
    light = (
        Image.radial_gradient("L")
        .resize((WIDTH, HEIGHT))
        .point([255 - max(0, v - 60) * 4 // 5 for v in range(256)])
    )
    return Image.merge("RGB", [light] * 3)


@cache
def _grain() -> Image.Image:
    noise = Random("grain").randbytes(WIDTH * HEIGHT)  # noqa: S311
    grain = Image.frombytes("L", (WIDTH, HEIGHT), noise).point([v * 18 // 255 for v in range(256)])
    return Image.merge("RGB", [grain] * 3)


# --- type -------------------------------------------------------------------------------------------------


def _typeset(image: Image.Image, rng: Random, palette: Palette, title: str, names: Sequence[str]) -> None:
    """Set the title at the top or the foot, on a ground that lets it be read, and the names at the edge."""
    art = ImageDraw.Draw(image)
    words = _plain_latin(title)
    words = words.upper() if rng.random() < 0.7 else words
    size = rng.randint(30, 46)
    lines = _wrapped(words, size)
    while size > 16 and (
        len(lines) > 3 or max(art.textlength(line, _font(size)) for line in lines) > WIDTH - 36
    ):
        size -= 2
        lines = _wrapped(words, size)
    at_top = rng.random() < 0.35
    high = len(lines) * size * 1.12
    ground: Colour = (10, 10, 14) if sum(palette.text) > 380 else mix(palette.bottom, (255, 255, 255), 0.55)
    shade = _ramp().resize((WIDTH, round(high) + 130)).point([v * 13 // 16 for v in range(256)])
    if at_top:
        image.paste(ground, (0, 0), shade.transpose(Image.Transpose.FLIP_TOP_BOTTOM))
    else:
        image.paste(ground, (0, HEIGHT - shade.height), shade)
    y = 30.0 if at_top else HEIGHT - 52 - high
    colour = palette.text if rng.random() < 0.7 else mix(palette.accent, palette.text, 0.5)
    left = rng.random() < 0.25
    for line in lines:
        x = 20 if left else (WIDTH - art.textlength(line, _font(size))) / 2
        art.text((x, y), line, font=_font(size), fill=colour)
        y += size * 1.12
    billing = "   ".join(_plain_latin(name).upper() for name in names[:3])
    small = next((s for s in (11, 9) if art.textlength(billing, _font(s)) < WIDTH - 24), 7)
    x = (WIDTH - art.textlength(billing, _font(small))) / 2
    art.text((x, 12 if at_top else HEIGHT - 30), billing, font=_font(small), fill=palette.text)


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size)


def _wrapped(words: str, size: int) -> list[str]:
    room = max(8, int((WIDTH - 36) / (size * 0.6)))
    lines: list[str] = []
    for word in words.split():
        if lines and len(lines[-1]) + len(word) < room:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines or [""]


def _plain_latin(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode() or "?"
