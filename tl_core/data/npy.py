"""NumPy files that may be gone or damaged: mapped into memory, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


def map_npy(file: Path, mode: Literal["r", "c"] = "r") -> NDArray[Any] | None:
    """Return a NumPy file mapped into memory; `None` where it is not there, or is none.

    Args:
        file: an `.npy` file.
        mode: as in `numpy.memmap`: read, or copy on write.
    """
    try:
        found = np.load(file, mmap_mode=mode, allow_pickle=False)
    except Exception:  # trimmed by another process; a damaged heading is parsed as Python is
        return None
    return found if isinstance(found, np.memmap) else None
