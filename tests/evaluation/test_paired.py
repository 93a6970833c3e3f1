"""Two runs on the same pictures: against scipy's test, and how often the interval is right."""

from __future__ import annotations

from math import factorial

import numpy as np
import pytest
from scipy.stats import binomtest

from tl_core.evaluation.paired import Paired, judged, paired, say_difference
from tl_core.evaluation.predictions import Predictions


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 5), (6, 0), (4, 7), (20, 45), (300, 1)])
def test_luck_is_mcnemars_exact_test(first: int, second: int) -> None:
    found = Paired(1000, 600, first, second)
    expected = binomtest(first, first + second).pvalue if first + second else 1.0
    assert found.luck == pytest.approx(expected, rel=1e-9)
    assert found.luck == Paired(1000, 600, second, first).luck


@pytest.mark.parametrize(
    ("count", "less", "more"), [(20, 0.1, 0.1), (30, 0.02, 0.15), (40, 0.3, 0.05), (60, 0.01, 0.01)]
)
def test_the_interval_holds_the_true_difference_as_often_as_it_says(
    count: int, less: float, more: float
) -> None:
    """Summed over everything that can happen, not sampled."""
    held = 0.0
    for first in range(count + 1):
        for second in range(count + 1 - first):
            rest = count - first - second
            ways = factorial(count) // (factorial(first) * factorial(second) * factorial(rest))
            chance = ways * less**first * more**second * (1 - less - more) ** rest
            low, high = Paired(count, 0, first, second).interval
            held += chance * (low <= more - less <= high)
    assert 0.935 <= held <= 1


def test_the_interval_is_as_published() -> None:
    """By hand from the formula in Bonett and Price (2012), Laplace-adjusted Wald."""
    low, high = Paired(50, 40, 1, 9).interval
    middle, spread = 8 / 52, (12 / 52 - (8 / 52) ** 2) / 52
    assert (low + high) / 2 == pytest.approx(middle)
    assert (high - low) / 2 == pytest.approx(1.959964 * spread**0.5, rel=1e-6)


def test_nothing_to_tell_apart_is_not_certainty() -> None:
    found = Paired(10, 10, 0, 0)
    assert found.interval[0] < 0 < found.interval[1]
    assert found.luck == 1
    assert not found.is_clear


def test_pictures_are_matched_by_file_and_class() -> None:
    files = tuple(str(n) * 64 for n in range(4))
    logits = np.eye(2, dtype=np.float32)
    one = judged(Predictions(logits[[0, 0, 1, 1]], np.array([0, 1, 1, 0]), files), ["ant", "bee"])
    # The second run lacks the first picture, knows its classes in another order, and has the last
    # picture in another class.
    other = judged(Predictions(logits[[0, 0, 0]], np.array([0, 0, 0]), files[1:]), ["bee", "ant"])
    assert paired(one, other) == Paired(count=2, both=1, first=0, second=1)
    assert paired(one, {}) is None


def test_in_words() -> None:
    assert say_difference(Paired(153, 146, 0, 0)) == "as many right of 153"
    assert say_difference(Paired(153, 140, 7, 4)) == "worse by 3 of 153: could be luck"
    assert "more than luck" in say_difference(Paired(100, 70, 0, 8))
