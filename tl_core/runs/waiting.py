"""Who comes next: a fair order among the owners of runs that wait. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from tl_core.runs.run import Run


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
