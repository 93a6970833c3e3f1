"""Drawing a small map over a picture, its cells where they belong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Place:
    """Where the cells of a map lie on the picture, along either side.

    Attributes:
        first: pixel on which the first cell is centred.
        step: pixels from one cell to the next.
    """

    first: float
    step: float


def enlarge(
    values: NDArray[np.float32], size: int, place: Place | None = None
) -> NDArray[np.float32]:
    """Return a map `(h, h)` as large as the picture, `(size, size)`, in between by straight lines.

    Args:
        values: the map.
        size: of the picture.
        place: where the cells lie; side by side over the whole picture where it is not known.

    >>> enlarge(np.array([[0, 1], [0, 1]], np.float32), 4)[0].tolist()
    [0.0, 0.25, 0.75, 1.0]
    """
    cells = len(values)
    step = size / cells
    place = place or Place((step - 1) / 2, step)
    at = np.clip((np.arange(size) - place.first) / place.step, 0, cells - 1)
    share = np.maximum(0, 1 - abs(at[:, None] - np.arange(cells))).astype(np.float32)
    enlarged: NDArray[np.float32] = share @ values @ share.T
    return enlarged
