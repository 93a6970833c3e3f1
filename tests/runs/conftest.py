"""A workspace with a small dataset, and runs of the small network on it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from tl_core.backbones.catalog import family_of
from tl_core.bundles.bundle import WEIGHTS
from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.runs.execute import execute
from tl_core.runs.predictor.predicting import Predictor
from tl_core.runs.queue import claim, register
from tl_core.runs.record import read_journal
from tl_core.runs.store import Run, Store
from tl_core.runs.summary import result
from tl_core.training.events import CacheRead, EpochEnded, Event, Preparing, Stepped
from tl_core.workspace import Workspace

MAY_DIFFER = {"run_id", "bundle", "seconds", "images_per_second"}


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
def queued(store: Store, dataset: Dataset) -> Callable[..., str]:
    """Queue a run of two epochs of the small network and return its id."""

    def queue(**settings: object) -> str:
        chosen = {"dataset": dataset.id, "backbone": "small", "epochs": 2, "device": "cpu"}
        return store.create(RunConfig(**(chosen | settings)))

    return queue


@pytest.fixture
def work(workspace: Workspace, store: Store) -> Callable[[str], Run]:
    """Take a run that waits, in this process, as a worker would; return it as it then stands."""

    def take(run_id: str) -> Run:
        register(store, "cpu", ["cpu"], "a test", os.getpid())
        claimed = claim(store, "a test")
        assert claimed is not None
        assert claimed.id == run_id
        execute(workspace, store, claimed, "a test")
        return store.run(run_id)

    return take


@pytest.fixture
def trained(queued: Callable[..., str], work: Callable[[str], Run]) -> Callable[..., Run]:
    """Train in this process as a worker would and return the run as the store has it."""
    return lambda **settings: work(queued(**settings))


@pytest.fixture
def outcome() -> Callable[[Run], tuple[Any, ...]]:
    """Return what has to be the same however often a finished run was interrupted."""

    def look(run: Run) -> tuple[Any, ...]:
        assert run.state == "finished", run.message
        bundle = Path(run.facts["bundle"])
        store = Store(bundle.parents[2] / "headstart.db")
        told = store.events(run.id)
        assert [item.number for item in told] == list(range(len(told))), "no gap, no duplicate"
        assert read_journal(bundle.parent) == told
        with zipfile.ZipFile(bundle) as file:
            weights = hashlib.sha256(file.read(WEIGHTS)).hexdigest()
        figures = {name: value for name, value in result(run).items() if name not in MAY_DIFFER}
        return [_plain(item.event) for item in told if _matters(item.event)], figures, weights

    return look


def _matters(event: Event) -> bool:
    return not isinstance(event, Preparing | Stepped)


def _plain(event: Event) -> Event:
    """Return an event without what it says of time, and of work that an earlier run had done."""
    if isinstance(event, EpochEnded):
        return replace(event, seconds=0.0)
    if isinstance(event, CacheRead):
        return replace(event, reused=False, spent=0.0, one_pass=0.0)
    return event


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A weights file of the small network, so that something can be frozen."""
    torch.manual_seed(0)
    network = family_of("small").build("small")
    for name, buffer in network.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
    path = tmp_path / "small.safetensors"
    save_file(network.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def predictor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Predictor]:
    """One pair of processes for the tests of a file: a start costs seconds."""
    client = Predictor(tmp_path_factory.mktemp("log") / "predictor.log")
    yield client
    client.close()


@pytest.fixture
def worker_pids(workspace: Workspace) -> Callable[[], list[int]]:
    """Return the process ids of the workers that are registered."""

    def read() -> list[int]:
        with closing(sqlite3.connect(workspace.store)) as db:
            return [pid for (pid,) in db.execute("SELECT pid FROM workers")]

    return read
