"""The pictures on drawn posters: sixteen scenes of silhouettes, suns, towns and beasts."""

import math
from collections.abc import Callable, Mapping
from random import Random
from typing import NamedTuple

from PIL import ImageDraw

WIDTH, HEIGHT = 342, 513
"""Pixels of a drawn poster: TMDb's 2:3."""

Colour = tuple[int, int, int]
Draw = ImageDraw.ImageDraw


class Palette(NamedTuple):
    """The colours of a poster: sky, ground, accent, silhouettes, type."""

    top: Colour
    bottom: Colour
    accent: Colour
    ink: Colour
    text: Colour


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return the colour that lies `share` (0..1) of the way from `first` to `second`."""
    r, g, b = (round(a + (z - a) * share) for a, z in zip(first, second, strict=True))
    return r, g, b


Scene = Callable[[Draw, Random, Palette], None]


def _disc(art: Draw, x: float, y: float, r: float, colour: Colour) -> None:
    art.ellipse((x - r, y - r, x + r, y + r), fill=colour)


def _person(art: Draw, x: float, base: float, size: float, colour: Colour, hat: bool = False) -> None:
    """Draw a standing figure in a coat, seen from behind, `size` pixels high."""
    head, shoulder, hem = size * 0.066, size * 0.125, size * 0.115
    neck = base - size + head * 2.2
    _disc(art, x, base - size + head, head, colour)
    art.rectangle((x - head * 0.4, neck - head * 0.6, x + head * 0.4, neck + head), fill=colour)
    art.rounded_rectangle(
        (x - shoulder, neck, x + shoulder, neck + size * 0.2), radius=size * 0.055, fill=colour
    )
    for side in (-1, 1):
        arm = x + side * shoulder * 0.86
        art.line(
            (arm, neck + size * 0.06, arm + side * size * 0.03, base - size * 0.43),
            fill=colour,
            width=round(size * 0.06) + 1,
        )
        leg = x + side * size * 0.048
        art.line(
            (leg, base - size * 0.4, leg + side * size * 0.012, base),
            fill=colour,
            width=round(size * 0.062) + 1,
        )
    art.polygon(
        [
            (x - shoulder * 0.92, neck + size * 0.1),
            (x + shoulder * 0.92, neck + size * 0.1),
            (x + shoulder * 0.72, base - size * 0.5),
            (x + hem, base - size * 0.26),
            (x - hem, base - size * 0.26),
            (x - shoulder * 0.72, base - size * 0.5),
        ],
        fill=colour,
    )
    if hat:
        art.ellipse((x - head * 2.1, base - size, x + head * 2.1, base - size + head * 0.9), fill=colour)
        art.rectangle((x - head, base - size - head * 0.8, x + head, base - size + head * 0.5), fill=colour)


def _ridge(art: Draw, rng: Random, level: float, rough: float, colour: Colour, steps: int = 9) -> None:
    points = [(WIDTH * i / steps, level + rng.uniform(-rough, rough)) for i in range(steps + 1)]
    art.polygon([(0.0, float(HEIGHT)), *points, (float(WIDTH), float(HEIGHT))], fill=colour)


def _horizon(art: Draw, rng: Random, p: Palette) -> None:
    level = rng.uniform(0.55, 0.74) * HEIGHT
    _disc(
        art,
        rng.uniform(0.2, 0.8) * WIDTH,
        level - rng.uniform(-10, 110),
        rng.uniform(24, 80),
        mix(p.accent, p.top, 0.25),
    )
    art.rectangle((0, level, WIDTH, HEIGHT), fill=mix(p.bottom, p.ink, 0.45))
    for _ in range(14):
        y = level + (HEIGHT - level) * rng.random() ** 2
        x = rng.uniform(0, WIDTH)
        art.line((x, y, x + rng.uniform(20, 90), y), fill=mix(p.bottom, p.accent, 0.35), width=1)
    if rng.random() < 0.6:
        _person(art, rng.uniform(0.25, 0.75) * WIDTH, level + rng.uniform(8, 50), rng.uniform(60, 130), p.ink)


def _mountains(art: Draw, rng: Random, p: Palette) -> None:
    _disc(
        art,
        rng.uniform(0.2, 0.8) * WIDTH,
        rng.uniform(0.2, 0.4) * HEIGHT,
        rng.uniform(18, 50),
        mix(p.accent, p.top, 0.2),
    )
    for i, level in enumerate((0.48, 0.60, 0.74)):
        _ridge(
            art,
            rng,
            HEIGHT * level,
            62 - 14 * i,
            mix(p.bottom, p.ink, 0.2 + 0.27 * i),
            steps=rng.randint(5, 8),
        )
    _person(art, rng.uniform(0.3, 0.7) * WIDTH, HEIGHT * 0.79, rng.uniform(40, 90), p.ink)


def _hills(art: Draw, rng: Random, p: Palette) -> None:
    for _ in range(4):
        x, y = rng.uniform(0, WIDTH), rng.uniform(30, 200)
        for i in range(4):
            _disc(
                art,
                x + i * 18,
                y + rng.uniform(-6, 6),
                rng.uniform(14, 24),
                mix(p.top, (255, 255, 255), 0.7),
            )
    for i in range(3):
        x = WIDTH * (0.15 + 0.35 * i) + rng.uniform(-20, 20)
        r = rng.uniform(150, 230)
        _disc(art, x, HEIGHT * 0.66 + r + i * 16, r, mix(p.bottom, p.ink, 0.08 + 0.13 * i))
    for _ in range(rng.randint(1, 3)):
        _creature(
            art,
            rng,
            rng.uniform(0.2, 0.8) * WIDTH,
            rng.uniform(0.68, 0.8) * HEIGHT,
            rng.uniform(22, 46),
            p.accent,
        )


def _creature(art: Draw, rng: Random, x: float, y: float, r: float, colour: Colour) -> None:
    """Draw a round animal with ears and eyes."""
    ear = rng.uniform(0.35, 0.8) * r
    for side in (-1, 1):
        tip = (x + side * r * 0.75, y - r - ear)
        art.polygon(
            [(x + side * r * 0.25, y - r * 0.8), tip, (x + side * r * 0.95, y - r * 0.3)], fill=colour
        )
    _disc(art, x, y, r, colour)
    for side in (-1, 1):
        _disc(art, x + side * r * 0.36, y - r * 0.15, r * 0.26, (255, 255, 255))
        _disc(art, x + side * r * 0.36, y - r * 0.12, r * 0.12, (20, 20, 24))
    art.arc(
        (x - r * 0.4, y, x + r * 0.4, y + r * 0.55), 15, 165, fill=(40, 24, 24), width=max(2, round(r / 12))
    )


def _blobs(art: Draw, rng: Random, p: Palette) -> None:
    for _ in range(rng.randint(5, 10)):
        share = rng.random()
        _disc(
            art,
            rng.uniform(0, WIDTH),
            rng.uniform(0, HEIGHT),
            rng.uniform(16, 90),
            mix(p.accent, p.top, share),
        )
    _creature(
        art,
        rng,
        WIDTH / 2 + rng.uniform(-30, 30),
        HEIGHT * rng.uniform(0.45, 0.6),
        rng.uniform(60, 96),
        p.accent,
    )


def _burst(art: Draw, rng: Random, p: Palette) -> None:
    x, y = WIDTH * rng.uniform(0.35, 0.65), HEIGHT * rng.uniform(0.4, 0.6)
    rays = rng.randint(9, 16)
    for i in range(rays):
        a, b = math.tau * i / rays, math.tau * (i + 0.5) / rays
        far = [(x + 700 * math.cos(t), y + 700 * math.sin(t)) for t in (a, b)]
        art.polygon([(x, y), *far], fill=mix(p.top, p.accent, 0.32))
    _person(art, x, HEIGHT * 0.84, rng.uniform(190, 270), p.ink, hat=rng.random() < 0.2)


def _figure(art: Draw, rng: Random, p: Palette) -> None:
    _disc(art, WIDTH / 2, HEIGHT * 0.42, rng.uniform(90, 150), mix(p.accent, p.top, 0.45))
    _person(
        art,
        WIDTH * rng.uniform(0.4, 0.6),
        HEIGHT * 0.88,
        rng.uniform(270, 360),
        p.ink,
        hat=rng.random() < 0.25,
    )


def _portrait(art: Draw, rng: Random, p: Palette) -> None:
    x, y, r = WIDTH * rng.uniform(0.42, 0.58), HEIGHT * rng.uniform(0.34, 0.42), rng.uniform(74, 104)
    skin = mix(mix(p.accent, (205, 165, 140), 0.55), p.ink, rng.uniform(0.1, 0.5))
    art.ellipse((x - r * 0.95, y - r * 1.25, x + r * 0.95, y + r * 1.2), fill=p.ink)
    art.polygon([(x - r * 2, HEIGHT), (x - r * 1.5, y + r * 1.75), (x, y + r), (x + r * 1.5, y + r * 1.75),
                 (x + r * 2, HEIGHT)],
                fill=mix(p.ink, p.accent, 0.15))  # fmt: skip
    art.polygon([(x - r * 0.3, y + r * 0.8), (x + r * 0.3, y + r * 0.8), (x + r * 0.42, y + r * 1.55),
                 (x - r * 0.42, y + r * 1.55)],
                fill=mix(skin, p.ink, 0.3))  # fmt: skip
    art.ellipse((x - r * 0.72, y - r * 0.95, x + r * 0.72, y + r * 1.08), fill=skin)
    art.pieslice(
        (x - r * 0.72, y - r * 0.95, x + r * 0.72, y + r * 1.08), 270, 90, fill=mix(skin, p.ink, 0.45)
    )
    for side in (-1, 1):
        eye = (x + side * r * 0.32 - r * 0.13, y - r * 0.08, x + side * r * 0.32 + r * 0.13, y + r * 0.06)
        art.ellipse(eye, fill=p.ink)
    art.line((x - r * 0.2, y + r * 0.6, x + r * 0.2, y + r * 0.6), fill=mix(skin, p.ink, 0.7), width=4)


def _pair(art: Draw, rng: Random, p: Palette) -> None:
    _disc(art, WIDTH / 2, HEIGHT * 0.5, rng.uniform(110, 150), mix(p.accent, p.top, 0.5))
    size = rng.uniform(210, 290)
    gap = size * rng.uniform(0.15, 0.22)
    _person(art, WIDTH / 2 - gap, HEIGHT * 0.86, size, p.ink)
    _person(art, WIDTH / 2 + gap, HEIGHT * 0.86, size * 0.93, mix(p.ink, p.accent, 0.45))


def _row(art: Draw, rng: Random, p: Palette) -> None:
    art.rectangle((0, HEIGHT * 0.78, WIDTH, HEIGHT), fill=mix(p.bottom, p.ink, 0.4))
    count = rng.randint(3, 6)
    for i in range(count):
        share = rng.random() * 0.6
        x = WIDTH * (i + 0.5) / count
        _person(
            art,
            x,
            HEIGHT * 0.82,
            rng.uniform(150, 215),
            mix(p.ink, p.accent, share),
            hat=rng.random() < 0.15,
        )


def _skyline(art: Draw, rng: Random, p: Palette) -> None:
    x = 0.0
    while x < WIDTH:
        wide, high = rng.uniform(18, 52), rng.uniform(90, 300)
        art.rectangle(
            (x, HEIGHT * 0.86 - high, x + wide, HEIGHT), fill=mix(p.ink, p.top, rng.uniform(0.0, 0.3))
        )
        for _ in range(int(high / 16)):
            if rng.random() < 0.4:
                wx, wy = x + rng.uniform(4, max(5.0, wide - 8)), HEIGHT * 0.86 - rng.uniform(0, high - 8)
                art.rectangle((wx, wy, wx + 3, wy + 5), fill=p.accent)
        x += wide
    _person(
        art,
        WIDTH * rng.uniform(0.3, 0.7),
        HEIGHT * 0.9,
        rng.uniform(150, 250),
        (8, 8, 10),
        hat=rng.random() < 0.3,
    )


def _stripes(art: Draw, rng: Random, p: Palette) -> None:
    slant, wide = rng.uniform(-160, 160), rng.uniform(24, 64)
    for i in range(-6, 20):
        if i % 2:
            x = i * wide
            art.polygon(
                [(x, 0), (x + wide, 0), (x + wide + slant, HEIGHT), (x + slant, HEIGHT)],
                fill=mix(p.top, p.accent, 0.3),
            )
    if rng.random() < 0.6:
        _person(
            art,
            WIDTH * rng.uniform(0.3, 0.7),
            HEIGHT * 0.85,
            rng.uniform(170, 280),
            p.ink,
            hat=rng.random() < 0.3,
        )
    else:
        _disc(art, WIDTH / 2, HEIGHT * 0.48, rng.uniform(60, 110), p.ink)


def _house(art: Draw, rng: Random, p: Palette) -> None:
    _disc(
        art,
        rng.uniform(0.2, 0.8) * WIDTH,
        HEIGHT * rng.uniform(0.16, 0.34),
        rng.uniform(22, 48),
        mix(p.accent, (255, 255, 240), 0.6),
    )
    _ridge(art, rng, HEIGHT * 0.76, 12, p.ink, steps=6)
    x, y, w, h = WIDTH * rng.uniform(0.3, 0.5), HEIGHT * 0.5, rng.uniform(80, 120), HEIGHT * 0.27
    art.rectangle((x, y, x + w, y + h), fill=p.ink)
    art.polygon([(x - 14, y), (x + w * 0.5, y - rng.uniform(50, 90)), (x + w + 14, y)], fill=p.ink)
    art.rectangle((x + w * 0.7, y - 74, x + w * 0.83, y - 10), fill=p.ink)
    for _ in range(rng.randint(1, 3)):
        wx, wy = x + rng.uniform(10, w - 22), y + rng.uniform(12, h - 60)
        art.rectangle((wx, wy, wx + 12, wy + 20), fill=p.accent)
    for side in (0.06, 0.9):  # bare trees
        tx = WIDTH * side
        art.line((tx, HEIGHT * 0.8, tx + rng.uniform(-8, 8), HEIGHT * 0.36), fill=p.ink, width=7)
        for _ in range(6):
            ty = HEIGHT * rng.uniform(0.36, 0.62)
            art.line((tx, ty, tx + rng.uniform(-60, 60), ty - rng.uniform(12, 60)), fill=p.ink, width=3)


def _moon(art: Draw, rng: Random, p: Palette) -> None:
    x, r = WIDTH * rng.uniform(0.35, 0.65), rng.uniform(70, 125)
    _disc(art, x, HEIGHT * 0.4, r * 1.18, mix(p.top, p.accent, 0.25))
    _disc(art, x, HEIGHT * 0.4, r, mix(p.accent, (255, 250, 235), 0.5))
    _ridge(art, rng, HEIGHT * 0.72, 22, p.ink)
    for i in range(16):
        tx, high = WIDTH * (i + rng.random()) / 16, rng.uniform(40, 150)
        art.polygon(
            [(tx - 12, HEIGHT * 0.78), (tx, HEIGHT * 0.76 - high), (tx + 12, HEIGHT * 0.78)], fill=p.ink
        )
    _person(art, x + rng.uniform(-30, 30), HEIGHT * 0.75, rng.uniform(70, 120), p.ink)


def _planet(art: Draw, rng: Random, p: Palette) -> None:
    for _ in range(130):
        _disc(
            art,
            rng.uniform(0, WIDTH),
            rng.uniform(0, HEIGHT),
            rng.choice((0.5, 0.8, 1.3)),
            mix(p.accent, (255, 255, 255), 0.7),
        )
    x, y, r = WIDTH * rng.uniform(0.2, 0.8), HEIGHT * rng.uniform(0.35, 0.75), rng.uniform(80, 190)
    for i in range(10):
        _disc(
            art,
            x + i * r * 0.035,
            y + i * r * 0.03,
            r * (1 - 0.035 * i),
            mix(p.accent, p.bottom, 0.1 + 0.085 * i),
        )
    if rng.random() < 0.5:
        art.arc(
            (x - r * 1.6, y - r * 0.4, x + r * 1.6, y + r * 0.4),
            0,
            360,
            fill=mix(p.accent, (255, 255, 255), 0.4),
            width=4,
        )
    if rng.random() < 0.5:
        sx, sy = rng.uniform(0.2, 0.8) * WIDTH, rng.uniform(0.2, 0.5) * HEIGHT
        art.polygon(
            [(sx, sy - 34), (sx + 9, sy + 8), (sx + 20, sy + 18), (sx - 20, sy + 18), (sx - 9, sy + 8)],
            fill=p.ink,
        )


def _mesa(art: Draw, rng: Random, p: Palette) -> None:
    _disc(
        art,
        WIDTH * rng.uniform(0.25, 0.75),
        HEIGHT * rng.uniform(0.3, 0.5),
        rng.uniform(45, 95),
        mix(p.accent, p.top, 0.35),
    )
    for _ in range(3):
        x, wide, high = rng.uniform(-40, WIDTH), rng.uniform(60, 130), rng.uniform(50, 130)
        base = HEIGHT * 0.7
        art.polygon(
            [(x, base), (x + 14, base - high), (x + wide - 14, base - high), (x + wide, base)],
            fill=mix(p.bottom, p.ink, 0.3),
        )
    art.rectangle((0, HEIGHT * 0.7, WIDTH, HEIGHT), fill=mix(p.bottom, p.ink, 0.55))
    _person(art, WIDTH * rng.uniform(0.3, 0.7), HEIGHT * 0.84, rng.uniform(130, 230), p.ink, hat=True)


def _plain(art: Draw, rng: Random, p: Palette) -> None:
    inset = rng.randint(14, 34)
    art.rectangle((inset, inset, WIDTH - inset, HEIGHT - inset), outline=p.accent, width=rng.randint(1, 4))
    if rng.random() < 0.6:
        box = (WIDTH * 0.22, HEIGHT * 0.22, WIDTH * 0.78, HEIGHT * 0.62)
        art.rectangle(box, fill=mix(p.accent, p.bottom, 0.3))
        _person(art, WIDTH / 2, HEIGHT * 0.62, rng.uniform(100, 160), p.ink)


SCENES: Mapping[str, Scene] = {
    "horizon": _horizon,
    "mountains": _mountains,
    "hills": _hills,
    "blobs": _blobs,
    "burst": _burst,
    "figure": _figure,
    "portrait": _portrait,
    "pair": _pair,
    "row": _row,
    "skyline": _skyline,
    "stripes": _stripes,
    "house": _house,
    "moon": _moon,
    "planet": _planet,
    "mesa": _mesa,
    "plain": _plain,
}
"""Each draws on a gradient from sky to ground, by name."""
