"""Letting people go first: who trains or explains takes what pages leave of the processors.

Alone on a machine it is as quick as any other. Beside a page server that answers thirty people it
gives way, so that a page is drawn in milliseconds and the epoch takes a little longer.
"""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path

NICENESS = 10


def give_way(*, with_session: bool = False) -> None:
    """Lower this process's priority below that of ordinary ones, where the system allows it.

    Args:
        with_session: whether it has a session of its own, which then gives way as well.
    """
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.WinDLL("kernel32")
        kernel.GetCurrentProcess.restype = ctypes.c_void_p
        below_normal = 0x4000
        kernel.SetPriorityClass(ctypes.c_void_p(kernel.GetCurrentProcess()), below_normal)
        return
    with suppress(OSError):
        os.nice(NICENESS)
    if not with_session:
        return
    # Where Linux groups processes by session, niceness counts among those of one session only,
    # and a worker has a session of its own: its group has to give way too.
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(NICENESS), encoding="ascii")
