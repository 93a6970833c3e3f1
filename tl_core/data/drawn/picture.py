"""One drawn picture: a device on a desk, photographed in some light."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from PIL import Image, ImageFilter

from tl_core.data.drawn.colours import clouds
from tl_core.data.drawn.laptop import laptop
from tl_core.data.drawn.paint import paint_ground, paint_shadows, paint_slab
from tl_core.data.drawn.phone import phone
from tl_core.data.drawn.scene import Slab, camera
from tl_core.data.drawn.surfaces import backdrop, desk
from tl_core.data.drawn.things import beside

SIDE = 192
"""Of a finished picture, in pixels."""

_EDITION = 9  # another number draws another set
_FINER = 2  # composed at twice that size, for clean edges

DEVICES: dict[str, Callable[[Generator], list[Slab]]] = {"laptops": laptop, "phones": phone}


def draw(kind: str, number: int) -> bytes:
    """Return a picture as a JPEG; the same bytes on every call.

    Args:
        kind: "laptops" or "phones".
        number: which picture of that kind; every number gives another one.
    """
    rng = np.random.default_rng((_EDITION, list(DEVICES).index(kind), number))
    image = _photograph(rng, DEVICES[kind](rng))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=int(rng.integers(84, 94)))
    return buffer.getvalue()


def _photograph(rng: Generator, device: list[Slab]) -> Image.Image:
    side = SIDE * _FINER
    points = np.concatenate([slab.corners() for slab in device])
    extent = float(np.ptp(points, axis=0).max())
    around = beside(rng, device, extent)
    # From high above, something that stands shows nothing but its edge.
    standing = device[-1].frame.axes[2, 2] < 0.6
    view = camera(
        device,
        side=side,
        turn=rng.uniform(-0.5, 0.5),
        rise=rng.uniform(*((0.3, 0.9) if standing else (0.8, 1.5))),
        roll=rng.normal(0, 0.04),
        fill=rng.uniform(0.75, 1.0),
        shift=tuple(rng.uniform(-0.08, 0.08, 2)),
    )
    light = np.array([*rng.uniform(-0.8, 0.8, 2), rng.uniform(0.8, 1.6)])
    light /= np.linalg.norm(light)

    canvas = backdrop(rng, side)
    reach = rng.uniform(1.6, 3.5) * extent
    paint_ground(canvas, view, desk(rng), np.array([-reach, -reach, reach, reach]))
    paint_shadows(canvas, view, [*device, *around], light, rng.uniform(0.004, 0.03))
    for slab in sorted(around, key=view.distance, reverse=True):
        paint_slab(canvas, view, slab)
    for slab in device:
        paint_slab(canvas, view, slab)
    return _develop(rng, canvas.reduce(_FINER))


def _develop(rng: Generator, image: Image.Image) -> Image.Image:
    """Give a clean picture the light, the noise and the blur of a photo."""
    if rng.random() < 0.3:
        image = image.filter(ImageFilter.GaussianBlur(rng.uniform(0.3, 0.9)))
    pixels = np.asarray(image, np.float64) / 255
    bright = rng.uniform(0.9, 1.2) * (0.8 + 0.4 * clouds(rng, image.size, (3, 3)))
    tint = 1 + rng.uniform(-0.08, 0.08) * np.array([1.0, 0.1, -1.0])
    pixels = np.clip(pixels * bright[..., None] * tint, 0, 1) ** rng.uniform(0.8, 1.15)
    pixels += rng.normal(0, rng.uniform(0.004, 0.022), pixels.shape)
    return Image.fromarray(np.uint8(np.clip(255 * pixels, 0, 255).round()))
