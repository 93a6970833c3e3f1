"""Numbers and lists as a person says them: counts, durations, sizes, the first few of many."""

from __future__ import annotations

from collections.abc import Iterable


def count(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> count(1, "picture"), count(2000, "picture")
    ('1 picture', '2,000 pictures')
    """
    return f"{number:,} {noun}" + ("" if number == 1 else "s")


def duration(seconds: float) -> str:
    """Return how long something takes.

    >>> duration(4), duration(75), duration(4000)
    ('4 seconds', '1 minute', '1 hour 7 minutes')
    """
    if seconds < 60:
        return count(max(1, round(seconds)), "second")
    minutes = round(seconds / 60)
    if minutes < 60:
        return count(minutes, "minute")
    hours, minutes = divmod(minutes, 60)
    return count(hours, "hour") + (f" {count(minutes, 'minute')}" if minutes else "")


def size(count: int) -> str:
    """Return how much a number of bytes is; thousands, as disks are sold.

    >>> size(0), size(234), size(2_345_678), size(98_000_000), size(123_456_789_000)
    ('0 kB', '1 kB', '2.3 MB', '98 MB', '123 GB')
    """
    for unit, name in ((10**9, "GB"), (10**6, "MB")):
        if count >= unit:
            return f"{count / unit:,.{0 if count >= 10 * unit else 1}f} {name}"
    return f"{-(-count // 1000)} kB"


def few(names: Iterable[str], limit: int = 5) -> str:
    """Name the first few and count the rest.

    >>> few(["a", "b"]), few("abcdefg")
    ("'a', 'b'", "'a', 'b', 'c', 'd', 'e' and 2 more")
    """
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(repr(name) for name in names[:limit]) + more
