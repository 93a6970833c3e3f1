"""Who comes next, and when: a fair order among the owners of runs that wait. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from tl_core import words
from tl_core.runs.estimate import Range
from tl_core.runs.run import Run

# Of two runs alike one may take so much less or more: patience, and what is kept already.
_LEAST, _MOST = 0.5, 1.5


@dataclass(frozen=True)
class Outlook:
    """When a run's turn comes.

    Attributes:
        place: in the line, from 1; runs that are being trained are not counted.
        low: seconds until its turn, at least; `None` where nothing is known.
        high: likewise, at most.
    """

    place: int
    low: float | None = None
    high: float | None = None


def in_line(waiting: Iterable[Run], served: Mapping[str, float]) -> list[Run]:
    """Return runs in the order in which a worker takes them.

    Interrupted runs had their turn and go on first. Then the owners take turns, whoever was served
    longest ago first, each with the oldest run.

    Args:
        waiting: the runs.
        served: when a worker last took a run of each owner.
    """
    oldest = sorted(waiting, key=lambda run: run.created)
    line = [run for run in oldest if run.state == "interrupted"]
    left = [run for run in oldest if run.state != "interrupted"]
    last = dict(served)
    while left:
        run = min(left, key=lambda run: (last.get(run.owner, -math.inf), run.created))
        left.remove(run)
        line.append(run)
        last[run.owner] = max(last.values(), default=0.0) + 1.0
    return line


def outlook(
    run: Run,
    running: Iterable[Run],
    line: Sequence[Run],
    finished: Sequence[Run],
    left: Callable[[Run], Range | None],
) -> Outlook:
    """Say when a run's turn comes.

    Args:
        run: that waits.
        running: what is being trained.
        line: everything that waits, in order.
        finished: runs that tell how long one takes here.
        left: how long a run that is being trained will go on, where that is known.
    """
    before = [other for other in line if _share_a_worker(run, other)]
    before = before[: [other.id for other in before].index(run.id)]
    times = [left(other) or expected(other, finished) for other in running
             if _share_a_worker(run, other)]  # fmt: skip
    times += [expected(other, finished) for other in before]
    known = [time for time in times if time is not None]
    if len(known) < len(times):
        return Outlook(len(before) + 1)
    return Outlook(len(before) + 1, sum(low for low, _ in known), sum(high for _, high in known))


def expected(run: Run, finished: Sequence[Run]) -> Range | None:
    """Return how long a run may take: as long as those most like it did; `None` without any.

    Args:
        run: that has not begun.
        finished: with `seconds` among their facts.
    """
    timed = [other for other in finished if other.facts.get("seconds")]
    for alike in (("dataset", "backbone", "recipe"), ("dataset", "backbone"), ("backbone",), ()):
        took = [
            float(other.facts["seconds"])
            for other in timed
            if all(getattr(other.config, name) == getattr(run.config, name) for name in alike)
        ]
        if took:
            return min(took) * _LEAST, max(took) * _MOST
    return None


def say_outlook(seen: Outlook) -> str:
    """Say in plain words when a run's turn comes.

    >>> say_outlook(Outlook(1, 0.0, 0.0)), say_outlook(Outlook(1, 20.0, 200.0))
    ('Next in line.', 'Next in line; its turn comes in 20 seconds to 3 minutes.')
    >>> say_outlook(Outlook(3))
    'Number 3 in line; when its turn comes is not known yet.'
    """
    place = "Next in line" if seen.place == 1 else f"Number {seen.place} in line"
    if seen.low is None or seen.high is None:
        return f"{place}; when its turn comes is not known yet."
    if seen.high < 1:
        return f"{place}."
    low, high = words.duration(seen.low), words.duration(seen.high)
    when = f"about {high}" if low == high else f"{low} to {high}"
    return f"{place}; its turn comes in {when}."


def _share_a_worker(run: Run, other: Run) -> bool:
    devices = {run.config.device, other.config.device}
    return len(devices) == 1 or "auto" in devices
