"""How many pictures: two curves, and what they say of each other."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tl_core.studies.how_many import sizes
from tl_core.studies.study import Asked

Begin = Callable[..., Any]


def test_the_sizes_end_with_all_there_is(asked: Asked) -> None:
    assert sizes(asked.dataset) == [1, 2, 5, 10, 14]


def test_small_sizes_come_first_and_both_ways_have_the_same_draws(
    asked: Asked, begin: Begin
) -> None:
    parts = begin("how-many", asked).plan.parts
    assert len(parts) == 5 * 2 * 2
    assert [part.config.per_class for part in parts[:5]] == [1, 1, 1, 1, 2]
    assert {(p.label, p.config.recipe) for p in parts} == {
        ("transfer", "feature-extraction"),
        ("scratch", "scratch"),
    }
    drawn = {
        way: [(p.config.per_class, p.config.seed) for p in parts if p.label == way]
        for way in ("transfer", "scratch")
    }
    assert drawn["transfer"] == drawn["scratch"]


def answered(begin: Begin, asked: Asked, worker: Any, curves: list[tuple[float, float]]) -> Any:
    studied = begin("how-many", asked)
    for transfer, scratch in curves:
        for middle in (transfer, scratch):
            for share in (middle - 0.02, middle + 0.02):
                worker.end(validation_accuracy=share)
    return studied.reading


def test_what_the_head_start_saves(asked: Asked, begin: Begin, worker: Any) -> None:
    curves = [(0.6, 0.5), (0.8, 0.5), (0.9, 0.55), (0.95, 0.7), (0.96, 0.8)]
    reading = answered(begin, asked, worker, curves)
    assert reading.headline == (
        "To get 80% right, the head start takes 2 pictures of each class, from scratch 14."
    )
    assert reading.why == (
        "With 1 picture of each class it is 60% against 50%. Which pictures are learned from was "
        "drawn 2 times."
    )
    point = next(row for row in reading.rows if (row.way, row.per_class) == ("scratch", 10))
    assert (round(point.mean, 6), round(point.low, 6), round(point.high, 6)) == (0.7, 0.68, 0.72)
    assert point.seeds == 2


def test_a_curve_that_grows(asked: Asked, begin: Begin, worker: Any) -> None:
    reading = answered(begin, asked, worker, [(0.6, 0.5)])
    assert reading.headline.startswith("To get 50% right, the head start takes 1 picture of each")
    assert reading.why.endswith("Larger numbers are still being trained.")
    assert [row.per_class for row in reading.rows] == [1, 1]


def test_from_scratch_may_be_ahead(asked: Asked, begin: Begin, worker: Any) -> None:
    reading = answered(begin, asked, worker, [(0.6, 0.5), (0.7, 0.9)])
    assert reading.headline == (
        "From scratch is ahead: 90% right with 2 pictures of each class, where the head start "
        "comes to 70%."
    )
