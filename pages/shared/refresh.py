"""How often live pages refresh: the more of them are open, the less often each."""

from __future__ import annotations

import threading

# A refresh takes about 15 ms of one core (benchmarks/classroom.py), so this leaves most of a
# machine with two cores to the run.
REFRESHES_PER_SECOND = 15
# A page that was closed, or put behind another tab, asks no more; it counts this long.
GONE_AFTER = 2.5  # of its refreshes
# Pages come and go around a limit; the interval becomes shorter only well below it.
_WELL_BELOW = 0.8


def refresh_seconds(viewers: int, now: int = 1) -> int:
    """Return the seconds between two refreshes of each live page, a power of two.

    Args:
        viewers: live pages that are open on this server.
        now: seconds between refreshes so far.

    >>> [refresh_seconds(n) for n in (1, 15, 16, 30, 60, 1000)]
    [1, 1, 2, 2, 4, 128]
    >>> refresh_seconds(14, now=2), refresh_seconds(12, now=2)
    (2, 1)
    """
    needed = _enough(viewers)
    return needed if needed >= now else min(now, _enough(viewers / _WELL_BELOW))


def _enough(viewers: float) -> int:
    seconds = 1
    while viewers > seconds * REFRESHES_PER_SECOND:
        seconds *= 2
    return seconds


def say_refresh(seconds: int, viewers: int) -> str:
    """Say how often the page refreshes, and why where that is seldom.

    >>> say_refresh(1, 3)
    'This page refreshes every second.'
    >>> say_refresh(4, 60)
    'This page refreshes every 4 seconds, because 60 pages are watching runs on this computer.'
    """
    if seconds == 1:
        return "This page refreshes every second."
    return (
        f"This page refreshes every {seconds} seconds, because {viewers} pages are watching runs "
        "on this computer."
    )


class Viewers:
    """Who is watching, as far as this server has heard lately."""

    def __init__(self) -> None:
        self._until: dict[str, float] = {}
        self._lock = threading.Lock()

    def count(self, viewer: str, every: float, now: float) -> int:
        """Note that `viewer`, who refreshes `every` so many seconds, looked; return how many do.

        >>> viewers = Viewers()
        >>> viewers.count("a", 1, now=0), viewers.count("b", 1, now=1), viewers.count("b", 1, now=3)
        (1, 2, 1)
        """
        with self._lock:
            self._until[viewer] = now + GONE_AFTER * every
            if any(until < now for until in self._until.values()):
                self._until = {who: until for who, until in self._until.items() if until >= now}
            return len(self._until)
