"""A laptop, open at some angle."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from tl_core.data.drawn.colours import hsv, scaled
from tl_core.data.drawn.finish import body, mark, sheet
from tl_core.data.drawn.scene import Colour, Frame, Slab, on_desk, rounded
from tl_core.data.drawn.screens import ON_LAPTOPS, screen

_PIXELS = 13  # per centimetre
_BASE, _LID = 1.2, 0.6  # thickness


def laptop(rng: Generator) -> list[Slab]:
    """Return a laptop of some size and colour: its base, then its lid."""
    width = rng.uniform(28, 36)
    depth = width * rng.uniform(0.63, 0.72)
    size = (round(width * _PIXELS), round(depth * _PIXELS))
    colour = body(rng, metal=0.85)
    outline = rounded(width, depth, rng.uniform(0.4, 1.4))
    deck = _deck(rng, size, colour)
    base = Slab(on_desk((0, -depth / 2), 0), outline, _BASE, scaled(colour, 0.6), deck)

    angle = rng.uniform(1.45, 2.3)
    c, s = np.cos(angle), np.sin(angle)
    axes = np.array([[1, 0, 0], [0, -c, s], [0, -s, -c]])
    hinge = np.array([0, 0, _BASE])
    middle = hinge + depth / 2 * axes[1] - _LID * axes[2]
    lid = sheet(rng, size, colour)
    mark(rng, lid, (size[0] / 2, size[1] / 2), 0.07 * size[1], colour)
    front = _front(rng, size)
    return [base, Slab(Frame(middle, axes), outline, _LID, scaled(colour, 0.7), front, lid)]


def _front(rng: Generator, size: tuple[int, int]) -> Image.Image:
    """Return the screen in its frame, with a camera above it."""
    width, height = size
    face = Image.new("RGB", size, (18, 18, 20) if rng.random() < 0.8 else (206, 207, 210))
    rim, top, chin = (
        rng.uniform(0.015, 0.05) * width,
        0.05 * height,
        rng.uniform(0.05, 0.11) * height,
    )
    inner = (round(width - 2 * rim), round(height - top - chin))
    face.paste(screen(rng, inner, ON_LAPTOPS), (round(rim), round(top)))
    x, y = width / 2, top / 2
    ImageDraw.Draw(face).ellipse((x - 2, y - 2, x + 2, y + 2), fill=(70, 74, 90))
    return face


def _deck(rng: Generator, size: tuple[int, int], colour: Colour) -> Image.Image:
    """Return the keyboard and the touchpad."""
    width, height = size
    face = sheet(rng, size, colour)
    pen = ImageDraw.Draw(face)
    key: Colour = (28, 28, 32) if sum(colour) > 330 else scaled(colour, 1.9)
    glow = hsv(rng.random(), 0.7, 1.0) if rng.random() < 0.12 else None
    left, top, right = 0.06 * width, 0.08 * height, 0.94 * width
    bottom = rng.uniform(0.52, 0.6) * height
    pen.rounded_rectangle((left - 4, top - 4, right + 4, bottom + 4), 5, scaled(colour, 0.72))
    rows, columns = int(rng.integers(5, 7)), int(rng.integers(13, 16))
    across, down = (right - left) / columns, (bottom - top) / rows
    keys = [(row, column, 1) for row in range(rows) for column in range(columns)]
    space = [(rows - 1, 4, 5)]
    for row, column, wide in keys + space:
        x, y = left + column * across, top + row * down
        box = (x + 1, y + 1, x + wide * across - 1.5, y + down - 1.5)
        pen.rounded_rectangle(box, 2, key, outline=glow)
    pad = rng.uniform(0.16, 0.22) * width
    box = (width / 2 - pad, bottom + 0.07 * height, width / 2 + pad, 0.95 * height)
    pen.rounded_rectangle(box, 4, scaled(colour, 0.93), outline=scaled(colour, 0.7))
    return face
