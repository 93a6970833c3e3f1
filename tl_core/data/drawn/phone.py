"""A phone: it lies on its back or its face, or stands upright."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from tl_core.data.drawn.colours import scaled
from tl_core.data.drawn.finish import body, mark, sheet
from tl_core.data.drawn.scene import Colour, Frame, Slab, on_desk, rounded, spun
from tl_core.data.drawn.screens import ON_PHONES, screen

_PIXELS = 22  # per centimetre
_THICKNESS = 0.8


def phone(rng: Generator) -> list[Slab]:
    """Return a phone of some size and colour, with its stand where it has one."""
    width, height = rng.uniform(6.4, 7.9), rng.uniform(13.2, 16.4)
    size = (round(width * _PIXELS), round(height * _PIXELS))
    colour = body(rng, metal=0.5)
    sideways = rng.random() < 0.08
    front, back = _front(rng, size, sideways), _back(rng, size, colour)
    outline = rounded(width, height, rng.uniform(0.6, 1.3))
    if rng.random() < 0.12 and not sideways:
        return _standing(rng, Slab(_FLAT, outline, _THICKNESS, colour, front, back))
    if rng.random() < 0.1:
        front, back = back, front
    frame = on_desk((0, 0), rng.uniform(-0.6, 0.6))
    return [Slab(frame, outline, _THICKNESS, colour, front, back)]


_FLAT = on_desk((0, 0), 0)


def _standing(rng: Generator, slab: Slab) -> list[Slab]:
    """Stand a slab on its lower edge, leaning back, in a small stand."""
    tilt, spin = rng.uniform(0.9, 1.35), spun(rng.uniform(-0.8, 0.8))
    c, s = np.cos(tilt), np.sin(tilt)
    axes = np.array([[1, 0, 0], [0, c, s], [0, -s, c]]) @ spin
    lift = np.array([0, 0, 0.6]) - slab.outline[:, 1].min() * axes[1]
    shape = rounded(0.6 * float(np.ptp(slab.outline[:, 0])), 6, 1)
    stand = Slab(Frame(np.zeros(3), spin), shape, 0.6, (70, 70, 76), _STAND)
    return [
        stand,
        Slab(Frame(lift, axes), slab.outline, _THICKNESS, slab.side, slab.front, slab.back),
    ]


_STAND = Image.new("RGB", (8, 8), (96, 96, 104))


def _front(rng: Generator, size: tuple[int, int], sideways: bool) -> Image.Image:
    """Return the screen in its frame; older phones have a chin with a button."""
    width, height = size
    face = Image.new("RGB", size, (16, 16, 18) if rng.random() < 0.8 else (236, 236, 238))
    old = rng.random() < 0.25
    rim = rng.uniform(0.02, 0.05) * width
    top = 0.12 * height if old else rim
    inner = (round(width - 2 * rim), round(height - 2 * top))
    if sideways:
        shown = screen(rng, inner[::-1], ON_PHONES).transpose(Image.Transpose.ROTATE_90)
    else:
        shown = screen(rng, inner, ON_PHONES)
    mask = Image.new("L", inner, 0)
    right, bottom = inner[0] - 1, inner[1] - 1
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, right, bottom), 2 if old else 0.09 * width, 255)
    face.paste(shown, (round(rim), round(top)), mask)

    pen, x, r = ImageDraw.Draw(face), width / 2, 0.035 * width
    if old:
        y, grey = height - top / 2, (120, 120, 124)
        pen.ellipse((x - 2 * r, y - 2 * r, x + 2 * r, y + 2 * r), outline=grey, width=2)
        pen.rounded_rectangle((x - 4 * r, top / 2 - 2, x + 4 * r, top / 2 + 2), 2, grey)
    elif rng.random() < 0.5:
        pen.ellipse((x - r, 2 * top, x + r, 2 * top + 2 * r), fill=(6, 6, 8))
    else:
        pen.rounded_rectangle((x - 6 * r, top, x + 6 * r, top + 2.4 * r), r, (6, 6, 8))
    return face


def _back(rng: Generator, size: tuple[int, int], colour: Colour) -> Image.Image:
    """Return the back: one to three lenses in a corner or the middle, and a mark."""
    face = sheet(rng, size, colour)
    pen = ImageDraw.Draw(face)
    unit, lenses = size[0] / 10, int(rng.integers(1, 4))
    left = unit if rng.random() < 0.7 else 3.4 * unit
    box = (left, unit, left + 3.2 * unit, unit * (1.6 + 2.2 * lenses))
    pen.rounded_rectangle(box, unit, scaled(colour, 0.6))
    for k in range(lenses):
        x, y = left + 1.6 * unit, unit * (2.4 + 2.2 * k)
        for share, glass in ((0.95, (20, 20, 24)), (0.6, (46, 50, 70)), (0.22, (150, 160, 200))):
            r = share * unit
            pen.ellipse((x - r, y - r, x + r, y + r), fill=glass)
    mark(rng, face, (size[0] / 2, size[1] * rng.uniform(0.45, 0.6)), unit, colour)
    return face
