"""Starting a worker process when none serves a device."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tl_core.faults import as_sentence
from tl_core.runs.queue import has_worker
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

ROOT = Path(__file__).resolve().parents[2]


def ensure_worker(workspace: Workspace, store: Store, device: str) -> bool:
    """Start a worker for `device` unless one lives; tell whether one was started.

    The worker is a fresh interpreter (CUDA cannot be used after a fork) in a session of its own,
    so that it outlives the page server, the terminal and the browser.
    """
    if has_worker(store, device):
        return False
    try:
        log = worker_log(workspace).open("ab")
    except OSError as error:
        if (told := as_sentence(error)) is None:
            raise
        raise told from error
    with log:
        subprocess.Popen(  # (left running: that is the point)
            [sys.executable, "-m", "tl_core.runs.worker", str(workspace.root), device],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env=child_environment(),
            **_detached(),
        )
    return True


def worker_log(workspace: Workspace) -> Path:
    """Return the file that takes what workers print outside a run."""
    return workspace.root / "worker.log"


def child_environment() -> dict[str, str]:
    """Return the environment of a child: `tl_core` importable, idle threads asleep.

    By default OpenMP's threads wait by spinning. Beside a page server, a browser or another run
    that costs far more than it saves: with both cores busy, training ran 5 to 8 times as fast
    with passive waiting (75–170 pictures/s against 14–33, a small network at 64 px).
    """
    paths = [str(ROOT), os.environ.get("PYTHONPATH", "")]
    return {
        "OMP_WAIT_POLICY": "PASSIVE",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def _detached() -> dict[str, Any]:
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        return {"creationflags": flags}
    return {"start_new_session": True}
