"""Painting onto a canvas: the desk, the shadows on it, and slabs, from far to near.

A flat thing seen at an angle is a projective map of its picture, which Pillow computes; the body
of a convex slab is the convex hull of its two faces' outlines.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from tl_core.data.drawn.scene import Camera, Frame, Points, Slab, on_desk


def paint_ground(canvas: Image.Image, view: Camera, texture: Image.Image, extent: Points) -> None:
    """Lay a texture over the desk.

    Args:
        canvas: RGB, painted on.
        view: where from.
        texture: what the desk looks like from above.
        extent: its left, near, right and far edge, shape `(4,)`.
    """
    left, near, right, far = extent
    frame = on_desk([(left + right) / 2, (near + far) / 2], 0)
    to_canvas = _homography(view, frame, texture, right - left, far - near, 0.0)
    # The part of the plane behind the camera would appear above the horizon.
    x, y, one = np.linalg.inv(to_canvas)[2]
    ahead = view.see(frame.origin[None])[0] @ [x, y] + one
    pixels = np.arange(view.side)
    depth = (x * pixels[None, :] + y * pixels[:, None] + one) / ahead
    mask = Image.fromarray((255 * (depth > 0)).astype(np.uint8))
    seen = _warp(texture.convert("RGBA"), to_canvas, view.side)
    canvas.paste(seen, mask=ImageChops.darker(mask, seen.getchannel("A")))


def paint_shadows(
    canvas: Image.Image, view: Camera, slabs: Sequence[Slab], light: Points, softness: float
) -> None:
    """Darken the desk where slabs keep the light away.

    Args:
        canvas: RGB, painted on.
        view: where from.
        slabs: what stands in the light.
        light: direction towards it, shape `(3,)`.
        softness: of the shadow's edge, as a share of the canvas.
    """
    mask = Image.new("L", canvas.size, 0)
    pen = ImageDraw.Draw(mask)
    for slab in slabs:
        points = slab.corners()
        fallen = points - points[:, 2:] / light[2] * light
        pen.polygon(_polygon(view.see(fallen)), fill=150)
    mask = mask.filter(ImageFilter.BoxBlur(softness * view.side))
    mask = mask.filter(ImageFilter.BoxBlur(softness * view.side / 2))
    canvas.paste((14, 12, 18), mask=mask)


def paint_slab(canvas: Image.Image, view: Camera, slab: Slab) -> None:
    """Paint one slab over what is there already."""
    pen = ImageDraw.Draw(canvas)
    pen.polygon(_polygon(view.see(slab.corners())), fill=slab.side)
    front = slab.frame.place(np.zeros((1, 2)), slab.thickness)[0]
    if (view.position - front) @ slab.frame.axes[2] > 0:
        face, height = slab.front, slab.thickness
    elif slab.back is not None:
        face, height = slab.back.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 0.0
    else:
        return
    width, length = np.ptp(slab.outline, axis=0)
    to_canvas = _homography(view, slab.frame, face, width, length, height)
    seen = _warp(face, to_canvas, view.side)
    shape = Image.new("L", canvas.size, 0)
    outline = _polygon(view.see(slab.frame.place(slab.outline, height)))
    ImageDraw.Draw(shape).polygon(outline, fill=255)
    canvas.paste(seen, mask=shape)


def _homography(
    view: Camera, frame: Frame, face: Image.Image, width: float, length: float, height: float
) -> Points:
    """Return the matrix from pixels of a face to pixels of the canvas, shape `(3, 3)`."""
    u, v, n = frame.axes
    plane = np.column_stack([u, v, frame.origin + height * n])
    to_canvas = view.matrix @ np.vstack([plane, [0, 0, 1]])
    # A pixel of the face lies beyond each edge, so that no rim shows between face and outline.
    u_step, v_step = width / (face.width - 2), length / (face.height - 2)
    scale = np.array(
        [[u_step, 0, -width / 2 - u_step], [0, -v_step, length / 2 + v_step], [0, 0, 1]]
    )
    return cast(Points, to_canvas @ scale)


def _warp(face: Image.Image, to_canvas: Points, side: int) -> Image.Image:
    back = np.linalg.inv(to_canvas)
    back = back / back[2, 2]
    return face.transform(
        (side, side),
        Image.Transform.PERSPECTIVE,
        tuple(back.ravel()[:8]),
        Image.Resampling.BILINEAR,
    )


def _polygon(points: Points) -> list[tuple[float, float]]:
    """Return the convex hull of points on the canvas (Andrew's monotone chain)."""
    ordered = sorted(map(tuple, points.tolist()))
    hull: list[tuple[float, float]] = []
    for way in (ordered, ordered[::-1]):
        half: list[tuple[float, float]] = []
        for x, y in way:
            while len(half) > 1 and _turn(half[-2], half[-1], (x, y)) <= 0:
                half.pop()
            half.append((x, y))
        hull += half[:-1]
    return hull


def _turn(a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
