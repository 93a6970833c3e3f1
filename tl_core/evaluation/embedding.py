"""What a network makes of many pictures, as a map of points: alike pictures lie together."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST = 600
"""Pictures on a map: more are no clearer, and the time of t-SNE grows with their square."""

_WORK = 4000.0  # billions of multiply-adds: a minute on two slow cores
_FEWEST = 50
_COMPONENTS = 50


class Drawn(NamedTuple):
    """One map of pictures.

    Attributes:
        points: `(2, N, 2)`, by principal components and by t-SNE.
        shown: what share of all differences the principal components show.
        alike: see `neighbours_alike`.
    """

    points: NDArray[np.float32]
    shown: float
    alike: float


def draw(features: NDArray[np.float32], labels: NDArray[np.int64]) -> Drawn:
    """Return maps of features `(N, F)` of pictures with class numbers `(N,)`."""
    points, shown = pca(features)
    return Drawn(np.stack([points, tsne(features)]), shown, neighbours_alike(features, labels))


def how_many(gmac: float) -> int:
    """Return how many pictures may be looked at with a network of so much work each.

    >>> how_many(0.3), how_many(15.5), how_many(400)
    (600, 258, 50)
    """
    return max(_FEWEST, min(MOST, int(_WORK / gmac)))


def choose_evenly(labels: list[int], most: int) -> list[int]:
    """Return places of at most `most` examples: of every class as many as there can be.

    >>> choose_evenly([0, 0, 0, 0, 1, 1], 4)
    [0, 1, 4, 5]
    """
    turn: dict[int, int] = {}
    order = []
    for place, label in enumerate(labels):
        turn[label] = turn.get(label, 0) + 1
        order.append((turn[label], place))
    return sorted(place for _, place in sorted(order)[:most])


def pca(features: NDArray[np.float32], components: int = 2) -> tuple[NDArray[np.float32], float]:
    """Return features `(N, F)` seen along the directions in which they differ most.

    Principal components (Pearson 1901), by a singular value decomposition.

    Returns:
        `(N, components)`, and the share of all differences that these show. The sign of a
        direction, which is arbitrary, is chosen so that its largest weight is positive.
    """
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    left, sizes, directions = np.linalg.svd(centred, full_matrices=False)
    signs = np.sign(np.take_along_axis(directions, abs(directions).argmax(1)[:, None], 1)[:, 0])
    points = np.zeros((len(features), components), np.float32)
    found = min(components, len(sizes))
    points[:, :found] = (left * sizes * signs)[:, :found]
    total = float((sizes**2).sum())
    return points, float((sizes[:found] ** 2).sum()) / total if total else 1.0


def tsne(features: NDArray[np.float32], seed: int = 0) -> NDArray[np.float32]:
    """Return a map `(N, 2)` on which near neighbours of features `(N, F)` stay neighbours.

    van der Maaten and Hinton, "Visualizing Data using t-SNE" (2008), from the 50 first principal
    components, as the authors do.
    """
    from sklearn.manifold import TSNE

    if len(features) < 4:
        return pca(features)[0]
    reduced, _ = pca(features, min(_COMPONENTS, *features.shape))
    spread = float(reduced[:, 0].std())
    if spread == 0:
        return np.zeros((len(features), 2), np.float32)
    perplexity = min(30.0, (len(features) - 1) / 3)
    points: NDArray[np.float32] = TSNE(
        init="pca", perplexity=perplexity, random_state=seed, n_jobs=1
    ).fit_transform(reduced)
    return points


def neighbours_alike(features: NDArray[np.float32], labels: NDArray[np.int64]) -> float:
    """Return for what share of pictures the most alike other picture is of the same class.

    Args:
        features: `(N, F)`, compared by the cosine of their angle.
        labels: `(N,)`.
    """
    if len(features) < 2:
        return 0.0
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    directions = features / np.maximum(lengths, 1e-12)
    alike = directions @ directions.T
    np.fill_diagonal(alike, -np.inf)
    return float((labels[alike.argmax(1)] == labels).mean())


def say_alike(before: float, after: float, *, learned: bool) -> str:
    """Say in words how well the classes lie apart, before and after training.

    Args:
        before: from `neighbours_alike`.
        after: likewise.
        learned: whether any stage of the backbone did.

    >>> say_alike(0.5, 0.9, learned=True)
    'For 90% of the pictures the most alike other one is of their own class; before training, 50%.'
    """
    told = f"For {after:.0%} of the pictures the most alike other one is of their own class"
    if learned:
        return f"{told}; before training, {before:.0%}."
    return f"{told}. The backbone was frozen, so training changed nothing about it."
