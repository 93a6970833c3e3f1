"""Waiting for other processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest


def wait_for(what: Callable[[], Any], seconds: float = 120) -> Any:
    """Return the first true answer; the limit is for machines that do much else."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if answer := what():
            return answer
        time.sleep(0.01)
    pytest.fail(f"nothing after {seconds} seconds")
