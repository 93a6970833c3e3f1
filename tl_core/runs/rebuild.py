"""Opening a store when a process starts: checked, and rebuilt from the runs' folders if need be.

The folders know of every run what the store knows. So a damaged store is set aside and a new one
made from them, and whatever a power cut took out of an intact one is put back.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tl_core.deleting import sweep_discarded
from tl_core.errors import UserError
from tl_core.log import get_log
from tl_core.runs.database import DamagedError
from tl_core.runs.record import read_journal, read_record
from tl_core.runs.store import Store
from tl_core.workspace import Workspace

_BESIDE = ("-wal", "-shm")  # files that SQLite keeps beside its own


def open_store(workspace: Workspace) -> Store:
    """Return the store of a workspace after looking through it.

    Raises:
        UserError: a newer version wrote it, or it can be neither used nor set aside.
    """
    store = _checked(workspace.store)
    if store is None:
        with _alone(workspace):
            store = _checked(workspace.store)  # somebody else may have been quicker
            if store is None:
                _set_aside(workspace.store)
                store = Store(workspace.store)
    _reconcile(store, workspace)
    store.stay_open()
    return store


def _checked(path: Path) -> Store | None:
    """Return an intact store; `None` where it is damaged."""
    try:
        store = Store(path)
        store.check()
    except DamagedError as error:
        get_log().warning("%s", error)
        return None
    return store


def _set_aside(path: Path) -> None:
    aside = path.with_name(f"{path.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        for ending in ("", *_BESIDE):
            source = path.with_name(path.name + ending)
            if source.exists():
                source.rename(aside.with_name(aside.name + ending))
    except OSError as error:
        raise UserError(
            f"The store {path} is damaged and cannot be set aside ({error.strerror}); stop every "
            "Headstart that uses it and start again."
        ) from error
    get_log().warning("the damaged store is now %s; its runs come from their folders", aside.name)


def _reconcile(store: Store, workspace: Workspace) -> None:
    """Put back every run of which its folder knows more than the store, but none being deleted."""
    sweep_discarded(workspace.runs, store.forget)
    known = {run.id: run.changes for run in store.runs()}
    for folder in sorted(path for path in workspace.runs.iterdir() if path.is_dir()):
        run = read_record(folder)
        if run is None or run.id != folder.name or run.changes <= known.get(run.id, -1):
            continue
        if store.restore(run, read_journal(folder)):
            get_log().warning("run %s: put back from its folder, %s", run.id, run.state)


@contextmanager
def _alone(workspace: Workspace) -> Iterator[None]:
    """Let one process at a time rebuild; SQLite's own lock goes with the process that holds it."""
    lock = workspace.root / "rebuild.lock"
    with closing(sqlite3.connect(lock, timeout=60, isolation_level=None)) as db:
        db.execute("BEGIN EXCLUSIVE")
        yield
