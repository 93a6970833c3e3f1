"""Bytes of memory for decoding, shared by all threads of a process: who needs more waits."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class MemoryBudget:
    """Memory that threads take and give back, in the order in which they ask.

    One that needs more than there is in all is alone then. A thread that holds some takes more
    without waiting, because it would wait for itself.

    Args:
        size: returns the bytes there are.
    """

    def __init__(self, size: Callable[[], int]) -> None:
        self._size, self._taken = size, 0
        self._given_back = threading.Condition()
        self._turn = threading.Lock()  # held by whoever waits, so that none overtakes
        self._thread = threading.local()

    @contextmanager
    def hold(self, needed: int) -> Iterator[None]:
        """Hold so many bytes for as long as the block lasts."""
        depth: int = getattr(self._thread, "depth", 0)
        if depth:
            with self._given_back:
                self._taken += needed
        else:
            with self._turn, self._given_back:
                while self._taken and self._taken + needed > self._size():
                    self._given_back.wait()
                self._taken += needed
        self._thread.depth = depth + 1
        try:
            yield
        finally:
            self._thread.depth = depth
            with self._given_back:
                self._taken -= needed
                self._given_back.notify_all()
