"""How far a share of right answers can be trusted that was counted on a few pictures."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

_TYPICAL = 0.9
"""Share of right answers at which people are told beforehand what a figure will be worth."""


def interval(right: float, count: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return where the true share lies, judged by `right` of `count` pictures (Wilson 1927).

    Unlike the share plus and minus its deviation it stays between 0 and 1 and holds for few
    pictures and for shares near 1 (Brown, Cai and DasGupta 2001).

    Args:
        right: pictures that were answered right.
        count: pictures that were asked; at least 1.
        confidence: how often such an interval holds the true share.

    >>> [round(end, 3) for end in interval(9, 10)]
    [0.596, 0.982]
    >>> [round(end, 3) for end in interval(900, 1000)]
    [0.88, 0.917]
    """
    if count < 1 or not 0 <= right <= count:
        raise ValueError(f"{right} of {count} is no share")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = right / count
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count**2))
    return max(0.0, middle - half), min(1.0, middle + half)


def say_interval(share: float, count: int) -> str:
    """Say in words what a share of right answers, counted on `count` pictures, is worth.

    >>> say_interval(0.95, 60)
    'Counted on 60 pictures; with others of the kind it may as well be between 86% and 98%.'
    """
    low, high = interval(share * count, count)
    pictures = "1 picture" if count == 1 else f"{count} pictures"
    return (
        f"Counted on {pictures}; with others of the kind it may as well be between {low:.0%} and "
        f"{high:.0%}."
    )


def say_beforehand(count: int) -> str:
    """Say in words, before anything was trained, what a figure from `count` pictures is worth.

    >>> say_beforehand(78)
    '1 picture of 78 is 1.3 points. A figure of 90% may as well mean anything from 81% to 95%.'
    """
    if not count:
        return "There are no pictures to check with, so nothing will tell how good the network is."
    low, high = interval(_TYPICAL * count, count)
    return (
        f"1 picture of {count} is {100 / count:.1f} points. A figure of {_TYPICAL:.0%} may as well "
        f"mean anything from {low:.0%} to {high:.0%}."
    )
