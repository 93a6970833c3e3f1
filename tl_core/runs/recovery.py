"""What a run needs to go on after a break: checkpoints while it is trained, and the way back.

A checkpoint costs the training a copy of its state. A thread then adds the events to the journal
and writes the file, so that a checkpoint on the disk always has its events beside it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tl_core.errors import UserError
from tl_core.log import get_log
from tl_core.runs.queue import checkpointed
from tl_core.runs.record import Journal, read_journal
from tl_core.runs.run import Told
from tl_core.runs.store import Store
from tl_core.runs.telling import Telling
from tl_core.training.checkpoint import Checkpoint, keep_newest, read_checkpoint, write_checkpoint
from tl_core.training.events import EpochEnded, Event
from tl_core.training.standing import Standing

FILE = "checkpoint.safetensors"
SHARE = 1 / 50  # of the time, at most, that checkpoints may take from training
LONGEST = 60.0  # seconds between two checkpoints, whatever they take


@dataclass(frozen=True)
class Past:
    """What a run has behind it.

    Attributes:
        at: where its training stands.
        facts: what was chosen for it, and `seconds` that it took so far.
        told: its events up to there.
    """

    at: Standing
    facts: dict[str, Any]
    told: list[Told]


def recall(store: Store, run: str, holder: str) -> Past | None:
    """Read what a run has behind it, and let the store know of that and nothing later.

    Returns:
        `None` where it begins anew: it has not come to a checkpoint, or none is left whole.
    """
    past = _read(store, run)
    store.rewind(run, past.told if past else [], holder)
    return past


def _read(store: Store, run: str) -> Past | None:
    folder = store.folders / run
    try:
        checkpoint = read_checkpoint(folder / FILE)
        if checkpoint is None:
            return None
        at = Standing.of(checkpoint)
        last = int(checkpoint.facts["events"])
    except (UserError, KeyError, ValueError, TypeError) as error:
        get_log().warning("run %s begins anew: %s", run, error)
        return None
    told = store.events(run)[: last + 1]
    if len(told) <= last:  # a power cut took some of them
        told = read_journal(folder, last)
    if [item.number for item in told] != list(range(last + 1)):
        get_log().warning("run %s begins anew: its events are lost", run)
        return None
    return Past(at, checkpoint.facts, told)


class Recording:
    """Takes checkpoints of a run: at an epoch's end when that costs next to nothing, and in time.

    The first one comes with the first step, so that a run gets further in every life of its worker.

    Args:
        telling: passes the run's events on.
        folder: of the run.
        past: what it has behind it.
        spent: seconds that it took when it ended before, with all that came after training.
    """

    def __init__(
        self, telling: Telling, folder: Path, past: Past | None, spent: float = 0.0
    ) -> None:
        self._telling, self._path = telling, folder / FILE
        self._journal = Journal(folder, past.told[-1].number if past and past.told else -1)
        self._before = max(float(past.facts["seconds"]), spent) if past else 0.0
        self._began = time.monotonic()
        self._thread = ThreadPoolExecutor(1, "checkpoint")
        self._writing: Future[None] | None = None
        self._taken: float | None = None
        self._cost = 0.0  # seconds, of the last checkpoint, that training could have had

    @property
    def seconds(self) -> float:
        """How long the run has taken, over all lives of its workers."""
        return self._before + time.monotonic() - self._began

    def offer(self, event: Event, capture: Callable[[], Checkpoint], *, must: bool = False) -> None:
        """Take a checkpoint after an event, if one is due; raise what became of the last one.

        Args:
            event: that was just told.
            capture: copies the training's state.
            must: take one whatever it costs.
        """
        if self._writing is not None and (must or self._writing.done()):
            self._finish()
        if self._writing is not None or not (must or self._is_due(event)):
            return
        began = time.perf_counter()
        last = self._telling.flush()
        copy = capture()
        copy = replace(copy, facts=copy.facts | {"events": last, "seconds": self.seconds})
        self._taken = time.monotonic()
        self._cost = time.perf_counter() - began
        self._writing = self._thread.submit(self._write, copy, last)

    def close(self) -> None:
        """Wait for the last checkpoint, and write the events that came after it."""
        try:
            self._finish()
            self._add_events(self._telling.flush())
        finally:
            self._thread.shutdown()

    def end(self) -> None:
        """Keep no more than going on from the end needs."""
        keep_newest(self._path)

    def _is_due(self, event: Event) -> bool:
        if self._taken is None:
            return True
        waited = time.monotonic() - self._taken
        return waited >= LONGEST or (isinstance(event, EpochEnded) and waited >= self._cost / SHARE)

    def _write(self, checkpoint: Checkpoint, last: int) -> None:
        began = time.thread_time()
        store, run, holder = self._telling.store, self._telling.run, self._telling.holder
        self._add_events(last)
        store.wish(run, holder)  # a worker given up for dead writes no more
        write_checkpoint(self._path, checkpoint)
        checkpointed(store, run, holder)
        self._cost += time.thread_time() - began

    def _add_events(self, last: int) -> None:
        new = self._telling.store.events(self._telling.run, self._journal.last)
        self._journal.write([told for told in new if told.number <= last])

    def _finish(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()
