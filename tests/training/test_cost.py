"""What training costs at each cut, as arithmetic."""

from __future__ import annotations

import pytest

from tl_core.training.cost import Footprint, cost_of


def test_a_later_cut_costs_less() -> None:
    footprint = Footprint(seconds=0.1, saved=(100, 10))
    whole = cost_of(
        footprint, parameters=50, trainable=52, frozen_share=0, cut=0, examples=20, batch=4
    )
    assert (whole.trainable, whole.epoch) == (52, pytest.approx(2.0))
    assert whole.memory == 4 * 50 + 12 * 52 + 4 * 110
    later = cost_of(
        footprint, parameters=50, trainable=12, frozen_share=0.75, cut=1, examples=20, batch=4
    )
    assert later.epoch == pytest.approx(0.5)
    assert later.memory == 4 * 50 + 12 * 12 + 4 * 10
