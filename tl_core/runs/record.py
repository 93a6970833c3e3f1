"""What a run's folder holds of it, so that the store can be rebuilt from the folders.

`record.json` is the run as it stood when its state changed last; `events.jsonl` is a journal of its
events, a line each, written at every checkpoint and at the end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from tl_core.runs.run import Run, Told
from tl_core.training.events import from_dict, to_dict
from tl_core.workspace import disk_errors, sync_folder, write_atomic

RECORD, JOURNAL = "record.json", "events.jsonl"


def write_record(folder: Path, run: Run) -> None:
    """Write a run down.

    Raises:
        NoRoomError: the disk is full.
        OSError: the folder cannot be written.
    """
    write_atomic(folder / RECORD, json.dumps(run.to_dict(), indent=1).encode())


def read_record(folder: Path) -> Run | None:
    """Return the run of a folder, or `None` where there is none or it cannot be read."""
    try:
        return Run.from_dict(json.loads((folder / RECORD).read_bytes()))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


class Journal:
    """The file that takes a run's events.

    Args:
        folder: of the run.
        last: number of the event to go on after; what stands there behind it is replaced.
    """

    def __init__(self, folder: Path, last: int = -1) -> None:
        self.path = folder / JOURNAL
        kept = [(told, end) for told, end in _whole(self.path) if told.number <= last]
        self.last = kept[-1][0].number if kept else -1
        self._end = kept[-1][1] if kept else 0

    def write(self, told: Sequence[Told]) -> None:
        """Add the events that come next; once this returns, they survive a power cut.

        Raises:
            NoRoomError: the disk is full; what is half-written is replaced the next time.
        """
        if not told:
            return
        lines = b"".join(map(_line, told))
        with disk_errors(self.path.name), self.path.open("r+b" if self._end else "wb") as file:
            file.truncate(self._end)
            file.seek(self._end)
            file.write(lines)
            file.flush()
            os.fsync(file.fileno())
        if not self._end:
            sync_folder(self.path.parent)
        self._end += len(lines)
        self.last = told[-1].number


def read_journal(folder: Path, last: int | None = None) -> list[Told]:
    """Return a run's events in order, as far as they are whole and without a gap.

    Args:
        folder: of the run.
        last: number of the last event wanted.
    """
    return [told for told, _ in _whole(folder / JOURNAL) if last is None or told.number <= last]


def _line(told: Told) -> bytes:
    values = [told.number, told.at, type(told.event).__name__, to_dict(told.event)]
    return json.dumps(values).encode() + b"\n"


def _whole(path: Path) -> list[tuple[Told, int]]:
    """Return the whole events, each with the place in the file where it ends."""
    found: list[tuple[Told, int]] = []
    try:
        lines = path.read_bytes().splitlines(keepends=True)
    except OSError:
        return []
    end = 0
    for line in lines:
        try:
            number, at, kind, fields = json.loads(line)
            told = Told(number, at, from_dict(kind, fields))
        except (ValueError, TypeError, KeyError):
            break
        if number != len(found) or not line.endswith(b"\n"):
            break
        end += len(line)
        found.append((told, end))
    return found


def with_lost_holder(run: Run) -> Run:
    """Return a run that was written down while it was being trained, as it is without a worker."""
    return replace(run, state="interrupted") if run.state == "running" else run
