"""How many pictures: right answers against pictures per class, transfer beside from scratch."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Literal, get_args

from tl_core import words
from tl_core.data.dataset import Dataset
from tl_core.runs.store import Store
from tl_core.studies.needs import require_validation, with_head_start
from tl_core.studies.study import Asked, Part, Plan, Reading, Study
from tl_core.workspace import Workspace

NAME, TITLE = "how-many", "How many pictures?"
QUESTION = "How many pictures of each class does it take, with a head start and without?"
SIZES = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)

Way = Literal["transfer", "scratch"]
WAYS: tuple[Way, ...] = get_args(Way)


@dataclass(frozen=True)
class Point:
    """Right answers with so many pictures of each class to learn from.

    Attributes:
        way: with the head start or from scratch.
        per_class: pictures of each class; of a class that has fewer, all.
        mean: share of the validation pictures right, over the seeds.
        low: of the worst seed.
        high: of the best seed.
        seeds: how many there are so far.
    """

    way: Way
    per_class: int
    mean: float
    low: float
    high: float
    seeds: int


def sizes(dataset: Dataset) -> list[int]:
    """Return how many pictures of each class to try: up to what the largest class has."""
    counts = Counter(item.label for item in dataset.of("train"))
    largest = max(counts.values(), default=0)
    return [size for size in SIZES if size < largest] + [largest]


def plan(asked: Asked) -> Plan:
    """Train with more and more pictures, each size with every seed, both ways.

    The small sizes come first: they are quick, and a curve is seen to grow.

    Raises:
        UserError: the backbone's weights are not at hand, or there is nothing to check with.
    """
    card = with_head_start(asked)
    require_validation(asked.dataset)
    recipes: dict[Way, str] = {"transfer": "feature-extraction", "scratch": "scratch"}
    parts = [
        Part(way, asked.config(card.name, recipe=recipes[way], per_class=size, seed=seed))
        for size in sizes(asked.dataset)
        for way in WAYS
        for seed in range(asked.seeds)
    ]
    return Plan(tuple(parts))


def read(study: Study, store: Store, workspace: Workspace) -> Reading[Point]:  # noqa: ARG001
    """Read the two curves as far as they have come."""
    found: dict[tuple[Way, int], list[float]] = {}
    for way, run in study.finished:
        size = run.config.per_class or 0
        found.setdefault((way, size), []).append(run.facts["validation_accuracy"])  # type: ignore[arg-type]
    points = tuple(
        Point(way, size, statistics.mean(shares), min(shares), max(shares), len(shares))
        for (way, size), shares in sorted(found.items(), key=lambda item: item[0][1])
    )
    transfer = [point for point in points if point.way == "transfer"]
    scratch = [point for point in points if point.way == "scratch"]
    if not transfer or not scratch:
        return Reading("", "", points)
    return Reading(_headline(transfer, scratch), _why(study, transfer, scratch), points)


def reached(points: Sequence[Point], share: float) -> float | None:
    """Return with how many pictures per class a curve first reaches a share, or `None`.

    Between two measured sizes it is read off the straight line over the logarithm of the size.

    >>> at = lambda size, mean: Point("scratch", size, mean, mean, mean, 1)
    >>> round(reached([at(1, 0.5), at(100, 0.9)], 0.7))
    10
    >>> reached([at(1, 0.5), at(100, 0.9)], 0.95) is None
    True
    """
    before: Point | None = None
    for point in sorted(points, key=lambda point: point.per_class):
        if point.mean >= share:
            if before is None:
                return float(point.per_class)
            part = (share - before.mean) / (point.mean - before.mean)
            low, high = log(before.per_class), log(point.per_class)
            return exp(low + part * (high - low))
        before = point
    return None


def _headline(transfer: Sequence[Point], scratch: Sequence[Point]) -> str:
    best = max(scratch, key=lambda point: point.mean)
    needed = reached(transfer, best.mean)
    if needed is None:
        top = max(transfer, key=lambda point: point.mean)
        return (
            f"From scratch is ahead: {best.mean:.0%} right with {_amount(best.per_class)}, where "
            f"the head start comes to {top.mean:.0%}."
        )
    return (
        f"To get {best.mean:.0%} right, the head start takes {_amount(max(1, round(needed)))}, "
        f"from scratch {best.per_class}."
    )


def _why(study: Study, transfer: Sequence[Point], scratch: Sequence[Point]) -> str:
    seeds = min(point.seeds for point in (*transfer, *scratch))
    few = transfer[0].per_class
    both = [next((p for p in points if p.per_class == few), None) for points in (transfer, scratch)]
    first = (
        f"With {_amount(few)} it is {both[0].mean:.0%} against {both[1].mean:.0%}. "
        if both[0] and both[1]
        else ""
    )
    drawn = "once" if seeds == 1 else f"{seeds} times"
    rest = "" if study.is_over else " Larger numbers are still being trained."
    return f"{first}Which pictures are learned from was drawn {drawn}.{rest}"


def _amount(count: int) -> str:
    return f"{words.count(count, 'picture')} of each class"
