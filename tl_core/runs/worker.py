"""The process that trains: `python -m tl_core.runs.worker HOME DEVICE`.

It lives on between runs, so that the next one starts without paying for `import torch` again, and
ends by itself when nothing came for a while, or with its GPU lost, which a new process may get
back. There is one per device; a second one ends at once.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress

from tl_core.alive import alive
from tl_core.errors import TransientError, UserError
from tl_core.log import get_log, set_up_log
from tl_core.patience import patiently
from tl_core.runs import queue
from tl_core.runs.launch import ensure_worker, worker_log
from tl_core.runs.priority import give_way
from tl_core.runs.rebuild import open_store
from tl_core.runs.store import Store
from tl_core.workspace import Workspace, new_id

IDLE_SECONDS = float(os.environ.get("HEADSTART_WORKER_IDLE", "600"))
BEAT_SECONDS, LOOK_SECONDS = 2.0, 0.2


def main(home: str, device: str) -> int:
    """Take runs until nothing came for `IDLE_SECONDS`."""
    # Ctrl-C in the terminal that started a run reaches this process too; stopping goes through
    # the store, so that the best epoch is kept. Whoever asks the process itself to end (a machine
    # that is switched off, say) has its run interrupted with a checkpoint.
    leaving = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: leaving.set())
    workspace = Workspace.open(home)
    set_up_log(workspace.root, f"worker-{device}")
    store, token = patiently(lambda: open_store(workspace)), new_id()
    with alive(queue.lock_file(store, token)):
        if not patiently(lambda: queue.register(store, device, [device], token, os.getpid())):
            return 0
        try:
            able = _serve(workspace, store, token, device, leaving)
        finally:
            with suppress(TransientError):  # its lock tells that it has ended, too
                queue.forget_worker(store, token)
    if not able and not leaving.is_set() and queue.active(store):
        ensure_worker(workspace, store, device)
    return 0


def _serve(
    workspace: Workspace, store: Store, token: str, device: str, leaving: threading.Event
) -> bool:
    """Take runs until none comes; tell whether a new process could do no better."""
    dead = threading.Event()
    threading.Thread(target=_beat, args=(store, token, dead), daemon=True).start()
    try:
        kind, serves = _prepare(device)
    except Exception as error:
        # Left in the queue, the runs would start this process again and again.
        while run := queue.claim(store, token):
            store.end(run.id, "failed", _unable(workspace, error), holder=token)
        if isinstance(error, UserError):
            return True
        raise
    if not patiently(lambda: queue.register(store, kind, serves, token, os.getpid())):
        return True
    from tl_core.runs.execute import execute, has_room

    get_log().info("serves %s", ", ".join(serves))
    last = time.monotonic()
    while not dead.is_set() and not leaving.is_set():
        run = None
        with suppress(TransientError):  # it cannot even be written down who has the run
            run = queue.claim(store, token, lambda run: has_room(workspace, run))
        if run is not None:
            get_log().info("run %s is taken", run.id)
            able = execute(workspace, store, run, token, leaving)
            with suppress(TransientError):
                get_log().info("run %s is %s", run.id, store.run(run.id).state)
            if not able:
                get_log().warning("ends, because it has lost its GPU")
                return False
            last = time.monotonic()
        elif time.monotonic() - last > IDLE_SECONDS and _retired(store, token):
            break
        else:
            time.sleep(LOOK_SECONDS)
    return True


def _retired(store: Store, token: str) -> bool:
    with suppress(TransientError):  # it can as well go on waiting
        return queue.retire(store, token)
    return False


def _prepare(device: str) -> tuple[str, list[str]]:
    """Load what training needs; return the device's kind and the names that it is asked for by."""
    import tl_core.runs.execute  # noqa: F401 (the wait for torch, before the first run)
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
    lives = True
    while lives:
        with suppress(UserError):  # a full disk is no reason to die
            lives = queue.beat(store, token)
        time.sleep(BEAT_SECONDS)
    dead.set()


if __name__ == "__main__":
    give_way(with_session=True)  # not in `main`, which tests call in their own process
    sys.exit(main(*sys.argv[1:3]))
