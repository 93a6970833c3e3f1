"""Fewer pictures to learn from, drawn by a seed, one draw inside the next larger one."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tl_core.data.dataset import SPLITS, Dataset, Item
from tl_core.data.fewer import fewer


@pytest.fixture
def whole() -> Dataset:
    items = tuple(
        Item(f"{label}{number:063x}", f"{number}.png", label, SPLITS[number % 3])
        for label, count in enumerate((30, 12))
        for number in range(count)
    )
    return Dataset("id", "name", ("a", "b"), items, False, "local", Path("nowhere"))


def test_each_class_has_at_most_so_many_and_the_rest_stays(whole: Dataset) -> None:
    for count in (1, 3, 7, 100):
        drawn = fewer(whole, count, seed=0)
        of_each = Counter(item.label for item in drawn.of("train"))
        assert of_each == {0: min(count, 10), 1: min(count, 4)}
        assert drawn.of("validation") == whole.of("validation")
        assert drawn.of("test") == whole.of("test")
    assert fewer(whole, 100, 0) == whole
    assert fewer(whole, None, 0) is whole


def test_a_larger_draw_holds_the_smaller_one(whole: Dataset) -> None:
    draws = [set(fewer(whole, count, seed=5).of("train")) for count in (1, 2, 4, 8)]
    assert all(small < large for small, large in pairwise(draws))


def test_the_seed_draws(whole: Dataset) -> None:
    draws = [fewer(whole, 3, seed).items for seed in range(5)]
    assert fewer(whole, 3, 0).items == draws[0]
    assert len(set(draws)) > 1
