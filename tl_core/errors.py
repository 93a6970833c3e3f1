"""Errors a person can act on.

Every message is one sentence that says what happened, why, and what to do next. The terminal
prints it, the pages show it; neither ever shows a traceback.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class HeadstartError(Exception):
    """Something went wrong on our side; the terminal exits with status 1."""

    exit_status = 1


class UserError(HeadstartError):
    """Something the person can mend; the message says how, the terminal exits with status 2."""

    exit_status = 2


class TransientError(UserError):
    """A fault of the world that passes; a run that meets it pauses and goes on by itself."""


class NoRoomError(TransientError):
    """The disk is full, until somebody makes room."""


class BusyError(TransientError):
    """Another program holds what is needed, until it lets go of it."""


class UnreadableImageError(UserError):
    """A file that no picture could be read from; the message is the reason alone."""


def unknown(kind: str, name: str, known: Iterable[str]) -> UserError:
    """Build the error for a name that does not exist, with the nearest names that do.

    >>> str(unknown("stage", "layer9", ["stem", "layer1", "layer2"]))
    "There is no stage called 'layer9'; the nearest are layer2, layer1."
    >>> str(unknown("recipe", "zzz", ["scratch"]))
    "There is no recipe called 'zzz'; choose one of scratch."
    """
    names = list(known)
    near = get_close_matches(name, names, n=3, cutoff=0.5)
    hint = f"the nearest are {', '.join(near)}" if near else f"choose one of {', '.join(names)}"
    return UserError(f"There is no {kind} called {name!r}; {hint}.")
