"""The C library's heap: it keeps what was freed, for each thread, until it is told to let go."""

from __future__ import annotations

import ctypes
import os


def c_library() -> ctypes.CDLL | None:
    """Return the C library of this process; Windows has none to ask."""
    return None if os.name == "nt" else ctypes.CDLL(None)


def give_back() -> None:
    """Have the C library give freed memory back to the system, where it knows how to."""
    if trim := getattr(c_library(), "malloc_trim", None):
        trim(0)
