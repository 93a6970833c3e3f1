"""Pictures of more than 8 bits: which value is white, decided once for a whole set.

X-rays and microscopes keep 10 or 12 bits in files of 16, and nothing in the file says so. Divided
by 65,535 they are nearly black; each stretched by its own values, they could not be compared.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

RANGES = (255, 1023, 4095, 16383, 65535)
"""Highest values of 8, 10, 12, 14 and 16 bits."""

_STRIP = 1 << 20  # pixels that are computed at once
_OTHER = {"L": "B", "B": "L", "N": "B" if sys.byteorder == "little" else "L"}  # order of bytes
_WIDE = tuple(f"{mode};16{order}" for mode in ("RGB", "RGBA") for order in _OTHER)
_GREY_ALPHA = "LA;16B"


def white_of(highest: Iterable[int]) -> int:
    """Return which value is white in a set of pictures, and 0 where none has more than 8 bits.

    Args:
        highest: the highest value of each picture; 0 of those with 8 bits.

    >>> white_of([0, 4000, 90]), white_of([200, 255]), white_of([0, 0])
    (4095, 255, 0)
    """
    most = max(highest, default=0)
    return next(top for top in RANGES if top >= min(most, RANGES[-1])) if most else 0


def low_bytes(image: ImageFile.ImageFile, file: BinaryIO) -> Image.Image | None:
    """Return the lower 8 of 16 bits of a colour picture, of which Pillow gives the upper ones.

    Read with the other order of bytes, the lower ones are what Pillow takes for the upper ones.

    Args:
        image: opened and not yet decoded.
        file: what it was opened from.

    Returns:
        `None` where it is no such picture.
    """
    modes = {_raw_mode(tile) for tile in image.tile}
    if image.mode == "RGBA" and modes == {_GREY_ALPHA}:
        high_low = _decoded_as(image, file, lambda _: "RGBA")  # grey, grey, alpha, alpha
        grey = high_low.getchannel(1)
        return Image.merge("RGBA", (grey, grey, grey, high_low.getchannel(3)))
    if not modes or not modes <= set(_WIDE):
        return None
    return _decoded_as(image, file, lambda mode: mode[:-1] + _OTHER[mode[-1]])


def highest_value(image: Image.Image, low: Image.Image | None) -> int:
    """Return the highest value of a decoded picture, and 0 of one with 8 bits.

    Args:
        image: with its upper 8 bits where `low` has the lower ones.
        low: see `low_bytes`.
    """
    if low is not None:
        return max(
            (int(wide[..., :3].max()) for wide in map(_wide, _parts(image), _parts(low))), default=0
        )
    if not image.mode.startswith("I"):
        return 0
    lowest, highest = finite_range(image)
    return int(highest) if lowest >= 0 and highest <= RANGES[-1] else 0


def scaled_colours(high: Image.Image, low: Image.Image, white: int) -> Image.Image:
    """Return a colour picture of 16 bits in 8, `white` and what is above it as 255.

    Args:
        high: the upper 8 bits; overwritten.
        low: the lower ones.
        white: of the set that the picture belongs to.
    """
    for box in strips(high.size):
        part = high.crop(box)
        wide = _wide(part, low.crop(box)).astype(np.float64)
        scaled = np.floor(wide * (255 / white) + 0.5).clip(0, 255).astype(np.uint8)
        scaled[..., 3:] = np.asarray(part)[..., 3:]
        high.paste(Image.fromarray(scaled), box)
    return high


def scaled_greys(image: Image.Image, white: int) -> Image.Image:
    """Return greys of more than 8 bits in 8; Pillow's own conversion would clip them to white.

    Args:
        image: of a mode that begins with I, or F.
        white: of the set that the picture belongs to; 0 where nobody decided.
    """
    low, high = finite_range(image)
    if image.mode.startswith("I;16") and low >= 0:
        low, high = 0.0, float(white or RANGES[-1])
    elif white and image.mode.startswith("I") and low >= 0 and high <= RANGES[-1]:
        low, high = 0.0, float(white)
    elif low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    elif low >= 0 and high <= 255:
        low, high = 0.0, 255.0
    grey = Image.new("L", image.size)
    see_through = image.info.get("transparency")
    for box in strips(image.size):
        values = np.asarray(image.crop(box)).astype(np.float32)
        scaled = to_eight_bits(values, low, high)
        if isinstance(see_through, int):
            scaled[values == see_through] = 255
        grey.paste(Image.fromarray(scaled), box)
    return grey


def to_eight_bits(values: NDArray[np.float32], low: float, high: float) -> NDArray[np.uint8]:
    """Map greys to 0..255; what is no number is as dark as the darkest.

    >>> to_eight_bits(np.array([0, 32896, 65535], np.float32), 0, 65535).tolist()
    [0, 128, 255]
    """
    values = np.where(np.isfinite(values), values, np.float32(low))
    scaled = (values.astype(np.float64) - low) / max(high - low, 1e-12)
    return np.floor(scaled * 255 + 0.5).clip(0, 255).astype(np.uint8)


def is_negative(image: Image.Image) -> bool:
    """Say whether 0 is white in a TIFF of more than 8 bits; Pillow turns round those of 8."""
    return image.mode.startswith("I") and getattr(image, "tag_v2", {}).get(262) == 0


def finite_range(image: Image.Image) -> tuple[float, float]:
    """Return the lowest and the highest value of a grey picture, of those that are numbers."""
    lows, highs = [], []
    for part in _parts(image):
        values = np.asarray(part)
        finite = values[np.isfinite(values)]
        if finite.size:
            lows.append(float(finite.min()))
            highs.append(float(finite.max()))
    return (min(lows), max(highs)) if lows else (0.0, 0.0)


def strips(size: tuple[int, int]) -> Iterator[tuple[int, int, int, int]]:
    """Yield a picture's rows as boxes of a limited size, so that what is computed stays small."""
    width, height = size
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        yield 0, top, width, min(top + rows, height)


def _parts(image: Image.Image) -> Iterator[Image.Image]:
    return map(image.crop, strips(image.size))


def _wide(high: Image.Image, low: Image.Image) -> NDArray[np.uint16]:
    wide: NDArray[np.uint16] = np.asarray(high).astype(np.uint16) << 8 | np.asarray(low)
    return wide


def _raw_mode(tile: Any) -> str:
    """Return in which order the values of a part of a file come, where Pillow says so."""
    told = tile.args if isinstance(tile.args, str) else next(iter(tile.args or ()), "")
    return told if isinstance(told, str) else ""


def _decoded_as(
    image: ImageFile.ImageFile, file: BinaryIO, order: Callable[[str], str]
) -> Image.Image:
    """Decode a picture once more, its values taken to come in another order."""
    file.seek(0)
    with Image.open(file, formats=(image.format or "",)) as again:
        again.tile = [_taken_as(tile, order(_raw_mode(tile))) for tile in again.tile]
        again.load()
        return again


def _taken_as(tile: Any, order: str) -> Any:
    return tile._replace(args=order if isinstance(tile.args, str) else (order, *tile.args[1:]))
