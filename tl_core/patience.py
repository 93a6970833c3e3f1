"""Waiting for faults of the world that pass: a store that another program holds, a full disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from tl_core.errors import NoRoomError, TransientError

MOST_SECONDS = 600.0
"""How long a fault may last; a full disk may as long as it takes, because somebody has to act."""

PAUSE_SECONDS = 1.0
_T = TypeVar("_T")


class Patience:
    """How long somebody has met one fault after another, and what was said of it.

    Args:
        say: takes a sentence for the person, once for each fault; nothing is said when left out.
    """

    def __init__(self, say: Callable[[str], None] = lambda _: None) -> None:
        self._say = say
        self._since: float | None = None
        self._said = ""

    def bear(self, error: TransientError) -> None:
        """Say what happened and wait a moment.

        Raises:
            TransientError: the same error, where it has lasted too long.
        """
        now = time.monotonic()
        self._since = now if self._since is None or isinstance(error, NoRoomError) else self._since
        if now - self._since > MOST_SECONDS:
            raise error
        if str(error) != self._said:
            self._said = str(error)
            self._say(self._said)
        time.sleep(PAUSE_SECONDS)

    def calm(self) -> None:
        """Know that all is well again."""
        self._since, self._said = None, ""


def patiently(do: Callable[[], _T], say: Callable[[str], None] = lambda _: None) -> _T:
    """Do something as soon as no passing fault is in its way.

    Args:
        do: what is done; where it raises a `TransientError`, it has changed nothing.
        say: see `Patience`.

    Raises:
        TransientError: the fault has lasted too long.
    """
    patience = Patience(say)
    while True:
        try:
            return do()
        except TransientError as error:
            patience.bear(error)
