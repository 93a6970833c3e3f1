"""What kept activations saved a run, read off its events. Pure functions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tl_core import words
from tl_core.training.events import CacheRead, EpochEnded, Event


@dataclass(frozen=True)
class Savings:
    """What a run had of the cache so far.

    Attributes:
        views: variations of each training picture that are kept, in the phase that keeps most.
        bytes: on disk, over all phases.
        reused: whether an earlier run had computed all of it.
        seconds: that passing everything through the frozen stages in every epoch would have taken,
            less what was spent on passing it through them once. Negative before that has paid.
    """

    views: int
    bytes: int
    reused: bool
    seconds: float


def savings(events: Iterable[Event]) -> Savings | None:
    """Sum up what the cache saved; `None` where nothing was kept."""
    read: list[CacheRead] = []
    epochs: Counter[int] = Counter()
    for event in events:
        if isinstance(event, CacheRead):
            read.append(event)
        elif isinstance(event, EpochEnded):
            epochs[event.phase] += 1
    if not read:
        return None
    return Savings(
        views=max(event.views for event in read),
        bytes=sum(event.bytes for event in read),
        reused=not any(event.spent for event in read),
        seconds=sum(epochs[event.phase] * event.one_pass - event.spent for event in read),
    )


def say_savings(saved: Savings) -> str:
    """Say in plain words what was kept and what it saved.

    >>> say_savings(Savings(1, 2_000_000, True, 75.0))
    'An earlier run had passed these pictures through the same frozen stages, and what came out \
was kept (2.0 MB): about 1 minute saved.'
    """
    time = f": about {words.duration(saved.seconds)} saved" if saved.seconds >= 1 else ""
    if saved.reused:
        return (
            "An earlier run had passed these pictures through the same frozen stages, and what "
            f"came out was kept ({words.size(saved.bytes)}){time}."
        )
    times = "once" if saved.views == 1 else f"in {saved.views} variations"
    return (
        f"Each picture passes through the frozen stages {times}, and every epoch reads what came "
        f"out ({words.size(saved.bytes)} kept on disk){time}."
    )
