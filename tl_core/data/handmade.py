"""Features as people made them by hand, before networks learned their own.

Histograms of oriented gradients say where edges run (Dalal and Triggs, 2005), a histogram of hue,
saturation and value says which colours there are. scikit-image computes the first.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.backbones.card import Preprocessing
from tl_core.errors import UserError

PREPROCESSING = Preprocessing(size=128, resize=128)
VERSION = 1
_CELL, _DIRECTIONS = 16, 9
_COLOURS = (8, 4, 4)  # parts of hue, saturation and value


def describe(
    pixels: NDArray[np.uint8], progress: Callable[[int, int], None] | None = None
) -> NDArray[np.float32]:
    """Return hand-made features `(N, F)` of pictures `(N, S, S, 3)`.

    Args:
        pixels: fitted by `PREPROCESSING`.
        progress: called with (pictures done, pictures in all).

    Raises:
        UserError: scikit-image is not installed.
    """
    try:
        from skimage.feature import hog
    except ImportError as error:
        raise UserError(
            "Features made by hand need scikit-image, which is not installed; run: pip install -r "
            "requirements-lessons.txt"
        ) from error
    rows = []
    for number, picture in enumerate(pixels, 1):
        edges = hog(picture, orientations=_DIRECTIONS, pixels_per_cell=(_CELL, _CELL),
                    cells_per_block=(2, 2), channel_axis=-1)  # fmt: skip
        rows.append(np.concatenate([edges, colours(picture)]).astype(np.float32))
        if progress:
            progress(number, len(pixels))
    return np.stack(rows)


def colours(picture: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return the square roots of how much of a picture `(S, S, 3)` each part of the colours takes.

    Their products add up to at most 1 (Hellinger), so that large areas do not drown small ones.
    """
    hsv = np.asarray(Image.fromarray(picture).convert("HSV")).reshape(-1, 3)
    counts, _ = np.histogramdd(hsv, _COLOURS, [(0, 256)] * 3)
    result: NDArray[np.float64] = np.sqrt(counts.ravel() / len(hsv))
    return result
