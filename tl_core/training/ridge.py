"""Ridge regression onto one target per class, and what it answers with each example left out.

Hoerl and Kennard, "Ridge Regression" (1970). One decomposition of all examples gives the solution
for every strength of regularisation, and the answer on each example by a solution that has not
seen it (Allen's PRESS, 1974), so choosing the strength by leave-one-out costs next to nothing.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

PENALTIES = (0.001, 0.01, 0.1, 1.0, 10.0, 100.0)  # for each feature
# From answers between -1 and 1 to logits; sharper ones leave a head nothing to learn from.
SHARPNESSES = (0.5, 1.0, 2.0, 4.0)


class Ridge:
    """Ridge regression of examples, decomposed.

    Args:
        features: `(N, F)`, centred here.
        labels: `(N,)` class numbers.
        classes: how many there are.
    """

    def __init__(self, features: Tensor, labels: Tensor, classes: int) -> None:
        values = features.double()
        self.centre = values.mean(0)
        self.values = values - self.centre
        self.targets = 2 * one_hot(labels, classes).double() - 1
        self.mean = self.targets.mean(0)
        self.strengths, self.vectors = decomposed(self.values)
        self.along = self.vectors.T @ (self.targets - self.mean)

    def left_out(self, penalty: float) -> Tensor:
        """Return the answers `(N, classes)` on each example by what all the others taught."""
        shrunk = self.strengths / (self.strengths + penalty * self.values.shape[1])
        fitted = self.vectors @ (shrunk[:, None] * self.along) + self.mean
        # What the example's own target adds to its answer is taken out.
        own = self.vectors.square() @ shrunk + 1 / len(self.values)
        return self.targets - (self.targets - fitted) / (1 - own).clamp(min=1e-9)[:, None]

    def solution(self, penalty: float) -> tuple[Tensor, Tensor]:
        """Return weight `(classes, F)` and bias `(classes,)`, for features as they were given."""
        shrunk = self.along / (self.strengths + penalty * self.values.shape[1])[:, None]
        weight = (self.values.T @ (self.vectors @ shrunk)).T
        return weight, self.mean - weight @ self.centre


def solve_head(features: Tensor, labels: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return the linear head that leave-one-out finds best.

    Regularisation and the size of the logits are those with which the cross-entropy on examples
    left out is lowest.

    Args:
        features: `(N, F)`, standardised.
        labels: `(N,)` class numbers.
        classes: how many there are.

    Returns:
        Weight `(classes, F)` and bias `(classes,)` in float64.
    """
    ridge = Ridge(features, labels, classes)
    losses = {}
    for penalty in PENALTIES:
        answers = ridge.left_out(penalty)
        for sharpness in SHARPNESSES:
            losses[penalty, sharpness] = float(cross_entropy(sharpness * answers, labels))
    penalty, sharpness = min(losses, key=lambda both: losses[both])
    weight, bias = ridge.solution(penalty)
    return sharpness * weight, sharpness * bias


def decomposed(values: Tensor) -> tuple[Tensor, Tensor]:
    """Return the squared singular values of `(N, F)` and their left vectors `(N, ·)`."""
    count, width = values.shape
    if count <= width:
        strengths, vectors = torch.linalg.eigh(values @ values.T)
        return strengths.clamp(min=0), vectors
    strengths, right = torch.linalg.eigh(values.T @ values)
    there = strengths > 1e-10 * max(float(strengths[-1]), 1e-300)
    strengths, right = strengths[there], right[:, there]
    return strengths, values @ right / strengths.sqrt()
