"""What memory a process holds, and holding it to an amount, so that one cannot take it all."""

from __future__ import annotations

import os
import sys
import threading
import time
from pathlib import Path
from typing import Any

MOST, LEAST = 12 << 30, 3 << 30
"""Bytes. A third of the machine's memory, within these: two processes are held to it, torch alone
takes one GiB, and the largest backbone with its gradients two more."""

_PAUSE = 0.3  # seconds between two looks


def physical_memory() -> int | None:
    """Return the bytes of memory that this machine has, `None` where it does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # Windows
        return None


def share_of_machine() -> int:
    """Return how many bytes a process beside the page server may take on this machine."""
    physical = physical_memory()
    return MOST // 2 if physical is None else max(LEAST, min(MOST, physical // 3))


def limit_memory(most: int) -> None:
    """Let this process fail to allocate more than `most` bytes, or end when it has taken them.

    Linux refuses the allocation, which becomes a sentence for whoever asked. macOS and Windows
    hold no process to such a limit: there a thread watches and ends the process.
    """
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_DATA, (most, most))
    else:
        watch_memory(most)


def watch_memory(most: int) -> None:
    """End this process soon after it has taken more than `most` bytes."""

    def watch() -> None:
        while peak_memory() <= most:
            time.sleep(_PAUSE)
        os.write(2, b"The memory limit was reached; this process ends.\n")
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def peak_memory() -> int:
    """Return the most bytes of physical memory that this process has held."""
    if sys.platform == "win32":
        return _windows_peak()
    if sys.platform == "linux":  # where getrusage begins with the parent's peak
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.partition("VmHWM:")[2].split()[0]) << 10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Peak:
    """The most memory that this process holds from now on, whatever it held before."""

    def __init__(self) -> None:
        self._is_forgotten = _forget_peak()
        self._before = peak_memory()

    def seen(self) -> int | None:
        """Return it in bytes; `None` where an earlier peak that cannot be forgotten hides it."""
        now = peak_memory()
        return now if self._is_forgotten or now > self._before else None


def _forget_peak() -> bool:
    """Let the system measure the peak anew; only Linux can, and not everywhere."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _windows_peak() -> int:
    """Ask Windows, whose structure begins with two numbers of 32 bits and then the peak."""
    import ctypes

    counters = (ctypes.c_size_t * 10)()
    kernel: Any = ctypes.WinDLL("kernel32")  # type: ignore[attr-defined]
    kernel.GetCurrentProcess.restype = ctypes.c_void_p
    process = ctypes.c_void_p(kernel.GetCurrentProcess())
    kernel.K32GetProcessMemoryInfo(process, counters, ctypes.sizeof(counters))
    return int(counters[1])
