"""Occlusion: what an answer loses, on an answer that is known."""

from __future__ import annotations

import numpy as np
import pytest

from tl_core.evaluation.occlusion import (
    GRID,
    agreement,
    occlusion,
    patches,
    say_agreement,
    spread,
)

GREY = (124, 116, 104)
SIZE = 90


def red_share(pictures: np.ndarray) -> np.ndarray:
    """Answer with how much of the lower left quadrant is red."""
    quadrant = pictures[:, SIZE // 2 :, : SIZE // 2].astype(np.float32)
    red = (quadrant[..., 0] > 200).mean((1, 2))
    return np.stack([red, 1 - red], 1)


@pytest.fixture
def picture() -> np.ndarray:
    picture = np.zeros((SIZE, SIZE, 3), np.uint8)
    picture[60:75, 15:30, 0] = 255
    picture[5:15, 60:80] = 255
    return picture


def test_the_answer_falls_where_it_comes_from(picture: np.ndarray) -> None:
    told = []
    drops = occlusion(red_share, picture, 0, GREY, lambda *parts: told.append(parts))
    assert drops.shape == (GRID, GRID)
    heat = spread(drops, SIZE)
    y, x = np.unravel_index(heat.argmax(), heat.shape)
    assert 55 <= y < 80
    assert 10 <= x < 35
    assert 0.09 < drops.max() <= 15 * 15 / 45**2, "one patch covers nearly all of it"
    assert drops[:4].max() == 0, "the white bar says nothing"
    assert told[-1] == (GRID**2, GRID**2)
    assert np.allclose(occlusion(red_share, picture, 1, GREY), -drops), "covering helps the other"


def test_the_picture_is_left_as_it_is(picture: np.ndarray) -> None:
    before = picture.copy()
    occlusion(red_share, picture, 0, GREY)
    assert np.array_equal(picture, before)


@pytest.mark.parametrize(("size", "grid"), [(96, 9), (224, 9), (380, 5), (8, 3)])
def test_patches_reach_every_pixel(size: int, grid: int) -> None:
    covered = np.zeros((size, size), int)
    for place in patches(size, grid):
        covered[place] += 1
    assert covered.min() >= 1 or grid == 3
    assert covered[0, 0] == covered[-1, -1] == covered[0, -1] == 1
    assert len(patches(size, grid)) == grid**2


def test_two_maps_of_the_same_thing_agree(picture: np.ndarray) -> None:
    drops = occlusion(red_share, picture, 0, GREY)
    heat = np.zeros((SIZE, SIZE), np.float32)
    heat[55:80, 10:35] = 1
    same = agreement(heat, drops)
    turned = agreement(heat[::-1, ::-1].copy(), drops)
    assert same is not None
    assert turned is not None
    assert same > 0.8 > 0.2 > turned
    assert agreement(-heat, drops) == pytest.approx(-same)


def test_where_a_map_names_no_place_nothing_is_compared() -> None:
    flat, drops = np.ones((SIZE, SIZE), np.float32), np.eye(GRID, dtype=np.float32)
    assert agreement(flat, drops) is None
    assert agreement(np.eye(SIZE, dtype=np.float32), 0 * drops) is None


def test_the_words_follow_the_figure() -> None:
    said = [say_agreement(figure, 0.5) for figure in (0.9, 0.45, 0.0, -0.8, None)]
    said.append(say_agreement(0.9, 0.001))
    starts = ["Both ways point", "The two ways agree in part", "The two ways disagree"]
    starts += ["The two ways disagree", "No single patch", "No single patch"]
    assert all(sentence.startswith(start) for sentence, start in zip(said, starts, strict=True))
