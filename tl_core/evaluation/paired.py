"""Whether one run is better than another on the very same pictures, or lucky."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import comb, sqrt
from statistics import NormalDist

from tl_core.evaluation.predictions import Predictions

Judged = Mapping[tuple[str, str], bool]
"""Whether each picture was answered right, by its file's hash and the name of its class."""

_LUCK = 0.05  # probability of such a difference by luck, below which it is called clear


@dataclass(frozen=True)
class Paired:
    """Two runs on pictures that both were checked with.

    Attributes:
        count: pictures in common.
        both: answered right by both.
        first: only by the first.
        second: only by the second.
    """

    count: int
    both: int
    first: int
    second: int

    @property
    def difference(self) -> float:
        """How much larger the second's share of right answers is."""
        return (self.second - self.first) / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Where the true difference lies (95 %; Bonett and Price 2012)."""
        n, z = self.count + 2, NormalDist().inv_cdf(0.975)
        more, less = (self.second + 1) / n, (self.first + 1) / n
        half = z * sqrt((more + less - (more - less) ** 2) / n)
        return max(-1.0, more - less - half), min(1.0, more - less + half)

    @property
    def luck(self) -> float:
        """How often equally good runs would differ this much or more (McNemar's exact test)."""
        n, few = self.first + self.second, min(self.first, self.second)
        return min(1.0, float(Fraction(2 * sum(comb(n, k) for k in range(few + 1)), 2**n)))

    @property
    def is_clear(self) -> bool:
        """Whether the difference is more than luck would explain."""
        low, high = self.interval
        return self.luck < _LUCK and not low <= 0 <= high


def judged(made: Predictions, classes: Sequence[str]) -> Judged:
    """Return which pictures were answered right, so that runs can be compared by picture."""
    named = (classes[label] for label in made.labels)
    return dict(zip(zip(made.files, named, strict=True), made.right.tolist(), strict=True))


def paired(first: Judged, second: Judged) -> Paired | None:
    """Compare two runs on the pictures that both were checked with; `None` where there are none.

    >>> paired({("a", "ant"): True, ("b", "bee"): False}, {("b", "bee"): True})
    Paired(count=1, both=0, first=0, second=1)
    """
    common = first.keys() & second.keys()
    if not common:
        return None
    return Paired(
        count=len(common),
        both=sum(first[key] and second[key] for key in common),
        first=sum(first[key] and not second[key] for key in common),
        second=sum(second[key] and not first[key] for key in common),
    )


def say_difference(found: Paired) -> str:
    """Say how the second run did against the first.

    >>> say_difference(Paired(153, 140, 4, 7))
    'better by 3 of 153: could be luck'
    >>> say_difference(Paired(153, 120, 2, 25))
    'better by 23 of 153: more than luck'
    """
    gained = found.second - found.first
    if gained == 0:
        return f"as many right of {found.count}"
    verdict = "more than luck" if found.is_clear else "could be luck"
    return f"{'better' if gained > 0 else 'worse'} by {abs(gained)} of {found.count}: {verdict}"
