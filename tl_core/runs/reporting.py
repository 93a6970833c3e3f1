"""What a run's work says on its way, and hears: how far it is, and the wish to stop."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TypeVar

from tl_core.runs.pipeline import StoppedError
from tl_core.training.events import Event, Preparing

Emit = Callable[[Event], None]
_Made = TypeVar("_Made")


class Reporting:
    """Passes on what a piece of work says, and ends it when the person wants that.

    Args:
        emit: receives events.
        should_stop: asked after each of them.
    """

    def __init__(self, emit: Emit, should_stop: Callable[[], bool]) -> None:
        self._emit, self._should_stop = emit, should_stop

    def __call__(self, event: Event) -> None:
        """Pass on one event.

        Raises:
            StoppedError: the person stopped the run.
        """
        self._emit(event)
        if self._should_stop():
            raise StoppedError

    def counting(self, what: str) -> Callable[[int, int], None]:
        """Return what takes (done, in all) of something."""
        return lambda done, total: self(Preparing(what, done, total))

    def drain(self, steps: Generator[Event, None, _Made]) -> _Made:
        """Pass on what a generator yields and return what it comes to."""
        while True:
            try:
                self(next(steps))
            except StopIteration as end:
                made: _Made = end.value
                return made
