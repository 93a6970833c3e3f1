"""What devices are made of: the colour of their bodies, and a maker's mark."""

from __future__ import annotations

from numpy.random import Generator
from PIL import Image, ImageDraw

from tl_core.data.drawn.colours import gradient, scaled, some_colour
from tl_core.data.drawn.scene import Colour

_METALS: tuple[Colour, ...] = (
    (196, 198, 202), (150, 152, 158), (92, 95, 102), (44, 46, 52), (222, 205, 184),
)  # fmt: skip


def body(rng: Generator, metal: float) -> Colour:
    """Return the colour of a body; a metal's by the chance `metal`, else any."""
    if rng.random() < metal:
        return _METALS[rng.integers(len(_METALS))]
    return some_colour(rng, (0.2, 0.75), (0.3, 0.95))


def sheet(rng: Generator, size: tuple[int, int], colour: Colour) -> Image.Image:
    """Return a plain face of a body, one side of it nearer to the light."""
    return gradient(size, scaled(colour, 1.15), scaled(colour, 0.78), rng.uniform(0, 6.3))


def mark(rng: Generator, face: Image.Image, centre: tuple[float, float], r: float,
         colour: Colour) -> None:  # fmt: skip
    """Draw a maker's mark on a face: a ring, a disc or a bar, of about `r` pixels.

    Args:
        rng: where chance comes from.
        face: drawn on.
        centre: of the mark, in pixels.
        r: half its height or width.
        colour: of the body; the mark is darker or lighter.
    """
    (x, y), ink = centre, scaled(colour, rng.choice([0.6, 1.5]))
    pen = ImageDraw.Draw(face)
    around = (x - r, y - r, x + r, y + r)
    kind = rng.integers(3)
    if kind == 0:
        pen.ellipse(around, outline=ink, width=max(2, round(r / 4)))
    elif kind == 1:
        pen.ellipse(around, fill=ink)
    else:
        pen.rounded_rectangle((x - 2 * r, y - r / 3, x + 2 * r, y + r / 3), r / 3, ink)
