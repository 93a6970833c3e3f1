"""What devices lie on, and what is behind it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFilter

from tl_core.data.drawn.colours import blend, clouds, gradient, hsv, scaled, some_colour

_SIZE = (448, 448)


def desk(rng: Generator) -> Image.Image:
    """Return what a desk, a cloth or a floor looks like from above."""
    kinds: list[Callable[[Generator], Image.Image]] = [
        _wood,
        _wood,
        _wood,
        _plain,
        _cloth,
        _stone,
        _checks,
    ]
    return kinds[rng.integers(len(kinds))](rng)


def backdrop(rng: Generator, side: int) -> Image.Image:
    """Return what is seen beyond the edge of the desk: a wall, perhaps with things out of focus."""
    first = some_colour(rng, (0.03, 0.5), (0.25, 0.95))
    wall = gradient((side, side), first, scaled(first, rng.uniform(0.5, 0.9)), rng.uniform(0, 3.1))
    pen = ImageDraw.Draw(wall)
    for _ in range(rng.integers(0, 9)):
        x, y = rng.uniform(-0.1, 1.0, 2) * side
        width, height = rng.uniform(0.06, 0.45, 2) * side
        shape = pen.ellipse if rng.random() < 0.4 else pen.rectangle
        shape((x, y, x + width, y + height), fill=some_colour(rng, (0.05, 0.75), (0.2, 1.0)))
    return wall.filter(ImageFilter.BoxBlur(rng.uniform(0.02, 0.06) * side))


def _wood(rng: Generator) -> Image.Image:
    hue, value = rng.uniform(0.05, 0.11), rng.uniform(0.35, 0.92)
    light = hsv(hue, rng.uniform(0.25, 0.65), value)
    grain = 0.5 * clouds(rng, _SIZE, (5, 60)) + 0.35 * clouds(rng, _SIZE, (3, 250))
    levels = grain + 0.15 * clouds(rng, _SIZE, (120, 500))
    boards = int(rng.integers(1, 7))
    row = np.linspace(0, boards, _SIZE[1], endpoint=False)
    tone = rng.uniform(-0.15, 0.15, boards)[row.astype(int)]
    seam = 0.5 * ((row % 1 < 0.012) & (boards > 1))
    levels = levels + (tone + seam)[:, None]
    wood = blend(levels, light, scaled(light, rng.uniform(0.45, 0.7)))
    return wood if rng.random() < 0.5 else wood.transpose(Image.Transpose.ROTATE_90)


def _plain(rng: Generator) -> Image.Image:
    first = some_colour(rng, (0.0, 0.4), (0.25, 0.97))
    last = scaled(first, rng.uniform(0.75, 0.95))
    return blend(clouds(rng, _SIZE, (3, 3)), first, last)


def _cloth(rng: Generator) -> Image.Image:
    first = some_colour(rng, (0.05, 0.5), (0.3, 0.9))
    x, y = np.meshgrid(np.arange(_SIZE[0]), np.arange(_SIZE[1]))
    step = rng.uniform(2.4, 5)
    weave = 0.25 * (np.sin(2 * np.pi * x / step) * np.sin(2 * np.pi * y / step) + 1)
    folds = 0.9 * clouds(rng, _SIZE, (4, 3)) - 0.2
    return blend(0.5 * weave + 0.7 * folds, first, scaled(first, 0.55))


def _stone(rng: Generator) -> Image.Image:
    first = some_colour(rng, (0.0, 0.18), (0.35, 0.97))
    mixed = clouds(rng, _SIZE, (4, 5)) + 0.25 * clouds(rng, _SIZE, (14, 14))
    veins = np.exp(-((np.abs(mixed - np.median(mixed)) / 0.03) ** 2))
    speckle = 0.25 * clouds(rng, _SIZE, _SIZE)
    strength = rng.choice([0.0, 0.4])
    return blend(strength * veins + speckle + 0.25 * mixed, first, scaled(first, 0.6))


def _checks(rng: Generator) -> Image.Image:
    first = some_colour(rng, (0.0, 0.45), (0.6, 0.97))
    last = scaled(first, rng.uniform(0.55, 0.8))
    x, y = np.meshgrid(np.arange(_SIZE[0]), np.arange(_SIZE[1]))
    step = rng.uniform(18, 60)
    across, along = (x // step) % 2, (y // step) % 2
    return blend(0.5 * (across + along) + 0.15 * clouds(rng, _SIZE, (60, 60)), first, last)
