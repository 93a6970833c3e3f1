"""The log that a run keeps in its folder."""

from __future__ import annotations

from pathlib import Path

LOG = "run.log"


def log_file(folder: Path) -> Path:
    """Return the log of the run with this folder; it may not be there yet."""
    return folder / LOG


def log_end(folder: Path, most: int = 20_000) -> str:
    """Return the last whole lines of a run's log, or an empty text where there is none.

    Args:
        folder: of the run.
        most: bytes.
    """
    try:
        with log_file(folder).open("rb") as log:
            size = log.seek(0, 2)
            log.seek(max(0, size - most))
            end = log.read(most)
    except OSError:
        return ""
    if size > most:
        end = end.partition(b"\n")[2]
    return end.decode("utf-8", errors="replace")
