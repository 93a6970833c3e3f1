"""One run in a worker: from taking it to writing down how it ended."""

from __future__ import annotations

import gc
import json
import logging
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tl_core.data.dataset import find_dataset
from tl_core.errors import NoRoomError, TransientError, UserError
from tl_core.faults import as_sentence
from tl_core.heap import give_back
from tl_core.log import get_log
from tl_core.runs import queue
from tl_core.runs.following import PausedError, StoppedError
from tl_core.runs.logs import log_file, logged
from tl_core.runs.memory import Peak
from tl_core.runs.recovery import FILE, Recording, recall
from tl_core.runs.run import Run, State
from tl_core.runs.store import LostLeaseError, Store
from tl_core.runs.telling import Telling
from tl_core.runs.work import WORK
from tl_core.training.device import is_lost
from tl_core.workspace import Workspace, write_atomic

AGAIN_SECONDS = 15.0  # until a worker looks whether there is room again
_RESERVE = 128 << 20  # bytes that have to be free before it tries


@dataclass(frozen=True)
class Ending:
    """How a worker leaves a run; the arguments of `Store.end`.

    Attributes:
        lost: whether the worker cannot go on either: the run ends as if it had died on it.
    """

    state: State
    message: str = ""
    again: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    lost: bool = False


def execute(
    workspace: Workspace,
    store: Store,
    run: Run,
    token: str,
    leaving: threading.Event | None = None,
) -> bool:
    """Train a claimed run and write down how it ended; nothing is raised.

    Args:
        workspace: of the run.
        store: of the run.
        run: as it was claimed.
        token: of the worker that holds it.
        leaving: set when the worker has to end.

    Returns:
        Whether this process can train another run; it cannot once it has lost its GPU.
    """
    folder = workspace.runs / run.id
    try:
        with _logging_to(log_file(folder)):
            get_log().info("taken by process %d", os.getpid())
            ending = _attempt(workspace, store, run, token, leaving or threading.Event())
            if ending is not None:
                get_log().info("%s", ending.state)
    except OSError as error:  # not even a log can be written
        ending = (
            _waiting(workspace, told) if (told := _passing(error)) else _unwritable(folder, error)
        )
    while ending is not None:
        try:
            _end(store, run.id, token, ending)
        except TransientError:  # not even this can be written down
            time.sleep(AGAIN_SECONDS)
        except LostLeaseError:
            break
        else:
            break
    return ending is None or not ending.lost


def _end(store: Store, run: str, token: str, ending: Ending) -> None:
    if ending.lost:
        queue.interrupt(store, run, token, goes_on=ending.message, given_up=_GIVEN_UP)
        return
    store.end(run, ending.state, ending.message, holder=token, again=ending.again, **ending.facts)


def has_room(workspace: Workspace, run: Run) -> bool:
    """Tell whether a run that the disk had no room for may be tried again."""
    checkpoint = workspace.runs / run.id / FILE
    needed = 2 * checkpoint.stat().st_size if checkpoint.exists() else 0
    return shutil.disk_usage(workspace.root).free >= needed + _RESERVE


def _attempt(
    workspace: Workspace, store: Store, run: Run, token: str, leaving: threading.Event
) -> Ending | None:
    """Train, and turn whatever comes of it into an ending; `None`: the run is somebody else's."""
    try:
        return _train(workspace, store, run, token, leaving)
    except StoppedError:
        return Ending("stopped", "Stopped before the first epoch ended, so there is no model.")
    except PausedError:
        return Ending("interrupted", _LEAVING) if leaving.is_set() else Ending("paused", "Paused.")
    except LostLeaseError:
        get_log().warning("run %s was given to somebody else", run.id)
        return None
    except Exception as error:
        folder = workspace.runs / run.id
        log = log_file(folder)
        if not log.exists():
            get_log().warning("the folder of run %s is gone: %s", run.id, error)
            return Ending("failed", _deleted(folder))
        told = as_sentence(error)
        if isinstance(told, TransientError):
            get_log().warning("run %s waits: %s", run.id, error)
            return _waiting(workspace, told)
        if isinstance(told, UserError):
            get_log().warning("%s", told, exc_info=told is not error)
            return Ending("failed", str(told))
        get_log().exception("run %s", run.id)
        if is_lost():
            return Ending("interrupted", _LOST, lost=True)
        message = f"Something went wrong on our side; the details are in {log}."
        return Ending("failed", message, facts={"fault": True})


def _train(
    workspace: Workspace, store: Store, run: Run, token: str, leaving: threading.Event
) -> Ending:
    folder = workspace.runs / run.id
    write_atomic(folder / "config.json", json.dumps(run.config.to_dict(), indent=1).encode())
    dataset = find_dataset(workspace, run.config.dataset)
    past = recall(store, run.id, token)
    telling = Telling(store, run.id, token, leaving)
    recording = Recording(telling, folder, past, run.facts.get("seconds") or 0.0)
    gc.collect()
    give_back()  # what an earlier run has left would count as this one's
    memory = Peak()
    try:
        result = WORK[run.config.work](
            run.config, dataset, workspace, folder, logged(telling.emit),
            learn=lambda **facts: store.learn(run.id, token, **facts), wish=telling.wish,
            recording=recording, past=past,
        )  # fmt: skip
    finally:
        recording.close()
    recording.end()
    facts = asdict(result) | {"seconds": round(recording.seconds, 3), "memory": memory.seen()}
    return Ending("stopped" if result.stopped else "finished", facts=facts)


_LEAVING = (
    "The process that trains was asked to end; this run goes on from its last checkpoint by itself."
)
_LOST = (
    "The GPU stopped answering the process that trains (a fault of the driver, or a machine that "
    "slept, for example); this run goes on from its last checkpoint in a new process by itself."
)
_GIVEN_UP = (
    "The GPU stopped answering twice without this run getting any further; restart the machine or "
    "update the GPU's driver and resume this run, or train on the processor."
)


def _passing(error: OSError) -> TransientError | None:
    told = as_sentence(error)
    return told if isinstance(told, TransientError) else None


def _waiting(workspace: Workspace, told: TransientError) -> Ending:
    """Let a run rest until a fault of the world has passed."""
    if isinstance(told, NoRoomError):
        message = (
            f"The disk that holds {workspace.root} is full, so the run is paused; free some space, "
            "and it goes on from its last checkpoint by itself."
        )
    else:
        message = (
            f"The run is paused, and goes on from its last checkpoint by itself as soon as it can. "
            f"{told}"
        )
    return Ending("paused", message, again=time.time() + AGAIN_SECONDS)


def _deleted(folder: Path) -> str:
    return (
        f"The run's folder {folder} was deleted while it was trained, and with it what it had "
        "learned; resume the run to begin it anew."
    )


def _unwritable(folder: Path, error: OSError) -> Ending:
    message = (
        f"The run's folder {folder} cannot be written ({error.strerror}); set HEADSTART_HOME to a "
        "folder you may write to."
    )
    return Ending("failed", message)


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    get_log().setLevel(logging.INFO)
    get_log().addHandler(handler)
    try:
        yield
    finally:
        get_log().removeHandler(handler)
        handler.close()
