"""How far a pre-training run is, and what its epochs came to."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tl_core.pretraining.settings import Settings


@dataclass(frozen=True)
class EpochDone:
    """Figures of one epoch.

    Attributes:
        epoch: from 1.
        size: side of what the network saw, in pixels.
        loss: all that was learned from, mean over the epoch.
        class_loss: the share of the classes.
        validation_accuracy: of the averaged weights on unvaried pictures; `None` without any.
    """

    epoch: int
    size: int
    loss: float
    class_loss: float
    validation_accuracy: float | None


@dataclass(frozen=True)
class Progress:
    """How far a run is.

    Attributes:
        done: steps so far, those of earlier starts included.
        total: steps in all.
        seconds_left: as foreseen from the pace since this start.
    """

    done: int
    total: int
    seconds_left: float


class Clock:
    """Foresees the time left; a step costs as much as its pictures have pixels.

    Args:
        settings: of the run.
        steps_per_epoch: steps of each epoch.
        step: steps that were done before this start.
    """

    def __init__(self, settings: Settings, steps_per_epoch: int, step: int) -> None:
        self.settings, self.steps_per_epoch = settings, steps_per_epoch
        self.began, self.at_start = time.monotonic(), self.work_left(step)

    def work_left(self, step: int) -> int:
        """Return the work after `step` steps, in pixels of one picture a step."""
        per_epoch = self.steps_per_epoch
        return sum(
            self.settings.size_at(epoch) ** 2
            * min(per_epoch, max(0, (epoch + 1) * per_epoch - step))
            for epoch in range(self.settings.epochs)
        )

    def progress(self, step: int) -> Progress:
        """Return how far the run is after `step` steps, at least one since this start."""
        left = self.work_left(step)
        pace = (time.monotonic() - self.began) / (self.at_start - left)
        return Progress(step, self.settings.epochs * self.steps_per_epoch, pace * left)
