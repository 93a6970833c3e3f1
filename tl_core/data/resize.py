"""Resizing in one order, whatever the version of Pillow.

A picture is resized along its rows and along its columns, and rounded in between, so the order
decides about a seventh of the values, by 1. Pillow 12 always takes the rows first. Pillow 13 takes
the columns first where that is less work, as it is for most pictures taller than 2 : 1; so do we.
"""

from __future__ import annotations

from PIL import Image


def resized(image: Image.Image, size: tuple[int, int], resampling: Image.Resampling) -> Image.Image:
    """Return a picture in another size, to the bit as Pillow 13 makes it.

    Args:
        image: without transparency.
        size: width and height.
        resampling: how.
    """
    fewer_rows, fewer_columns = image.height - size[1], image.width - size[0]
    columns_first = fewer_rows > 2 * max(0, fewer_columns)
    between = (image.width, size[1]) if columns_first else (size[0], image.height)
    if between not in (image.size, size):
        image = image.resize(between, resampling)
    return image.resize(size, resampling) if size != image.size else image
