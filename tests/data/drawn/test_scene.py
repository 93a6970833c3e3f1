"""The camera: what is near looks larger, what is asked for is in view."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from tl_core.data.drawn.scene import Slab, camera, disc, on_desk, rounded

PLAIN = Image.new("RGB", (8, 8))


def slab(x: float = 0.0, y: float = 0.0) -> Slab:
    return Slab(on_desk((x, y), 0.3), rounded(8, 15, 1), 1.0, (0, 0, 0), PLAIN)


@pytest.mark.parametrize("rise", [0.3, 1.0, 1.5])
@pytest.mark.parametrize("turn", [-0.9, 0.0, 3.1])
def test_what_is_asked_for_fills_its_share_around_its_place(rise: float, turn: float) -> None:
    view = camera([slab()], side=200, turn=turn, rise=rise, roll=0.1, fill=0.7, shift=(0.1, -0.05))
    seen = view.see(slab().corners())
    assert np.ptp(seen, axis=0).max() == pytest.approx(140, rel=0.02)
    middle = (seen.min(0) + seen.max(0)) / 2
    assert middle == pytest.approx([120, 90], abs=0.5)


def test_what_is_far_looks_smaller_and_higher() -> None:
    view = camera([slab()], side=200, turn=0, rise=0.6, roll=0, fill=0.5, shift=(0, 0))
    near, far = (view.see(slab(y=y).corners()) for y in (-10, 30))
    assert np.ptp(far[:, 0]) < 0.8 * np.ptp(near[:, 0])
    assert far[:, 1].mean() < near[:, 1].mean()
    assert view.distance(slab(y=30)) > view.distance(slab(y=-10))


def test_the_camera_looks_as_people_do() -> None:
    """Right is right, and up is up: a mirrored world would show letters the wrong way round."""
    view = camera([slab()], side=200, turn=0, rise=0.8, roll=0, fill=0.5, shift=(0, 0))
    origin, right, up = view.see(np.array([[0, 0, 0], [5, 0, 0], [0, 0, 5.0]]))
    assert right[0] > origin[0]
    assert up[1] < origin[1]


def test_a_disc_is_round() -> None:
    assert np.linalg.norm(disc(3), axis=1) == pytest.approx(3)
