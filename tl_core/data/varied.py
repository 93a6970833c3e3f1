"""A picture as training would vary it, to be looked at."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from PIL import Image

from tl_core.backbones.card import Preprocessing
from tl_core.config import Augment
from tl_core.data.augment import augment
from tl_core.data.decode import fitted


def varied(
    path: Path, preprocessing: Preprocessing, strength: Augment, count: int, seed: int = 0
) -> list[bytes]:
    """Return a picture as PNG files, once for each of `count` epochs.

    Args:
        path: of the picture.
        preprocessing: how it is fitted to the network.
        strength: how much to vary it.
        count: number of epochs.
        seed: of the run.

    Raises:
        UnreadableImageError: the picture cannot be read.
    """
    pixels = torch.from_numpy(fitted(path, preprocessing).copy())[None]
    first = torch.zeros(1, dtype=torch.int64)
    files = []
    for epoch in range(count):
        view = augment(pixels, first, epoch=epoch, seed=seed, strength=strength)[0]
        shown = view.permute(1, 2, 0).mul(255).round().to(torch.uint8).numpy()
        buffer = io.BytesIO()
        Image.fromarray(shown).save(buffer, "PNG")
        files.append(buffer.getvalue())
    return files
