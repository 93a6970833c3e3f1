"""What the import had to leave out of the pictures that it was given.

Files that are no pictures are listed by the import and are no findings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from tl_core.data.dataset import Skipped
from tl_core.data.finding import Finding
from tl_core.data.sources import NOT_LISTED
from tl_core.words import count

_COPY = "the same picture as "
_CUT_OFF = "the file is cut off"
# How the reasons of `decode` and `intake` begin where a file that should be a picture is none.
_UNREADABLE = (
    "the file ",
    "the picture ",
    "too many pixels",
    "not a picture that can be read",
    "HEIC pictures",
    "could not be read",
    "damaged inside",
    "larger than",
    "longer than",
    "its values go up to",
    "shorter than",
)


# How the reasons of `layout`, `levels` and `tables` begin, where a picture has no class.
_NO_CLASS = (
    "in a ",
    "in several classes",
    "not in ",
    "a mask",
    "named in",
    "without a class",
    "its split",
    "the name of its class folder",
)
_UNUSED = "not used: "
_NAMED = 50  # of those left out for one reason


def check_left_out(skipped: Iterable[Skipped]) -> list[Finding]:
    """Return a finding for each copy and unreadable file, and for each reason to have no class.

    >>> [found] = check_left_out([Skipped("a.jpg", "the file is empty"), Skipped("b.txt", "text")])
    >>> found.kind, found.names
    ('unreadable', ('a.jpg',))
    """
    reasons: dict[str, list[str]] = defaultdict(list)
    found = []
    for one in skipped:
        if finding := _finding(one):
            found.append(finding)
        elif one.reason.startswith(_NO_CLASS):
            reasons[one.reason].append(one.path)
    return [*found, *(_without_class(reason, names) for reason, names in reasons.items())]


def check_unused(reading: str) -> list[Finding]:
    """Return a finding for tables and columns that an import saw and did not use.

    >>> [found] = check_unused("classes by the folders; not used: 'sizes.csv'")
    >>> found.why
    "This was there and says nothing of the classes or their division here: 'sizes.csv'."
    """
    unused = [part.partition(_UNUSED)[2] for part in reading.split("; ") if _UNUSED in part]
    if not unused:
        return []
    what = ", ".join(unused)
    why = f"This was there and says nothing of the classes or their division here: {what}."
    return [Finding("unused", "note", why)]


def _without_class(reason: str, names: list[str]) -> Finding:
    what = count(len(names), "row" if reason.startswith("named in") else "picture")
    were = "was" if len(names) == 1 else "were"
    why = f"{what} {were} left out: {reason}, for example {names[0]!r}."
    return Finding("left-out", "note", why, names=tuple(names[:_NAMED]))


def _finding(one: Skipped) -> Finding | None:
    if one.reason.startswith(_COPY):
        why = (
            "This file is an exact copy of another in its class, so it was left out; copies teach "
            "nothing and would count twice."
        )
        return Finding("duplicate", "note", why, names=(one.path,))
    if one.reason == _CUT_OFF:
        why = (
            "This file ends in the middle of the picture, probably because it was not copied to "
            "the end, so it was left out; copy it again and add it."
        )
        return Finding("truncated", "warning", why, names=(one.path,))
    if one.reason.startswith(NOT_LISTED):
        why = (
            f"What lies in this folder was left out, because {one.reason}; check its permissions "
            "and import again, or go on without it."
        )
        return Finding("unreadable", "warning", why, names=(one.path,))
    if one.reason.startswith(_UNREADABLE):
        why = (
            f"This file could not be used ({one.reason}), so it was left out; save it as JPEG with "
            "a picture program and add it, or go on without it."
        )
        return Finding("unreadable", "warning", why, names=(one.path,))
    return None
