"""The process that trains: `python -m tl_core.runs.worker HOME DEVICE`.

It lives on between runs, so that the next one starts without paying for `import torch` again, and
ends by itself when nothing came for a while. There is one per device; a second one ends at once.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path

from tl_core.data.dataset import find_dataset
from tl_core.errors import UserError
from tl_core.runs.launch import worker_log
from tl_core.runs.store import Run, Store
from tl_core.training.events import Event, Preparing, Stepped
from tl_core.workspace import Workspace, new_id, write_atomic

IDLE_SECONDS = float(os.environ.get("HEADSTART_WORKER_IDLE", "600"))
BEAT_SECONDS, LOOK_SECONDS, TELL_SECONDS = 2.0, 0.2, 0.25


class Telling:
    """Passes events on to the store, at most four commits a second, and hears the wish to stop.

    Of the steps, and of the preparations, between two commits only the last is kept: the page
    can show no more.
    """

    def __init__(self, store: Store, run: str) -> None:
        self.store, self.run = store, run
        self.waiting: list[Event] = []
        self.told = 0.0
        self.stop = False

    def emit(self, event: Event) -> None:
        """Take one event."""
        if self.waiting and _replaces(event, self.waiting[-1]):
            self.waiting.pop()
        self.waiting.append(event)
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what waits and look whether the run should stop."""
        if self.waiting:
            self.store.append(self.run, self.waiting)
            self.waiting = []
        now = self.store.run(self.run)
        # A run given up for dead (this machine slept, say) is no longer this worker's.
        self.stop = now.stop or now.is_over
        self.told = time.monotonic()

    def should_stop(self) -> bool:
        """Tell whether the person asked to stop, as of the last look."""
        if time.monotonic() - self.told >= TELL_SECONDS:
            self.flush()
        return self.stop


def _replaces(event: Event, before: Event) -> bool:
    if isinstance(event, Preparing) and isinstance(before, Preparing):
        return event.what == before.what
    return isinstance(event, Stepped) and isinstance(before, Stepped)


def execute(workspace: Workspace, store: Store, run: Run) -> None:
    """Train a claimed run and write down how it ended; nothing is raised."""
    from tl_core.runs.pipeline import StoppedError
    from tl_core.runs.work import WORK

    folder = workspace.runs / run.id
    telling = Telling(store, run.id)
    try:
        log = _open_log(folder / "run.log")
    except OSError as error:
        store.end(run.id, "failed", _unwritable(folder, error))
        return
    began = time.perf_counter()
    try:
        write_atomic(folder / "config.json", json.dumps(run.config.to_dict(), indent=1).encode())
        dataset = find_dataset(workspace, run.config.dataset)
        result = WORK[run.config.work](
            run.config, dataset, workspace, folder, telling.emit,
            learn=lambda **facts: store.learn(run.id, **facts), should_stop=telling.should_stop,
        )  # fmt: skip
        telling.flush()
        seconds = round(time.perf_counter() - began, 3)
        store.learn(run.id, **asdict(result), seconds=seconds)
        store.end(run.id, "stopped" if result.stopped else "finished")
    except StoppedError:
        store.end(run.id, "stopped", "Stopped before the first epoch ended, so there is no model.")
    except UserError as error:
        logging.getLogger("headstart").warning("%s", error)
        store.end(run.id, "failed", str(error))
    except Exception:
        logging.getLogger("headstart").exception("run %s", run.id)
        store.learn(run.id, fault=True)
        store.end(
            run.id,
            "failed",
            f"Something went wrong on our side; the details are in {folder / 'run.log'}.",
        )
    finally:
        logging.getLogger("headstart").removeHandler(log)
        log.close()


def _unwritable(folder: Path, error: OSError) -> str:
    return (
        f"The run's folder {folder} cannot be written ({error.strerror}); free some space, or set "
        "HEADSTART_HOME to a folder you may write to."
    )


def _open_log(path: Path) -> logging.Handler:
    path.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    logger = logging.getLogger("headstart")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    return handler


def main(home: str, device: str) -> int:
    """Take runs until nothing came for `IDLE_SECONDS`."""
    # Ctrl-C in the terminal that started a run reaches this process too; stopping goes through
    # the store, so that the best epoch is kept.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    workspace = Workspace.open(home)
    store, token = Store(workspace.store), new_id()
    if not store.register(device, [device], token, os.getpid()):
        return 0
    dead = threading.Event()
    threading.Thread(target=_beat, args=(store, token, dead), daemon=True).start()
    try:
        kind, serves = _prepare(device)
    except Exception as error:
        # Left in the queue, the runs would start this process again and again.
        while run := store.claim(token):
            store.end(run.id, "failed", _unable(workspace, error))
        store.forget_worker(token)
        if isinstance(error, UserError):
            return 0
        raise
    try:
        if not store.register(kind, serves, token, os.getpid()):
            return 0
        last = time.monotonic()
        while not dead.is_set():
            if run := store.claim(token):
                execute(workspace, store, run)
                last = time.monotonic()
            elif time.monotonic() - last > IDLE_SECONDS and store.retire(token):
                break
            else:
                time.sleep(LOOK_SECONDS)
    finally:
        store.forget_worker(token)
    return 0


def _prepare(device: str) -> tuple[str, list[str]]:
    """Load what training needs; return the device's kind and the names that it is asked for by."""
    import tl_core.runs.pipeline  # noqa: F401 (the wait for torch, before the first run)
    from tl_core.training.device import choose_device

    kind = choose_device(device).kind  # type: ignore[arg-type]
    return kind, [kind, "auto"] if choose_device().kind == kind else [kind]


def _unable(workspace: Workspace, error: Exception) -> str:
    if isinstance(error, UserError):
        return str(error)
    return (
        f"The process that trains could not start ({type(error).__name__}); the reason is at the "
        f"end of {worker_log(workspace)}."
    )


def _beat(store: Store, token: str, dead: threading.Event) -> None:
    while store.beat(token):
        time.sleep(BEAT_SECONDS)
    dead.set()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
