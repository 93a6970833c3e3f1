"""How long a run may still take, as a range, from what was measured of it. Pure functions.

A phase that has begun tells what its epochs cost. One that has not is estimated from those that
have: how much of the network each computes, and how often, is known from the plan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tl_core.runs.run import Told
from tl_core.training.events import CacheRead, EpochEnded, PhaseStarted

# A backward pass costs about two forward passes.
FORWARD_AND_BACKWARD = 3
# Batches in training and tiles in a frozen body do not reach the same speed.
_LEAST, _MOST = 0.8, 1.3

Range = tuple[float, float]


def seconds_left(told: Sequence[Told], phases: Sequence[Mapping[str, Any]]) -> Range | None:
    """Return the least and the most seconds left, or `None` before the first epoch has ended.

    The least: every phase ends early for want of progress. The most: every planned epoch takes
    place.

    Args:
        told: all events so far, in order.
        phases: the plan's phases as stored with the run, each with its `frozen_share`.
    """
    begun: dict[int, float] = {}
    ended: dict[int, list[Told]] = {}
    reused: dict[int, float] = {}
    for item in told:
        if isinstance(item.event, PhaseStarted):
            begun[item.event.index] = item.at
        elif isinstance(item.event, EpochEnded):
            ended.setdefault(item.event.phase, []).append(item)
        elif isinstance(item.event, CacheRead) and item.event.reused:
            reused[item.event.phase] = item.event.one_pass
    if not ended or not phases:
        return None
    now = max(begun, default=0)
    ahead = range(now + (now in ended), len(phases))
    low, high = _of_this(ended[now], phases[now]) if now in ended else (0.0, 0.0)
    passes = [
        _read_pass(reused[i], phases[i])
        if i in reused
        else _one_pass(begun[i], items[0], phases[i])
        for i, items in ended.items()
        if i in begun
    ]
    for index in ahead if passes else ():
        least, most = _of_later(phases[index], passes[-1])
        low, high = low + least, high + most
    return low, high


def _of_this(ended: Sequence[Told], phase: Mapping[str, Any]) -> Range:
    events = [item.event for item in ended if isinstance(item.event, EpochEnded)]
    seconds = [event.seconds for event in events[-5:]]
    stale = next((n for n, event in enumerate(reversed(events)) if event.best), len(events))
    left = phase["epochs"] - len(events)
    least = max(0, min(left, phase["patience"] - stale))
    return min(seconds) * least * 0.9, max(seconds) * left * 1.1


def _of_later(phase: Mapping[str, Any], one_pass: Range) -> Range:
    before, epoch = work(phase, validation=0)
    least = before + epoch * min(phase["patience"], phase["epochs"])
    before, epoch = work(phase, validation=1)
    most = before + epoch * phase["epochs"]
    return one_pass[0] * least * _LEAST, one_pass[1] * most * _MOST


def _one_pass(begun: float, first: Told, phase: Mapping[str, Any]) -> Range:
    """Return the seconds that the training pictures take through the whole network, forwards.

    Measured from the phase's beginning to its first epoch's end, what was prepared included.
    """
    seconds = max(0.0, first.at - begun)
    return seconds / sum(work(phase, validation=1)), seconds / sum(work(phase, validation=0))


def _read_pass(seconds: float, phase: Mapping[str, Any]) -> Range:
    """Return the same where nothing was passed: what it took an earlier run, it has written down.

    Args:
        seconds: for the training and the validation pictures, through the frozen part.
        phase: with its `frozen_share`.
    """
    return seconds / phase["frozen_share"] / 2, seconds / phase["frozen_share"]


def work(phase: Mapping[str, Any], validation: float) -> tuple[float, float]:
    """Return a phase's work before its first epoch and in each, counted in such passes.

    Args:
        phase: its `frozen_share` of a forward pass lies before the cut; `views` variations of
            each picture are passed through that part once and kept, or none.
        validation: pictures to validate on, as a share of those to learn from. It is not known
            here, so the least and the most are taken: 0 and 1.

    >>> work({"frozen_share": 1.0, "views": 1}, validation=0)
    (1.0, 0.0)
    >>> work({"frozen_share": 0.0, "views": 0}, validation=1)
    (0.0, 4.0)
    """
    frozen, views = phase["frozen_share"], phase["views"]
    learning = (1 - frozen) * (FORWARD_AND_BACKWARD + validation)
    if views:
        return frozen * (views + validation), learning
    return 0.0, learning + frozen * (1 + validation)
