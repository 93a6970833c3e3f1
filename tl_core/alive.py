"""Whether a process lives, told by the system: a lock that it drops however it ends.

A process number would not do: it is given to somebody else, and a dead child keeps its own until
its parent has noticed. A process that hangs keeps the lock; that is what heartbeats are for.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def alive(file: Path) -> Iterator[None]:
    """Hold a file's lock as long as this process, or the block, goes on."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as handle:
        _lock(handle)
        yield
    file.unlink(missing_ok=True)


def has_died(file: Path) -> bool:
    """Tell whether nobody holds a file's lock any more; one that is not there tells nothing."""
    try:
        with file.open("r+b") as handle:
            _lock(handle)
    except OSError:  # held, or not there
        return False
    return True


def bury(file: Path) -> None:
    """Remove what a dead process left."""
    with suppress(OSError):
        file.unlink(missing_ok=True)


if sys.platform == "win32":
    import msvcrt

    def _lock(handle: IO[bytes]) -> None:
        msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(handle: IO[bytes]) -> None:
        # Not lockf: such a lock is lost as soon as the process closes any handle of the file.
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
