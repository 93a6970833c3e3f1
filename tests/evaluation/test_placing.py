"""A small map over a picture."""

from __future__ import annotations

import numpy as np

from tl_core.evaluation.placing import Place, enlarge


def test_enlarging_puts_cells_on_their_place() -> None:
    values = np.zeros((7, 7), np.float32)
    values[2, 3] = 1
    large = enlarge(values, 224, Place(0, 32))
    assert np.unravel_index(large.argmax(), large.shape) == (64, 96)
    assert large.max() == 1
    large = enlarge(values, 224)
    assert np.unravel_index(large.argmax(), large.shape) in {(79, 111), (80, 112), (79, 112)}
