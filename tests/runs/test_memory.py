"""A process is held to its memory, where the system can do that and where it cannot."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tl_core.runs.memory import LEAST, MOST, peak_memory, share_of_machine

ROOT = Path(__file__).parents[2]


def run(*lines: str) -> subprocess.CompletedProcess[str]:
    script = "\n".join(lines)
    return subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux refuses memory")
def test_what_is_too_much_is_refused() -> None:
    done = run(
        "from tl_core.runs.memory import limit_memory",
        "limit_memory(200 << 20)",
        "try: bytearray(400 << 20)",
        "except MemoryError: print('refused')",
        "print(len(bytearray(20 << 20)))",
    )
    assert done.stdout.split() == ["refused", str(20 << 20)], done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows counts memory that was never touched")
def test_a_process_that_took_too_much_ends() -> None:
    done = run(
        "import time",
        "from tl_core.runs.memory import watch_memory",
        "watch_memory(200 << 20)",
        "time.sleep(0.5)",
        "print('alive', flush=True)",
        "held = b'x' * (400 << 20)",
        "time.sleep(20)",
        "print('still alive')",
    )
    assert (done.returncode, done.stdout.split()) == (1, ["alive"])
    assert "memory limit" in done.stderr


def test_the_share_is_within_bounds_and_the_peak_grows() -> None:
    assert LEAST <= share_of_machine() <= MOST
    before = peak_memory()
    held = b"x" * (64 << 20)
    assert peak_memory() >= before > len(held) // 4


def test_the_peak_of_a_run_is_not_that_of_an_earlier_one() -> None:
    """Where the system cannot forget a peak, a lower one is unknown and not wrong."""
    done = run(
        "from tl_core.runs.memory import Peak, peak_memory",
        "held = b'x' * (300 << 20)",
        "before = peak_memory()",
        "del held",
        "peak = Peak()",
        "held = b'x' * (100 << 20)",
        "seen = peak.seen()",
        "assert seen is None or 100 << 20 < seen < before - (100 << 20), (seen, before)",
        "del held",
        "held = b'x' * (400 << 20)",
        "assert peak.seen() > 400 << 20",
    )
    assert done.returncode == 0, done.stderr
