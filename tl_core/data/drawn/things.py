"""Things that lie about on a desk, so that a device is not the only shape in the picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw

from tl_core.data.drawn.colours import gradient, scaled, some_colour
from tl_core.data.drawn.scene import Frame, Points, Slab, disc, on_desk, rounded


def beside(rng: Generator, device: Sequence[Slab], scale: float) -> list[Slab]:
    """Return a few things around a device that do not touch it.

    Args:
        rng: where chance comes from.
        device: what they must not touch.
        scale: how large the picture's world is, in centimetres; things are kept within it.
    """
    kinds: list[Callable[[Generator, Points], list[Slab]]] = [_cup, _pen, _paper, _book, _note]
    taken = [(slab.corners()[:, :2].mean(0), _reach(slab)) for slab in device]
    placed: list[Slab] = []
    for _ in range(int(rng.integers(0, 7))):
        made = kinds[rng.integers(len(kinds))](rng, _spot(rng, scale))
        middle, reach = made[0].corners()[:, :2].mean(0), max(map(_reach, made))
        free = all(np.linalg.norm(middle - other) > reach + far for other, far in taken)
        if free:
            placed += made
            taken.append((middle, reach))
    return placed


def _reach(slab: Slab) -> float:
    ground = slab.corners()[:, :2]
    return float(np.linalg.norm(ground - ground.mean(0), axis=1).max())


def _spot(rng: Generator, scale: float) -> Points:
    angle, far = rng.uniform(0, 2 * np.pi), scale * rng.uniform(0.6, 1.5)
    return np.array([far * np.cos(angle), far * np.sin(angle)])


def _flat(rng: Generator, spot: Points) -> Frame:
    return on_desk(spot, rng.uniform(0, 2 * np.pi))


def _cup(rng: Generator, spot: Points) -> list[Slab]:
    """Return a cup: the wall, and inside it the drink."""
    radius, height = rng.uniform(3.4, 4.6), rng.uniform(6, 10)
    colour = some_colour(rng, (0.0, 0.85), (0.4, 0.98))
    drink = [(62, 36, 20), (120, 78, 48), (150, 90, 30), (235, 235, 230)][rng.integers(4)]
    top = Image.new("RGB", (96, 96), scaled(colour, 1.1))
    pen = ImageDraw.Draw(top)
    pen.ellipse((6, 6, 90, 90), fill=scaled(colour, 0.6))
    pen.ellipse((9, 12, 87, 90), fill=drink)
    frame = _flat(rng, spot)
    side = frame.origin + frame.axes[0] * (radius + 0.8) + [0, 0, 0.25 * height]
    plain = Image.new("RGB", (8, 8), colour)
    grip = Slab(Frame(side, frame.axes), rounded(3.2, 1.2, 0.5), 0.5 * height, colour, plain)
    return [grip, Slab(frame, disc(radius), height, scaled(colour, 0.85), top)]


def _pen(rng: Generator, spot: Points) -> list[Slab]:
    colour = some_colour(rng, (0.2, 1.0), (0.2, 0.95))
    look = gradient((120, 12), scaled(colour, 1.3), scaled(colour, 0.7), np.pi / 2)
    ImageDraw.Draw(look).rectangle((0, 0, 12, 12), fill=scaled(colour, 0.4))
    return [Slab(_flat(rng, spot), rounded(14, 0.9, 0.4), 0.8, scaled(colour, 0.6), look)]


def _written(rng: Generator, size: tuple[int, int]) -> Image.Image:
    paper = Image.new("RGB", size, some_colour(rng, (0.0, 0.12), (0.9, 1.0)))
    pen = ImageDraw.Draw(paper)
    ink = some_colour(rng, (0.0, 0.7), (0.15, 0.55))
    for y in range(14, size[1] - 10, int(rng.integers(8, 14))):
        pen.line((10, y, size[0] * rng.uniform(0.5, 0.95), y), ink, 2)
    return paper


def _paper(rng: Generator, spot: Points) -> list[Slab]:
    look = _written(rng, (150, 210))
    return [Slab(_flat(rng, spot), rounded(15, 21, 0.1), 0.1, (215, 215, 210), look)]


def _book(rng: Generator, spot: Points) -> list[Slab]:
    colour = some_colour(rng, (0.2, 0.9), (0.2, 0.85))
    look = gradient((120, 170), scaled(colour, 1.1), scaled(colour, 0.85), rng.uniform(0, 6.3))
    pen = ImageDraw.Draw(look)
    pen.rectangle((0, 0, 9, 170), fill=scaled(colour, 0.6))
    pen.rectangle(
        (28, 30, 102, 30 + int(rng.integers(12, 50))), fill=some_colour(rng, (0, 0.5), (0.6, 1))
    )
    return [Slab(_flat(rng, spot), rounded(12, 17, 0.3), rng.uniform(1, 3), (226, 220, 205), look)]


def _note(rng: Generator, spot: Points) -> list[Slab]:
    look = _written(rng, (76, 76))
    tint = Image.new("RGB", look.size, some_colour(rng, (0.4, 0.7), (0.9, 1.0)))
    return [
        Slab(
            _flat(rng, spot),
            rounded(7.6, 7.6, 0.1),
            0.3,
            (200, 190, 120),
            Image.blend(tint, look, 0.35),
        )
    ]
