"""A workspace with a small dataset, and runs of the small network on it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.runs.queue import claim, register
from tl_core.runs.store import Run, Store
from tl_core.runs.worker import execute
from tl_core.workspace import Workspace


@pytest.fixture(autouse=True)
def _small_sums(
    one_thread: None,  # noqa: ARG001 (it does the work)
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """This process, and those that a test starts, compute on one thread."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return Store(workspace.store)


@pytest.fixture
def dataset(workspace: Workspace, photo_folder: Callable[..., Path]) -> Dataset:
    return import_source(workspace, photo_folder({"red": 10, "blue": 10}), "Colours")


@pytest.fixture
def trained(workspace: Workspace, store: Store, dataset: Dataset) -> Callable[..., Run]:
    """Train in this process as a worker would and return the run as the store has it."""

    def train(**settings: object) -> Run:
        chosen = {"dataset": dataset.id, "backbone": "small", "epochs": 2, "device": "cpu"}
        run_id = store.create(RunConfig(**(chosen | settings)))
        register(store, "cpu", ["cpu"], "a test", os.getpid())
        claimed = claim(store, "a test")
        assert claimed is not None
        assert claimed.id == run_id
        execute(workspace, store, claimed, "a test")
        return store.run(run_id)

    return train


@pytest.fixture
def worker_pids(workspace: Workspace) -> Callable[[], list[int]]:
    """Return the process ids of the workers that are registered."""

    def read() -> list[int]:
        with closing(sqlite3.connect(workspace.store)) as db:
            return [pid for (pid,) in db.execute("SELECT pid FROM workers")]

    return read
