"""Colours, and soft random patterns that surfaces and screens are made of."""

from __future__ import annotations

import colorsys

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image

from tl_core.data.drawn.scene import Colour

Levels = NDArray[np.float32]


def hsv(hue: float, saturation: float, value: float) -> Colour:
    """Return a colour by hue, saturation and value, each between 0 and 1 (hue goes around).

    >>> hsv(1.0, 1, 1)
    (255, 0, 0)
    """
    r, g, b = colorsys.hsv_to_rgb(hue % 1, min(saturation, 1), min(value, 1))
    return round(255 * r), round(255 * g), round(255 * b)


def some_colour(
    rng: Generator, saturation: tuple[float, float], value: tuple[float, float]
) -> Colour:
    """Return a colour of any hue with saturation and value in these ranges."""
    return hsv(rng.random(), rng.uniform(*saturation), rng.uniform(*value))


def scaled(colour: Colour, factor: float) -> Colour:
    """Return a colour made darker (below 1) or lighter.

    >>> scaled((100, 200, 0), 1.5)
    (150, 255, 0)
    """
    r, g, b = (min(255, round(part * factor)) for part in colour)
    return r, g, b


def gradient(size: tuple[int, int], first: Colour, last: Colour, slope: float) -> Image.Image:
    """Return a picture that goes from one colour to another.

    Args:
        size: width and height, in pixels.
        first: where it begins.
        last: where it ends.
        slope: direction, in radians; 0 goes to the right, π/2 down.
    """
    x, y = np.meshgrid(np.linspace(-1, 1, 32), np.linspace(-1, 1, 32))
    way = x * np.cos(slope) + y * np.sin(slope)
    return blend((way + 1.42) / 2.84, first, last).resize(size, Image.Resampling.BILINEAR)


def blend(levels: Levels, first: Colour, last: Colour) -> Image.Image:
    """Return a picture between two colours by levels between 0 and 1, shape `(height, width)`."""
    share = Image.fromarray((255 * np.clip(levels, 0, 1)).astype(np.uint8))
    return Image.composite(
        Image.new("RGB", share.size, last), Image.new("RGB", share.size, first), share
    )


def clouds(rng: Generator, size: tuple[int, int], cells: tuple[int, int]) -> Levels:
    """Return soft random levels between 0 and 1.

    Args:
        rng: where chance comes from.
        size: width and height, in pixels.
        cells: how many independent values stand beside and above one another.

    Returns:
        Shape `(height, width)`.
    """
    grid = Image.fromarray(rng.random(cells[::-1], np.float32))
    return np.asarray(grid.resize(size, Image.Resampling.BICUBIC))
