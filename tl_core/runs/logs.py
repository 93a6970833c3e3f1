"""The log that a run keeps in its folder: what is written there, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tl_core.log import get_log
from tl_core.training.events import CacheRead, EpochEnded, Event, Notice, PhaseStarted


def log_file(folder: Path) -> Path:
    """Return the log of the run with this folder; it may not be there yet."""
    return folder / "run.log"


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


def logged(emit: Callable[[Event], None]) -> Callable[[Event], None]:
    """Return a function that passes an event on and writes it down."""

    def emit_and_log(event: Event) -> None:
        emit(event)
        if line := in_log(event):
            get_log().info("%s", line)

    return emit_and_log


def in_log(event: Event) -> str:
    """Return an event as one line; empty for those that come too often for a log.

    >>> in_log(PhaseStarted(0, "the head", cut=5, epochs=9))
    'phase 1, the head: 5 stages frozen, at most 9 epochs'
    """
    if isinstance(event, PhaseStarted):
        return (
            f"phase {event.index + 1}, {event.name}: {event.cut} stages frozen, at most "
            f"{event.epochs} epochs"
        )
    if isinstance(event, EpochEnded):
        return (
            f"epoch {event.epoch}: training loss {event.train_loss:.4f}, "
            f"{event.train_accuracy:.1%} right; validation loss {event.validation_loss:.4f}, "
            f"{event.validation_accuracy:.1%} right; learning rate {event.lr:.2g}; "
            f"{event.seconds:.1f} s{'; the best so far' if event.best else ''}"
        )
    if isinstance(event, CacheRead):
        how = "read" if event.reused else f"computed in {event.spent:.1f} s and kept"
        return f"what the frozen stages make of the pictures was {how} ({event.bytes:,} bytes)"
    return " ".join(event.text.split()) if isinstance(event, Notice) else ""
