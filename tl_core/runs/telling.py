"""What a worker passes on of a run while it trains it, and the wishes that it hears."""

from __future__ import annotations

import threading
import time

from tl_core.runs.run import Wish
from tl_core.runs.store import Store
from tl_core.training.events import Event, Preparing, Stepped

TELL_SECONDS = 0.25


class Telling:
    """Passes events on to the store, at most four commits a second, and hears the person's wish.

    Of the steps, and of the preparations, between two commits only the last is kept: the page
    can show no more.

    Args:
        store: of the run.
        run: its id.
        holder: token of the worker that holds it; a run that somebody else holds raises
            `LostLeaseError`.
        leaving: set when the worker has to end; the run then pauses.
    """

    def __init__(
        self, store: Store, run: str, holder: str, leaving: threading.Event | None = None
    ) -> None:
        self.store, self.run, self.holder = store, run, holder
        self.leaving = leaving or threading.Event()
        self.waiting: list[Event] = []
        self.last, self.told = -1, 0.0
        self._wish: Wish = ""

    def emit(self, event: Event) -> None:
        """Take one event."""
        if self.waiting and _replaces(event, self.waiting[-1]):
            self.waiting.pop()
        self.waiting.append(event)
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.flush()

    def flush(self) -> int:
        """Write what waits, look what is wished, and return the number of the last event."""
        if self.waiting:
            self.last = self.store.append(self.run, self.waiting, self.holder)
            self.waiting = []
        self._wish = self.store.wish(self.run, self.holder)
        self.told = time.monotonic()
        return self.last

    def wish(self) -> Wish:
        """Return what the person, or the worker that ends, asks of the run, as of the last look."""
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.flush()
        return "pause" if self.leaving.is_set() else self._wish


def _replaces(event: Event, before: Event) -> bool:
    if isinstance(event, Preparing) and isinstance(before, Preparing):
        return event.what == before.what
    return isinstance(event, Stepped) and isinstance(before, Stepped)
