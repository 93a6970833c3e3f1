"""How far a run is and how long it may still take, read off its events. Pure functions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tl_core import words
from tl_core.runs.estimate import seconds_left
from tl_core.runs.run import Told
from tl_core.training.events import EpochEnded, PhaseStarted, Preparing, Stepped


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        doing: in words.
        share: of the whole that is done at least, between 0 and 1.
        epoch: the one being trained, or trained last, counted from 1; 0 before the first.
        epochs: at most.
        low: seconds that are left at least, or `None` while it cannot be known.
        high: seconds that are left at most, likewise.
    """

    doing: str
    share: float
    epoch: int
    epochs: int
    low: float | None = None
    high: float | None = None


def progress(told: Sequence[Told], phases: Sequence[dict[str, Any]]) -> Progress:
    """Sum up a run's events.

    Args:
        told: all events so far, in order.
        phases: the plan's phases, as stored with the run.
    """
    epochs_in_all = sum(phase["epochs"] for phase in phases)
    phase, in_phase, epoch, doing, within = 0, 0, 0, "Starting", 0.0
    for item in told:
        event = item.event
        if isinstance(event, Preparing):
            doing = f"{event.what}: {event.done} of {event.total}"
        elif isinstance(event, PhaseStarted):
            phase, in_phase, doing, within = event.index, 0, f"Training: {event.name}", 0.0
        elif isinstance(event, Stepped):
            epoch, within = event.epoch, event.step / event.steps
            doing = f"Training: {phases[phase]['name']}" if phases else "Training"
        elif isinstance(event, EpochEnded):
            epoch, in_phase, within = event.epoch, in_phase + 1, 0.0
    before = sum(p["epochs"] for p in phases[:phase])
    share = (before + in_phase + within) / epochs_in_all if epochs_in_all else 0.0
    low, high = seconds_left(told, phases) or (None, None)
    return Progress(doing, min(share, 1.0), epoch, epochs_in_all, low, high)


def time_left(state: Progress) -> str:
    """Return the time left as a range in words.

    >>> time_left(Progress("", 0, 1, 2, 5, 70))
    'between 5 seconds and 1 minute left'
    """
    if state.low is None or state.high is None:
        return "the time left is known after the first epoch"
    low, high = words.duration(state.low), words.duration(state.high)
    return f"about {high} left" if low == high else f"between {low} and {high} left"
