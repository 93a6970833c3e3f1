r"""Standard output and error as they are given: consoles and redirections in any encoding.

On Windows a redirected output is in the system's code page, which has no letters for most of the
names in the world. Whatever it lacks is escaped as Python does (`\u72ac`), which keeps two names
apart where question marks would not; a table is UTF-8 everywhere, because programs read it.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from typing import TextIO


def never_fail() -> None:
    """Let standard output and error take any text: what their encoding lacks is escaped."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


@contextmanager
def table_output() -> Iterator[TextIO]:
    """Yield standard output as a table takes it: UTF-8, its line ends as they are written.

    On Windows a file begins with the mark that lets Excel read it as UTF-8. A pipe never does:
    the program at its other end would take the mark for a part of the first heading.
    """
    stream = sys.stdout
    if not isinstance(stream, TextIOWrapper):
        yield stream
        return
    before = stream.encoding, stream.errors
    encoding = "utf-8-sig" if sys.platform == "win32" and _is_file(stream) else "utf-8"
    stream.reconfigure(encoding=encoding, errors="replace", newline="")
    try:
        yield stream
    finally:
        stream.reconfigure(encoding=before[0], errors=before[1], newline=None)


def _is_file(stream: TextIO) -> bool:
    try:
        return stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
    except OSError:  # not backed by a descriptor
        return False
