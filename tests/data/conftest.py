"""Small pictures and folders of them, made on the spot."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

PictureMaker = Callable[..., bytes]
TreeMaker = Callable[[Mapping[str, bytes | int]], Path]


def make_picture(seed: int = 0, size: tuple[int, int] = (12, 10), kind: str = "PNG") -> bytes:
    """Return the bytes of a small colourful picture; every seed gives another one."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture
def picture() -> PictureMaker:
    return make_picture


@pytest.fixture
def tree(tmp_path: Path) -> TreeMaker:
    """Write files below a fresh folder: a path with bytes, or a folder with so many pictures."""
    numbers = iter(range(10_000))

    def write(files: Mapping[str, bytes | int], name: str = "photos") -> Path:
        root = tmp_path / name
        root.mkdir(exist_ok=True)
        for path, content in files.items():
            for file, data in _expand(path, content, numbers):
                target = root / file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
        return root

    return write


def _expand(path: str, content: bytes | int, numbers: Iterator[int]) -> Iterator[tuple[str, bytes]]:
    if isinstance(content, bytes):
        yield path, content
    else:
        for n in range(content):
            yield f"{path}/{n}.png", make_picture(next(numbers))
