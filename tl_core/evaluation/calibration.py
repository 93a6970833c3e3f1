"""Whether a model is as sure as it may be, and when it should rather say "I don't know this one".

Confidence is the largest class share. A model that is right 80 % of the time when it says 80 % is
calibrated (Guo, Pleiss, Sun and Weinberger 2017).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tl_core.evaluation.metrics import log_softmax

BINS = 10
COLDEST, HOTTEST = 0.05, 20.0
"""Bounds of a temperature; answers that are all right would drive it to 0."""


@dataclass(frozen=True)
class Reliability:
    """Answers by how sure the model was, in bins of equal width between 0 and 1, `(B,)` each.

    Attributes:
        count: answers in the bin.
        confidence: their mean confidence; NaN in an empty bin.
        accuracy: the share of them that is right; NaN in an empty bin.
    """

    count: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]

    @property
    def ece(self) -> float:
        """Expected calibration error: how far confidence and accuracy lie apart, on average."""
        gaps = np.abs(self.confidence - self.accuracy)[self.count > 0]
        return float(np.average(gaps, weights=self.count[self.count > 0])) if gaps.size else 0.0


@dataclass(frozen=True)
class Coverage:
    """What a threshold costs and brings; one entry per confidence that occurs, falling, `(K,)`.

    Attributes:
        threshold: answers with at least this confidence are given, the others withheld.
        given: how many are given.
        right: how many of those are right.
        count: pictures in all.
    """

    threshold: NDArray[np.float64]
    given: NDArray[np.int64]
    right: NDArray[np.int64]
    count: int

    @property
    def coverage(self) -> NDArray[np.float64]:
        """Share of the pictures that get an answer."""
        return self.given / max(self.count, 1)

    @property
    def accuracy(self) -> NDArray[np.float64]:
        """Share of the answers given that is right."""
        return self.right / self.given

    def at(self, threshold: float) -> tuple[int, int]:
        """Return how many answers a threshold gives, and how many of them are right."""
        place = int(np.searchsorted(-self.threshold, -threshold, side="right"))
        return (int(self.given[place - 1]), int(self.right[place - 1])) if place else (0, 0)


def confidences(logits: ArrayLike, temperature: float = 1.0) -> NDArray[np.float64]:
    """Return the largest class share of each picture `(N,)`, logits divided by a temperature."""
    shares = np.exp(log_softmax(np.asarray(logits, np.float64) / temperature))
    return np.asarray(shares.max(1), np.float64)


def reliability(confidence: ArrayLike, right: ArrayLike, bins: int = BINS) -> Reliability:
    """Sort answers into bins by their confidence.

    Args:
        confidence: `(N,)` between 0 and 1.
        right: `(N,)`, whether each answer is right.
        bins: B; a confidence on a bound belongs to the bin below it, as in Guo 2017.

    >>> found = reliability([0.95, 0.95, 0.55], [True, False, True])
    >>> round(found.ece, 3)
    0.45
    """
    sure, correct = np.asarray(confidence, np.float64), np.asarray(right, np.float64)
    place = np.clip(np.ceil(sure * bins).astype(np.int64) - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            count=count.astype(np.int64),
            confidence=np.bincount(place, sure, bins) / count,
            accuracy=np.bincount(place, correct, bins) / count,
        )


def negative_log_likelihood(
    logits: ArrayLike, labels: ArrayLike, temperature: float = 1.0
) -> float:
    """Return the mean of −log of the share that the right class got; logits `(N, C)`."""
    shares = log_softmax(np.asarray(logits, np.float64) / temperature)
    return float(-shares[np.arange(len(shares)), np.asarray(labels, np.int64)].mean())


def fit_temperature(logits: ArrayLike, labels: ArrayLike) -> float:
    """Return the temperature that makes the labels likeliest (Guo 2017, temperature scaling).

    The loss is convex in 1/T, so its slope is brought to 0 by bisection. Answers stay the same:
    dividing all logits of a picture by one number keeps their order.

    Args:
        logits: `(N, C)`.
        labels: `(N,)`, of pictures that the model did not learn from.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    if not len(z):
        return 1.0
    target = z[np.arange(len(z)), y].mean()

    def slope(inverse: float) -> float:
        expected = (np.exp(log_softmax(z * inverse)) * z).sum(1).mean()
        return float(expected - target)

    low, high = 1 / HOTTEST, 1 / COLDEST
    for _ in range(30):  # to 1e-8 of the range
        middle = (low + high) / 2
        low, high = (low, middle) if slope(middle) > 0 else (middle, high)
    return 2 / (low + high)


def cross_fitted(logits: ArrayLike, labels: ArrayLike, folds: int = 5) -> NDArray[np.float64]:
    """Return logits `(N, C)` divided by temperatures that were fitted without their own picture.

    What a fitted temperature brings cannot be measured on the pictures it was fitted on.
    """
    z, y = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    fold = np.arange(len(z)) % folds
    scaled = z.copy()
    for k in range(folds):
        scaled[fold == k] /= fit_temperature(z[fold != k], y[fold != k])
    return scaled


def coverage_accuracy(confidence: ArrayLike, right: ArrayLike) -> Coverage:
    """Return what every possible threshold would give (El-Yaniv and Wiener 2010).

    >>> coverage_accuracy([0.9, 0.9, 0.6], [True, True, False]).accuracy.round(2).tolist()
    [1.0, 0.67]
    """
    sure, correct = np.asarray(confidence, np.float64), np.asarray(right, np.int64)
    order = np.argsort(-sure, kind="stable")
    sure, correct = sure[order], correct[order].cumsum()
    last = np.flatnonzero(np.append(sure[1:] != sure[:-1], True)) if len(sure) else order
    return Coverage(sure[last], last + 1, correct[last], len(sure))


def threshold_for(curve: Coverage, goal: float) -> float | None:
    """Return the threshold that answers most and is right in at least a share `goal` of cases.

    >>> threshold_for(coverage_accuracy([0.9, 0.8, 0.6], [True, True, False]), 1.0)
    0.8
    """
    enough = np.flatnonzero(curve.accuracy >= goal)
    return float(curve.threshold[enough[-1]]) if enough.size else None


def say_goals(curve: Coverage, goals: Sequence[float]) -> str:
    """Say which threshold each of the rising `goals` takes; of those that need none, the highest.

    >>> curve = coverage_accuracy([0.9, 0.8, 0.6], [True, True, False])
    >>> say_goals(curve, (0.5, 0.6, 0.9))
    '60% right without a threshold. 90% right with a threshold of 80%.'
    """
    always = float(curve.accuracy[-1]) if len(curve.accuracy) else 0.0
    met = [goal for goal in goals if goal <= always]
    says = [f"{goal:.0%} right without a threshold." for goal in met[-1:]]
    for goal in goals[len(met) :]:
        threshold = threshold_for(curve, goal)
        says.append(
            f"{goal:.0%} is not reached."
            if threshold is None
            else f"{goal:.0%} right with a threshold of {threshold:.0%}."
        )
    return " ".join(says)
