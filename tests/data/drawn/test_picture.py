"""Drawn pictures: always the same, each another one, and not told apart by a trick."""

from __future__ import annotations

import subprocess
import sys
from hashlib import sha256

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score

from tl_core.data.decode import open_image
from tl_core.data.drawn.picture import DEVICES, SIDE, draw

COUNT = 40


@pytest.fixture(scope="module")
def pictures() -> dict[str, list[np.ndarray]]:
    return {
        kind: [np.asarray(open_image(draw(kind, n)), np.float64) for n in range(COUNT)]
        for kind in DEVICES
    }


@pytest.mark.parametrize("kind", DEVICES)
def test_the_same_number_gives_the_same_bytes_in_another_process(kind: str) -> None:
    script = (
        "from hashlib import sha256; from tl_core.data.drawn.picture import draw; "
        f"print(sha256(draw({kind!r}, 3)).hexdigest())"
    )
    told = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == sha256(draw(kind, 3)).hexdigest()


def test_no_two_pictures_are_nearly_equal(pictures: dict[str, list[np.ndarray]]) -> None:
    every = [picture for of in pictures.values() for picture in of]
    cells = SIDE // 16
    small = np.stack([p.mean(2).reshape(16, cells, 16, cells).mean((1, 3)).ravel() for p in every])
    alike = np.corrcoef(small) - np.eye(len(every))
    assert alike.max() < 0.95


def test_every_picture_has_light_and_dark_in_it(pictures: dict[str, list[np.ndarray]]) -> None:
    for of in pictures.values():
        for picture in of:
            assert picture.shape == (SIDE, SIDE, 3)
            assert picture.std() > 15
            assert 40 < picture.mean() < 225


@pytest.mark.parametrize("trick", ["colours", "outlines"])
def test_neither_colour_nor_coarse_outline_tells_the_classes_apart(
    trick: str, pictures: dict[str, list[np.ndarray]]
) -> None:
    """A network has to see parts: keys, lids, lenses. SqueezeNet's frozen features reach 98 %."""
    every = np.stack([picture for of in pictures.values() for picture in of])
    labels = np.repeat(range(len(pictures)), COUNT)
    if trick == "colours":
        levels = np.stack([every // 32 == level for level in range(8)], -1)
        told = levels.mean((1, 2)).reshape(len(every), -1)
    else:
        told = every.mean(3)[:, ::12, ::12].reshape(len(every), -1)
    told = (told - told.mean(0)) / (told.std(0) + 1e-6)
    right = cross_val_score(LogisticRegression(C=0.01, max_iter=1000), told, labels, cv=5)
    assert right.mean() < 0.75
