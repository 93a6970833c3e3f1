"""How good answers are: the confusion matrix and what follows from it. Pure functions of arrays.

A figure that does not exist (the precision of a class that was never answered, say) is NaN, and an
average leaves it out; scikit-learn gives the same with `zero_division=nan`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class ClassFigures:
    """One figure per class `(C,)`, in the order of the classes.

    Attributes:
        precision: of the pictures that were given this class, the share that have it.
        recall: of the pictures that have this class, the share that were given it.
        f1: harmonic mean of the two.
        support: pictures that have this class.
    """

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    f1: NDArray[np.float64]
    support: NDArray[np.int64]


@dataclass(frozen=True)
class Confused:
    """Two classes that were taken for each other.

    Attributes:
        first: a class, by its number; the smaller of the two.
        second: the other.
        there: pictures of the first that were taken for the second.
        back: pictures of the second that were taken for the first.
    """

    first: int
    second: int
    there: int
    back: int


def confusion_matrix(labels: ArrayLike, answers: ArrayLike, classes: int) -> NDArray[np.int64]:
    """Count the pictures of each class (row) by the class they were given (column): `(C, C)`.

    Args:
        labels: N class numbers, what the pictures show.
        answers: N class numbers, what was said of them.
        classes: how many classes there are, C.

    >>> confusion_matrix([0, 0, 1], [0, 1, 1], 2).tolist()
    [[1, 1], [0, 1]]
    """
    rows, columns = np.asarray(labels, np.int64), np.asarray(answers, np.int64)
    if rows.shape != columns.shape or rows.ndim != 1:
        raise ValueError(f"{rows.shape} labels and {columns.shape} answers do not belong together")
    both = np.concatenate([rows, columns])
    if both.size and not 0 <= both.min() <= both.max() < classes:
        raise ValueError(f"there are {classes} classes, and {both.min()} to {both.max()} were met")
    flat = np.bincount(rows * classes + columns, minlength=classes * classes)
    return flat.reshape(classes, classes).astype(np.int64)


def accuracy(confusion: NDArray[np.int64]) -> float:
    """Return the share of right answers.

    >>> accuracy(confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], 2))
    0.75
    """
    return float(_share(np.trace(confusion), confusion.sum()))


def class_figures(confusion: NDArray[np.int64]) -> ClassFigures:
    """Return precision, recall, F1 and support of every class.

    >>> figures = class_figures(confusion_matrix([0, 0, 1, 1], [0, 1, 1, 1], 2))
    >>> figures.recall.tolist(), figures.precision.round(2).tolist()
    ([0.5, 1.0], [1.0, 0.67])
    """
    right, support, given = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    return ClassFigures(
        precision=_share(right, given),
        recall=_share(right, support),
        f1=_share(2 * right, given + support),
        support=support,
    )


def macro(figures: NDArray[np.float64]) -> float:
    """Return the mean over classes, each counting the same however many pictures it has.

    >>> macro(np.array([1.0, 0.5, np.nan]))
    0.75
    """
    known = figures[~np.isnan(figures)]
    return float(known.mean()) if known.size else float("nan")


def most_confused(confusion: NDArray[np.int64], most: int = 10) -> list[Confused]:
    """Return the pairs of classes that were taken for each other most often, the worst first.

    >>> most_confused(confusion_matrix([0, 0, 2, 1], [2, 2, 0, 1], 3))
    [Confused(first=0, second=2, there=2, back=1)]
    """
    both = np.triu(confusion + confusion.T, 1)
    order = np.argsort(-both, axis=None, kind="stable")[:most]
    pairs = zip(*np.unravel_index(order, both.shape), strict=True)
    return [
        Confused(int(a), int(b), int(confusion[a, b]), int(confusion[b, a]))
        for a, b in pairs
        if both[a, b]
    ]


def most_mistaken(confusion: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """Return the classes with most mistakes, taken for others or others for them, in their order.

    >>> most_mistaken(confusion_matrix([0, 1, 2, 3], [0, 3, 2, 1], 4), 2).tolist()
    [1, 3]
    """
    right = np.diag(confusion)
    mistakes = confusion.sum(0) + confusion.sum(1) - 2 * right
    return np.sort(np.argsort(-mistakes, kind="stable")[:most])


def log_softmax(logits: ArrayLike) -> NDArray[np.float64]:
    """Return the logarithms of the class shares `(N, C)` for logits `(N, C)`, in fp64.

    >>> np.exp(log_softmax([[0.0, 0.0]])).tolist()
    [[0.5, 0.5]]
    """
    values = np.asarray(logits, np.float64)
    values = values - values.max(1, keepdims=True)
    return np.asarray(values - np.log(np.exp(values).sum(1, keepdims=True)))


def worst_mistakes(logits: ArrayLike, labels: ArrayLike) -> NDArray[np.int64]:
    """Return the indices of all wrong answers, the one that is surest of itself first.

    Surest is meant as the loss means it: the class that is right has the smallest share.

    >>> worst_mistakes([[3.0, 0.0], [9.0, 0.0], [1.0, 0.0]], [1, 1, 0]).tolist()
    [1, 0]
    """
    shares, right = log_softmax(logits), np.asarray(labels, np.int64)
    wrong = np.flatnonzero(shares.argmax(1) != right)
    return wrong[np.argsort(shares[wrong, right[wrong]], kind="stable")]


def _share(part: ArrayLike, whole: ArrayLike) -> NDArray[np.float64]:
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    shares = np.full(part.shape, np.nan)
    np.divide(part, whole, out=shares, where=whole > 0)
    return shares
