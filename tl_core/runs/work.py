"""What a worker can do, by its name in a run's settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tl_core.config import Work
from tl_core.runs.handmade import handmade_run
from tl_core.runs.pipeline import train_run
from tl_core.runs.probing import probe_run

WORK: Mapping[Work, Callable[..., Any]] = {
    "train": train_run,
    "probe": probe_run,
    "handmade": handmade_run,
}
"""Each takes what `train_run` takes and returns a dataclass of figures, `stopped` among them."""
