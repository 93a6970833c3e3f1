"""A workspace with pictures, and runs of a study that ended as a test says, without training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_source
from tl_core.runs import queue
from tl_core.runs.engines import local
from tl_core.runs.engines.local import LocalEngine
from tl_core.runs.probe_file import write_probe
from tl_core.runs.store import Run, Store
from tl_core.studies.kinds import find_kind
from tl_core.studies.study import Asked, Reading, find_study, start
from tl_core.training.events import EpochEnded, Event
from tl_core.workspace import Workspace


@pytest.fixture
def store(workspace: Workspace) -> Store:
    return Store(workspace.store)


@pytest.fixture
def dataset(workspace: Workspace, photo_folder: Callable[..., Path]) -> Dataset:
    return import_source(workspace, photo_folder({"red": 20, "blue": 20}), "Colours")


@pytest.fixture
def asked(dataset: Dataset) -> Asked:
    return Asked(dataset, seeds=2)


class Worker:
    """Ends runs as a test says.

    Args:
        workspace: of the runs.
        store: of the runs.
    """

    def __init__(self, workspace: Workspace, store: Store) -> None:
        self.workspace, self.store = workspace, store
        queue.register(store, "cpu", ["cpu", "auto"], "a test", 1)

    def end(self, events: Sequence[Event] = (), state: str = "finished", **facts: Any) -> Run:
        """End the run that comes next."""
        run = queue.claim(self.store, "a test")
        assert run is not None
        self.store.append(run.id, events)
        message = "" if state == "finished" else "The disk is full."
        return self.store.end(run.id, state, message, holder="a test", **facts)  # type: ignore[arg-type]

    def probe(self, right: Mapping[str, str], **facts: Any) -> Run:
        """End the next run as a probe whose stages got these pictures right, "1" for each."""
        count = len(next(iter(right.values())))
        stages = [
            {"name": name, "accuracy": marks.count("1") / count, "error": 0.02, "seconds": 0.01}
            for name, marks in right.items()
        ]
        run = self.end(stages=stages, probed=count, training=count, **facts)
        files = [f"{number}" for number in range(count)]
        marks = {name: [mark == "1" for mark in each] for name, each in right.items()}
        write_probe(self.workspace.runs / run.id, files, marks)
        return run


@pytest.fixture
def worker(workspace: Workspace, store: Store) -> Worker:
    return Worker(workspace, store)


@pytest.fixture
def engine(workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch) -> LocalEngine:
    """An engine that starts no process."""
    monkeypatch.setattr(local, "ensure_worker", lambda *_: False)
    return LocalEngine(workspace, store)


class Studied:
    """A study that was started, and what its kind reads of it."""

    def __init__(self, kind: str, asked: Asked, engine: LocalEngine) -> None:
        self.kind, self.store, self.workspace = find_kind(kind), engine.store, engine.workspace
        self.plan = self.kind.plan(asked)
        self.id = start(engine, kind, self.plan, asked.dataset.name)

    @property
    def reading(self) -> Reading[Any]:
        """What is known so far."""
        return self.kind.read(find_study(self.store, self.id), self.store, self.workspace)


@pytest.fixture
def begin(engine: LocalEngine) -> Callable[[str, Asked], Studied]:
    """Start a study of a kind."""
    return lambda kind, asked: Studied(kind, asked, engine)


def epoch(number: int, accuracy: float, phase: int = 0) -> EpochEnded:
    return EpochEnded(phase, number, 0.5, 0.5, 0.5, accuracy, 1e-3, 1.0, 28, True)
