"""Features made by hand: edges and colours, and one sentence where the library is missing."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from tl_core.data.handmade import colours, describe
from tl_core.errors import UserError

SIDE = 128


def stripes(upright: bool, colour: tuple[int, int, int]) -> np.ndarray:
    wave = np.sin(np.arange(SIDE) / 3) > 0
    area = np.broadcast_to(wave[None, :] if upright else wave[:, None], (SIDE, SIDE))
    return (area[..., None] * np.array(colour)).astype(np.uint8)


def test_edges_and_colours_are_told_apart() -> None:
    pytest.importorskip("skimage")
    told: list[int] = []
    red, turned, blue = describe(
        np.stack(
            [
                stripes(True, (250, 0, 0)),
                stripes(False, (250, 0, 0)),
                stripes(True, (0, 0, 250)),
            ]
        ),
        lambda done, _: told.append(done),
    )
    assert told == [1, 2, 3]
    edges = slice(0, -128)
    assert np.allclose(red[edges], blue[edges], atol=1e-5)
    assert np.abs(red[edges] - turned[edges]).max() > 0.1
    assert np.allclose(red[-128:], turned[-128:])
    assert np.abs(red[-128:] - blue[-128:]).max() > 0.5


def test_the_colours_of_a_picture_have_length_one() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    assert (colours(noise) ** 2).sum() == pytest.approx(1)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    with pytest.raises(UserError, match=r"pip install -r requirements-lessons\.txt"):
        describe(np.zeros((1, SIDE, SIDE, 3), np.uint8))
