"""Turns before something that answers one question at a time: who waits, how long, and who is next.

What bounds the line is the time that its last one would wait, not a number of people: forty who
ask at once and are answered within a second each wait; a line of minutes lets nobody else in.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from statistics import median

from tl_core.errors import UserError

PATIENCE = 30.0  # seconds that a person is let wait
MOST = 200  # waiting at once, each of them a thread of the page server
FIRST_GUESS = 0.5  # seconds of an answer, until some were measured


@dataclass(order=True)
class _Ticket:
    round: int
    number: int
    asker: str = field(compare=False)
    called: threading.Event = field(compare=False, default_factory=threading.Event)


class Turns:
    """A line of askers who take turns: whoever asks for much does not stand before the others.

    Args:
        patience: seconds that anybody is let wait.
        most: that wait at once.
    """

    def __init__(self, patience: float = PATIENCE, most: int = MOST) -> None:
        self.patience, self.most = patience, most
        self._line: list[_Ticket] = []  # a heap: the next one first
        self._busy = False
        self._round = self._number = 0
        self._lasted = deque([FIRST_GUESS] * 5, maxlen=9)  # the middle one ignores a cold start
        self._lock = threading.Lock()

    @contextmanager
    def turn(self, asker: str = "") -> Iterator[None]:
        """Wait for a turn, and have it for as long as the block lasts.

        Args:
            asker: whose turn it is; askers take turns with each other.

        Raises:
            UserError: too many are waiting already, or it took too long.
        """
        ticket = self._join(asker)
        try:
            self._wait(ticket)
        except BaseException:
            self._leave(ticket)
            raise
        began = time.monotonic()
        try:
            yield
        finally:
            with self._lock:
                self._lasted.append(time.monotonic() - began)
                self._call_next()

    def _join(self, asker: str) -> _Ticket:
        with self._lock:
            before = len(self._line) + self._busy
            seconds = before * median(self._lasted)
            if len(self._line) >= self.most or seconds > self.patience:
                raise UserError(
                    f"{before} questions are waiting before yours, which takes about "
                    f"{max(seconds, 1):.0f} seconds; try again in a moment."
                )
            own = [waiting.round for waiting in self._line if waiting.asker == asker]
            self._number += 1
            ticket = _Ticket(max(own, default=self._round - 1) + 1, self._number, asker)
            heapq.heappush(self._line, ticket)
            if not self._busy:
                self._call_next()
            return ticket

    def _wait(self, ticket: _Ticket) -> None:
        if not ticket.called.wait(2 * self.patience):
            raise UserError(
                f"This waited for {2 * self.patience:.0f} seconds behind other questions and was "
                "given up; try again in a moment."
            )

    def _leave(self, ticket: _Ticket) -> None:
        with self._lock:
            if ticket.called.is_set():
                self._call_next()
            else:
                self._line.remove(ticket)
                heapq.heapify(self._line)

    def _call_next(self) -> None:
        self._busy = bool(self._line)
        if self._line:
            ticket = heapq.heappop(self._line)
            self._round = ticket.round
            ticket.called.set()
