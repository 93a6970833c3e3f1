"""How well classes can be told apart from what frozen stages hand over: a linear probe.

Alain and Bengio, "Understanding intermediate layers using linear classifier probes" (2016). The
probe is ridge regression, and its answer on an example that it has not seen costs no more than
learning once (see `ridge`): a stage takes a fraction of a second where training a head takes many.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tl_core.errors import UserError
from tl_core.training.ridge import Ridge

# For each feature: how strongly the probe is held back. With this it foretells what a new head that
# learned for a few epochs gets right; held back less, it knows more than such a head
# (benchmarks/suggestions.py prints both).
_PENALTY = 1.0


@dataclass(frozen=True)
class Probed:
    """What a probe got right.

    Attributes:
        right: `(N,)`, of every example by a probe that had not seen it.
    """

    right: NDArray[np.bool_]

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())

    @property
    def error(self) -> float:
        """How far the share would move on as many other examples: its standard error.

        Counted with one right and one wrong answer more, so that it is never nothing.
        """
        count = len(self.right) + 2
        share = (float(self.right.sum()) + 1) / count
        return sqrt(share * (1 - share) / count)


def probe(features: NDArray[Any], labels: Sequence[int]) -> Probed:
    """Probe features, each example by a probe that learned from all the others.

    Args:
        features: `(N, F)`.
        labels: N class numbers.

    Raises:
        UserError: a class has one example alone, so that nothing is left to learn it from.

    >>> probe(np.array([[0.0], [0.1], [1.0], [1.1]]), [0, 0, 1, 1]).accuracy
    1.0
    """
    wanted, classes = _numbered(labels)
    values = torch.from_numpy(_standardised(np.asarray(features, np.float64)))
    answers = Ridge(values, torch.from_numpy(wanted), classes).left_out(_PENALTY)
    return Probed(answers.numpy().argmax(1) == wanted)


def _numbered(labels: Sequence[int]) -> tuple[NDArray[np.int64], int]:
    classes, wanted, counts = np.unique(labels, return_inverse=True, return_counts=True)
    if len(classes) < 2 or counts.min() < 2:
        raise UserError(
            "To see how well classes can be told apart, each needs at least 2 pictures to learn "
            "from, and there must be 2 classes; add pictures and try again."
        )
    return wanted, len(classes)


def _standardised(features: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre and scale features, as a new head's are before it learns (see `standardise`)."""
    centred = features - features.mean(0)
    variance = (centred**2).mean(0)
    spread = np.sqrt((variance + variance.mean()) / 2)
    result: NDArray[np.float64] = centred / np.where(spread > 0, spread, 1.0)
    return result
