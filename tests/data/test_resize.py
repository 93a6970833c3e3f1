"""One order of resizing, whatever the version of Pillow."""

from __future__ import annotations

import numpy as np
import PIL
import pytest
from PIL import Image

from tl_core.data.resize import resized

SAMPLING = (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.BOX)


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng((width, height)).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


def pairs():
    dice = np.random.default_rng(3)
    for _ in range(150):
        width, height, *size = map(int, dice.integers(1, 260, 4))
        yield (width, height), (size[0], size[1])
    yield (40, 90), (40, 30)
    yield (40, 90), (20, 90)
    yield (40, 90), (40, 90)
    # Just as many rows more as the rule says, and one more.
    yield from (((100, 150), (50, 50)), ((100, 151), (50, 50)), ((60, 51), (90, 50)))


@pytest.mark.skipif(int(PIL.__version__.split(".")[0]) != 13, reason="compared with Pillow 13")
@pytest.mark.parametrize("how", SAMPLING, ids=lambda how: how.name)
def test_it_is_what_pillow_13_does(how):
    for before, after in pairs():
        image = noise(*before)
        expected = np.asarray(image.resize(after, how))
        assert np.array_equal(np.asarray(resized(image, after, how)), expected), (before, after)


def test_every_call_of_pillow_resizes_one_way_alone(monkeypatch):
    """So its own order, which differs between versions, decides nothing."""
    calls = []
    whole = Image.Image.resize

    def watched(image, size, *how, **more):
        calls.append((image.size, size))
        return whole(image, size, *how, **more)

    monkeypatch.setattr(Image.Image, "resize", watched)
    for before, after in pairs():
        resized(noise(*before), after, Image.Resampling.BILINEAR)
    assert calls
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in calls)
