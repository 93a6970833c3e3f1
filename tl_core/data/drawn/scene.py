"""A camera, and slabs to look at: a phone, a lid, a book and a cup are all flat convex things.

Lengths are in centimetres. The desk is the plane z = 0; x points right, y away from a person
sitting at it, z up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Points = NDArray[np.float64]
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Frame:
    """A plane in space.

    Attributes:
        origin: where its (0, 0) lies, shape `(3,)`.
        axes: rows are the directions of its u, its v and its front side, shape `(3, 3)`.
    """

    origin: Points
    axes: Points

    def place(self, flat: Points, height: float) -> Points:
        """Return points `(n, 2)` of the plane, raised to its front by `height`, in space."""
        placed: Points = self.origin + flat @ self.axes[:2] + height * self.axes[2]
        return placed


@dataclass(frozen=True)
class Slab:
    """A flat thing with a picture on its front and perhaps on its back.

    Attributes:
        frame: its plane; the back lies in it.
        outline: convex, shape `(n, 2)`.
        thickness: how far the front lies above the back.
        side: colour of the rim.
        front: picture over the outline's bounds; its upper edge is where v is largest.
        back: likewise, as one sees it from behind; `None` shows the rim's colour.
    """

    frame: Frame
    outline: Points
    thickness: float
    side: Colour
    front: Image.Image
    back: Image.Image | None = None

    def corners(self) -> Points:
        """Return the outline of both faces in space, shape `(2 n, 3)`."""
        faces = [self.frame.place(self.outline, height) for height in (0.0, self.thickness)]
        return np.concatenate(faces)


@dataclass(frozen=True)
class Camera:
    """Where the picture is taken from.

    Attributes:
        position: of the lens, shape `(3,)`.
        matrix: from space to the canvas, shape `(3, 4)`.
        side: of the canvas, in pixels.
    """

    position: Points
    matrix: Points
    side: int

    def see(self, points: Points) -> Points:
        """Return where points `(n, 3)` appear on the canvas, shape `(n, 2)`."""
        seen = points @ self.matrix[:, :3].T + self.matrix[:, 3]
        return seen[:, :2] / seen[:, 2:]

    def distance(self, slab: Slab) -> float:
        """Return how far a slab is away."""
        return float(np.linalg.norm(slab.corners().mean(0) - self.position))


def camera(
    slabs: Sequence[Slab],
    *,
    side: int,
    turn: float,
    rise: float,
    roll: float,
    fill: float,
    shift: tuple[float, float],
) -> Camera:
    """Return a camera that has these slabs in view.

    Args:
        slabs: what is to be seen.
        side: of the canvas, in pixels.
        turn: how far it has walked around them to the right, in radians.
        rise: how far above the desk's plane, in radians; π/2 looks straight down.
        roll: how far it is tilted, in radians.
        fill: the share of the canvas that the longer side of what is seen takes.
        shift: how far off the centre that is, as shares of the canvas.
    """
    points = np.concatenate([slab.corners() for slab in slabs])
    target = (points.min(0) + points.max(0)) / 2
    away = np.array([np.sin(turn) * np.cos(rise), -np.cos(turn) * np.cos(rise), np.sin(rise)])
    right = np.array([np.cos(turn), np.sin(turn), 0.0])
    down = np.cross(-away, right)
    c, s = np.cos(roll), np.sin(roll)
    rotation = np.stack([c * right + s * down, c * down - s * right, -away])
    lens = np.diag([1.7 * side, 1.7 * side, 1.0])
    distance = 2.5 * float(np.ptp(points, axis=0).max())
    for _ in range(3):  # nearer or farther until it fills what it should
        position = target + distance * away
        matrix = lens @ np.column_stack([rotation, -rotation @ position])
        made = Camera(position, matrix, side)
        seen = made.see(points)
        distance *= float(np.ptp(seen, axis=0).max()) / (fill * side)
    middle = (seen.min(0) + seen.max(0)) / 2
    moved = np.eye(3)
    moved[:2, 2] = side * (0.5 + np.array(shift)) - middle
    return replace(made, matrix=moved @ matrix)


def spun(angle: float) -> Points:
    """Return the directions of a frame that lies flat and is turned by an angle, `(3, 3)`."""
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, s, 0], [-s, c, 0], [0, 0, 1]])


def on_desk(place: Sequence[float] | Points, angle: float) -> Frame:
    """Return the frame of something that lies on the desk.

    Args:
        place: where its middle is, x and y.
        angle: how far it is turned, in radians.
    """
    return Frame(np.array([*place, 0.0]), spun(angle))


def rounded(width: float, height: float, radius: float) -> Points:
    """Return a rectangle with round corners around (0, 0), shape `(20, 2)`.

    >>> rounded(4, 2, 0.5).min(0).tolist()
    [-2.0, -1.0]
    """
    angles = np.linspace(0, np.pi / 2, 5) + np.pi / 2 * np.arange(4)[:, None]
    arc = np.stack([np.cos(angles), np.sin(angles)], -1)
    corners = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]]) * [width / 2, height / 2]
    centres = corners - np.sign(corners) * radius
    return cast(Points, (centres[:, None] + radius * arc).round(9).reshape(-1, 2))


def disc(radius: float) -> Points:
    """Return a circle around (0, 0), shape `(32, 2)`."""
    return rounded(2 * radius, 2 * radius, radius)
