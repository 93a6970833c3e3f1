"""Explanations painted as pictures: arrays in, `(H, W, 3)` uint8 out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

# Dark to bright in equal steps of lightness, as matplotlib's "inferno" (by Smith and van der Walt,
# 2015), so that colour blindness and a grey printer leave the order.
_HEAT = np.array(
    [[0, 0, 4], [66, 10, 104], [147, 38, 103], [221, 81, 58], [252, 165, 10], [252, 255, 164]],
    np.float32,
)
_GAP = 2  # pixels between tiles


def colour(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return colours `(…, 3)` from 0 to 255 for values from 0 to 1.

    >>> colour(np.array([0.0, 1.0], np.float32)).tolist()
    [[0.0, 0.0, 4.0], [252.0, 255.0, 164.0]]
    """
    at = np.linspace(0, 1, len(_HEAT))
    channels = [np.interp(values, at, _HEAT[:, channel]) for channel in range(3)]
    return np.stack(channels, -1).astype(np.float32)


def overlay(picture: NDArray[np.uint8], heat: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Return a picture under its heat: grey and dark where it is cold, coloured where it is hot.

    Args:
        picture: `(S, S, 3)`.
        heat: `(S, S)` from 0 to 1.
    """
    light = picture.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    share = (0.15 + 0.6 * np.clip(heat, 0, 1))[..., None]
    painted = (1 - share) * light[..., None] + share * colour(np.clip(heat, 0, 1))
    return np.clip(painted, 0, 255).astype(np.uint8)


def tiles(
    maps: NDArray[np.float32] | Sequence[NDArray[np.float32]], across: int, side: int
) -> NDArray[np.uint8]:
    """Return maps beside each other, every cell as a square that can be seen.

    Args:
        maps: `(K, h, w)`, each stretched from its darkest to its brightest value; or colours
            `(K, h, w, 3)` between 0 and 1, as they are.
        across: in a row.
        side: at least so many pixels each.
    """
    array = np.asarray(maps, np.float32)
    if array.ndim == 3:
        low, high = array.min((1, 2), keepdims=True), array.max((1, 2), keepdims=True)
        array = colour((array - low) / np.maximum(high - low, np.float32(1e-12))) / np.float32(255)
    count, height, width = array.shape[:3]
    times = -(-side // max(height, width))
    large = array.repeat(times, 1).repeat(times, 2)
    rows = -(-count // across)
    step_y, step_x = height * times + _GAP, width * times + _GAP
    sheet = np.zeros((rows * step_y - _GAP, min(count, across) * step_x - _GAP, 4), np.uint8)
    for number, tile in enumerate(large):
        y, x = number // across * step_y, number % across * step_x
        part = sheet[y : y + step_y - _GAP, x : x + step_x - _GAP]
        part[..., :3], part[..., 3] = np.clip(tile * 255, 0, 255), 255
    return sheet
