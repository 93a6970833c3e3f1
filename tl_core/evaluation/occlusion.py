"""Occlusion: cover one place after another and see what the answer loses.

Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), section 4.2. It
looks at nothing inside the network, so that it can check what Grad-CAM claims.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isnan

import numpy as np
from numpy.typing import NDArray

from tl_core.evaluation.placing import Place, enlarge

Shares = Callable[[NDArray[np.uint8]], NDArray[np.float32]]

GRID, PATCH = 9, 0.22
"""Places per side, and the patch's side as a share of the picture's: 81 predictions."""

_TILE = 9  # pictures at a time
_AGREE, _PARTLY = 0.6, 0.3


def occlusion(
    shares: Shares,
    picture: NDArray[np.uint8],
    label: int,
    grey: tuple[int, int, int],
    tell: Callable[[int, int], None] = lambda *_: None,
    grid: int = GRID,
) -> NDArray[np.float32]:
    """Return by how much a class's share falls when a grey patch covers each place.

    Args:
        shares: predicts pictures `(N, S, S, 3)` into shares `(N, C)`.
        picture: `(S, S, 3)`.
        label: number of the class.
        grey: colour of the patch; the network's mean colour says least.
        tell: receives places done and places in all.
        grid: places per side.

    Returns:
        `(grid, grid)`, rows from the top; below 0 where covering helps the class.
    """
    places = patches(len(picture), grid)
    whole = float(shares(picture[None])[0, label])
    left = np.empty(len(places), np.float32)
    for start in range(0, len(places), _TILE):
        tile = places[start : start + _TILE]
        covered = np.repeat(picture[None], len(tile), 0)
        for one, place in zip(covered, tile, strict=True):
            one[place] = grey
        left[start : start + len(tile)] = shares(covered)[:, label]
        tell(start + len(tile), len(places))
    return (whole - left).reshape(grid, grid)


def patches(size: int, grid: int) -> list[tuple[slice, slice]]:
    """Return where the patch lies at each place: from edge to edge, row by row."""
    side = _side(size)
    starts = [round(at) for at in np.linspace(0, size - side, grid)]
    return [(slice(y, y + side), slice(x, x + side)) for y in starts for x in starts]


def _side(size: int) -> int:
    return max(1, round(PATCH * size))


def spread(drops: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the drops as large as the picture: each stands at the middle of its patch."""
    side = _side(size)
    return enlarge(drops, size, Place((side - 1) / 2, (size - side) / (len(drops) - 1)))


def agreement(heat: NDArray[np.float32], drops: NDArray[np.float32]) -> float | None:
    """Return how far two maps name the same places, as Spearman's rank correlation.

    Args:
        heat: of Grad-CAM, as large as the picture.
        drops: from `occlusion`.

    Returns:
        From -1 to 1; `None` where one of them names no place at all.
    """
    from scipy.stats import spearmanr

    seen = [float(heat[place].mean()) for place in patches(len(heat), len(drops))]
    if np.ptp(seen) == 0 or np.ptp(drops) == 0:
        return None
    figure = float(spearmanr(seen, drops.ravel()).statistic)
    return None if isnan(figure) else figure


def say_agreement(figure: float | None, drop: float) -> str:
    """Say in words whether the two maps can be trusted.

    Args:
        figure: from `agreement`.
        drop: the largest fall of the class's share.

    >>> say_agreement(0.8, 0.5)
    'Both ways point to the same places (agreement 0.80 of 1), so they can be believed here.'
    """
    if figure is None or drop < 0.02:
        return (
            "No single patch matters: whichever place is covered, the answer stays. It rests on "
            "the picture as a whole, or on several places that can stand in for each other."
        )
    told = f"(agreement {figure:.2f} of 1)"
    if figure >= _AGREE:
        return f"Both ways point to the same places {told}, so they can be believed here."
    if figure >= _PARTLY:
        return f"The two ways agree in part {told}: believe the places that both show, and no more."
    return f"The two ways disagree {told}: believe neither for this picture."
