"""What stages hand on, read as maps: which part of the picture each number is about."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from math import isqrt

from torch import Tensor, nn

from tl_core.evaluation.placing import Place

_MOVING = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
_GEOMETRY = ("kernel_size", "stride", "padding", "dilation")


def as_maps(output: Tensor) -> Tensor | None:
    """Return what a stage made of square pictures as maps `(N, C, h, h)`.

    Convolutional networks hand on `(N, C, h, h)`, Swin `(N, h, h, C)`, and ViT a sequence of
    tokens `(N, 1 + h·h, C)`, whose first one is about the whole picture and is left out. The two
    equal sides are the picture's.

    Returns:
        The maps, sharing memory with `output`; `None` where no place is left in it.

    >>> import torch
    >>> [tuple(as_maps(torch.zeros(shape)).shape) for shape in
    ...     [(1, 64, 7, 7), (1, 7, 7, 64), (1, 50, 64)]]
    [(1, 64, 7, 7), (1, 64, 7, 7), (1, 64, 7, 7)]
    >>> as_maps(torch.zeros(1, 64)), as_maps(torch.zeros(1, 64, 1, 1))
    (None, None)
    """
    if output.ndim == 4:
        _, second, third, fourth = output.shape
        if third == fourth > 1:
            return output
        return output.permute(0, 3, 1, 2) if second == third > 1 else None
    if output.ndim == 3:
        side = isqrt(output.shape[1])
        first = output.shape[1] - side * side
        if side > 1 and first in (0, 1):
            return output[:, first:].transpose(1, 2).reshape(len(output), -1, side, side)
    return None


@contextmanager
def watch_places(layers: nn.Module, size: int) -> Iterator[dict[int, Place]]:
    """Note where the cells of maps lie on a picture of `size` pixels while it passes through.

    A layer of stride 2 with padding, the usual kind, centres its first cell on the first pixel: on
    a map of 7 cells that is half a cell, 16 pixels, left of where stretching the map would draw it.

    Yields:
        Side of a map to the place of its cells; sides that no convolution or pooling made are
        missing.
    """
    places = {size: Place(0.0, 1.0)}

    def note(layer: nn.Module, given: tuple[Tensor, ...], made: Tensor) -> None:
        before, after = given[0].shape[-1], made.shape[-1]
        if after in places or before not in places:
            return
        kernel, stride, padding, dilation = (_first(getattr(layer, name, 1)) for name in _GEOMETRY)
        old = places[before]
        first = old.first + old.step * ((kernel - 1) * dilation / 2 - padding)
        places[after] = Place(first, old.step * stride)

    moving = [layer for layer in layers.modules() if isinstance(layer, _MOVING)]
    hooks = [layer.register_forward_hook(note) for layer in moving]
    try:
        yield places
    finally:
        for hook in hooks:
            hook.remove()


def _first(value: int | tuple[int, ...]) -> int:
    return value[0] if isinstance(value, tuple) else value
