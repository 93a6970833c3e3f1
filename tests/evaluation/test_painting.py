"""Explanations as pictures."""

from __future__ import annotations

import numpy as np

from tl_core.evaluation.painting import colour, overlay, tiles


def test_colours_grow_lighter_with_the_value() -> None:
    light = colour(np.linspace(0, 1, 50, dtype=np.float32)) @ [0.299, 0.587, 0.114]
    assert (np.diff(light) > 0).all()


def test_what_is_hot_stands_out() -> None:
    picture = np.full((8, 8, 3), (40, 120, 200), np.uint8)
    heat = np.zeros((8, 8), np.float32)
    heat[:, 4:] = 1
    painted = overlay(picture, heat)
    assert painted.shape == picture.shape
    assert painted[0, 7].astype(int).sum() > 1.5 * painted[0, 0].astype(int).sum()
    assert np.ptp(painted[0, 0].astype(int)) < 5, "grey where it is cold"


def test_tiles_stand_beside_each_other() -> None:
    maps = np.stack([np.arange(16).reshape(4, 4) * k for k in (1, 5, -1)]).astype("f4")
    sheet = tiles(maps, across=2, side=8)
    assert sheet.shape == (8 + 2 + 8, 8 + 2 + 8, 4)
    assert np.array_equal(sheet[:8, :8], sheet[:8, 10:]), "each by its own brightness"
    assert (sheet[:2, :2] == sheet[0, 0]).all(), "a cell is a square"
    assert not np.array_equal(sheet[10:, :8], sheet[:8, :8])
    assert sheet[8, 0, 3] == sheet[12, 12, 3] == 0, "nothing between tiles, nor in an empty place"
    assert np.isfinite(tiles(np.zeros((1, 3, 3), "f4"), 4, 9)).all()
    colours = tiles(np.ones((1, 2, 2, 3), "f4") * [1, 0.5, 0], 1, 2)
    assert colours[0, 0].tolist() == [255, 127, 0, 255]
