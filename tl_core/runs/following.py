"""Following a training event by event, until it ends or the person wants something else."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence

from tl_core.runs.run import Wish
from tl_core.training.events import EpochEnded, Event, Notice, Preparing, Stepped
from tl_core.training.standing import Standing

Emit = Callable[[Event], None]


class StoppedError(Exception):
    """The person stopped the run before there was anything to keep."""


class PausedError(Exception):
    """The person paused the run; it goes on from its last checkpoint."""


class Following:
    """Passes a run's events on, remembers those that its figures need, and does what is wished.

    Args:
        events: of earlier lives of the run.
        emit: receives events.
        wish: what the person asks of the run.
    """

    def __init__(self, events: Sequence[Event], emit: Emit, wish: Callable[[], Wish]) -> None:
        self.events = [event for event in events if not isinstance(event, Stepped | Preparing)]
        self._emit, self._wish = emit, wish

    @property
    def epochs(self) -> list[EpochEnded]:
        """The epochs that have ended."""
        return [event for event in self.events if isinstance(event, EpochEnded)]

    def tell(self, event: Event) -> None:
        """Pass an event on."""
        if isinstance(event, Notice) and event in self.events:
            return  # told in an earlier life of the run
        if not isinstance(event, Stepped | Preparing):
            self.events.append(event)
        self._emit(event)

    def prepare(self, event: Preparing) -> None:
        """Pass on how far a preparation is, which may take minutes, and end it if that is wished.

        Raises:
            PausedError: paused.
            StoppedError: stopped before there was anything to keep.
        """
        self.tell(event)
        wish = self._wish()
        if wish == "pause":
            raise PausedError
        if wish == "stop" and not self.epochs:
            raise StoppedError

    def counting(self, what: str) -> Callable[[int, int], None]:
        """Return what takes (done, in all) of a preparation; see `prepare`."""
        return lambda done, total: self.prepare(Preparing(what, done, total))

    def follow(
        self, events: Generator[Event, None, None], at: Standing, keep: Callable[..., None]
    ) -> bool:
        """Follow a training to its end; tell whether it was stopped before.

        Args:
            events: from `fit`.
            at: where it stands.
            keep: may take a checkpoint after an event, and has to if `must` is set.

        Raises:
            PausedError: paused.
        """
        for event in events:
            self.tell(event)
            wish = self._wish()
            keep(event, must=bool(wish))
            if wish == "pause":
                events.close()
                raise PausedError
            # Where it goes on, the chain does not hold the best epoch before the first step.
            if wish == "stop" and not at.goes_on:
                events.close()
                return True
        return False
