"""Telling a worker that hangs from one that lives, by no clock but the observer's own.

The time that a worker writes beside its beat is not compared with the time of day: a clock that was
set, or a machine that slept, would bury the living. An observer adds up the silence between its own
looks instead, and of a long time without a look, which it may have slept through itself (Windows
counts that), only a part.
"""

from __future__ import annotations

from dataclasses import dataclass

DEAD_AFTER = 20.0  # seconds of silence; a worker beats every 2
_MOST = DEAD_AFTER / 2  # seconds that count between two looks; a server looks every 10


@dataclass(frozen=True)
class Heard:
    """What an observer knows of a worker.

    Attributes:
        beat: the last one; a value that changes with every beat, and nothing else.
        at: when the observer looked last, in seconds of its monotonic clock.
        silence: seconds in which it saw no other beat.
    """

    beat: float
    at: float
    silence: float = 0.0


def listen(before: Heard | None, beat: float, now: float) -> Heard:
    """Return what an observer knows after another look; a first one tells of no silence.

    Args:
        before: what it knew; `None` at the first look.
        beat: that it sees.
        now: seconds of its monotonic clock.

    >>> heard = listen(None, 5.0, now=100.0)
    >>> listen(heard, 5.0, now=107.0).silence, listen(heard, 5.0, now=3700.0).silence
    (7.0, 10.0)
    >>> listen(heard, 6.0, now=107.0).silence
    0.0
    """
    if before is None or before.beat != beat:
        return Heard(beat, now)
    return Heard(beat, now, before.silence + min(now - before.at, _MOST))
