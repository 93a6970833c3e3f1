"""What the checks need to know of a picture, in 3 KB: taken once, when the picture is decoded.

`SKETCH` names what is measured and how. Change it with the numbers: kept sketches are keyed by it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tl_core.data.decode import look_at
from tl_core.data.resize import resized
from tl_core.data.stored import require_whole
from tl_core.errors import UnreadableImageError

SKETCH = "1"

SIDE = 32
"""Of the small copy, the whole picture squeezed into a square."""

_MIDDLE = 256  # longest side of the copy on which light and sharpness are measured
_BLUR = 9  # pixels that the reference blur averages over, as in Crete et al. (2007)

ROW = np.dtype(
    [
        ("width", np.uint32),
        ("height", np.uint32),
        ("same", np.uint64),  # fingerprint of the pixels: equal for pictures that look equal
        ("small", np.uint8, (SIDE, SIDE, 3)),
        ("low", np.uint8),  # light that 2 % of the picture are darker than
        ("high", np.uint8),  # light that 2 % of the picture are brighter than
        ("range", np.uint8),  # between the lowest and the highest value, of the widest channel
        ("blur", np.float32),  # 0 sharp, 1 blurred: how little a further blur changes
    ]
)
"""One picture; an array of these describes a dataset."""

Sketches = NDArray[np.void]


def sketch(image: Image.Image) -> Sketches:
    """Return what the checks need to know of one RGB picture, as an array of one row."""
    row = np.zeros(1, ROW)
    row["width"], row["height"] = image.size
    middle = _reduced(image)
    pixels = np.asarray(middle)
    row["same"] = _fingerprint(pixels, image.size)
    row["small"][0] = np.asarray(resized(middle, (SIDE, SIDE), Image.Resampling.BOX))
    row["range"] = max(high - low for low, high in _extrema(middle))
    light = middle.convert("L")
    counts = np.cumsum(light.histogram())
    row["low"], row["high"] = (
        np.searchsorted(counts, counts[-1] * share) for share in (0.02, 0.98)
    )
    row["blur"] = _blur(np.asarray(light, np.float32))
    return row


def sketch_file(path: Path, white: int = 0) -> Sketches:
    """Return the sketch of a stored file; a row of zeros where it is damaged or no picture."""
    try:
        require_whole(path)
        return look_at(path, white, lambda seen: sketch(seen.image))
    except UnreadableImageError:
        return np.zeros(1, ROW)


def sketch_files(paths: Sequence[Path], white: int = 0) -> dict[str, Sketches]:
    """Return the sketches of stored files by their names; see `sketch_file`."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        rows = pool.map(partial(sketch_file, white=white), paths)
        return dict(zip((path.name for path in paths), rows, strict=True))


def _reduced(image: Image.Image) -> Image.Image:
    """Return a copy whose longer side is at most `_MIDDLE`; a sharp one stays sharp."""
    longest = max(image.size)
    if longest <= _MIDDLE:
        return image
    target = tuple(max(1, round(side * _MIDDLE / longest)) for side in image.size)
    return resized(image, (target[0], target[1]), Image.Resampling.BOX)


def _extrema(image: Image.Image) -> list[tuple[int, int]]:
    """Return the lowest and the highest value of each channel."""
    return cast("list[tuple[int, int]]", list(image.getextrema()))


def _fingerprint(pixels: NDArray[np.uint8], size: tuple[int, int]) -> int:
    digest = hashlib.blake2b(repr(size).encode(), digest_size=8)
    digest.update(np.ascontiguousarray(pixels).data)
    return int.from_bytes(digest.digest(), "little")


def _blur(light: NDArray[np.float32]) -> float:
    """Return how blurred a picture is, after Crete et al. (2007), from 0 to 1.

    A blurred picture hardly changes when it is blurred again. Sideways and up and down are
    measured, and the sharper one counts: what moved sideways is sharp up and down.
    """
    found = [1.0]
    # Every second line tells as much as all of them, in half the time.
    for lines in (light[::2], np.ascontiguousarray(light[:, ::2].T)):
        if lines.shape[1] <= _BLUR:
            return 0.0  # too small to say
        # Whole numbers below 2²⁴: the sums are exact.
        sums = np.cumsum(lines, axis=1, dtype=np.float32)
        again = sums[:, _BLUR:] - sums[:, :-_BLUR]
        before = np.abs(np.diff(lines[:, _BLUR // 2 + 1 :][:, : again.shape[1]], axis=1))
        after = np.abs(np.diff(again, axis=1)) * np.float32(1 / _BLUR)
        lost = np.maximum(before - after, 0)
        if total := float(before.sum()):
            found.append(1 - float(lost.sum()) / total)
    return min(found)
