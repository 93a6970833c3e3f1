"""What travels while many watch a run, over the same connection that a browser uses."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tl_core.alive import alive
from tl_core.config import RunConfig
from tl_core.data.intake import import_source
from tl_core.runs import queue
from tl_core.runs.store import Store
from tl_core.training.events import EpochEnded, PhaseStarted

if TYPE_CHECKING:
    from tests.browser.conftest import Server

pytestmark = pytest.mark.browser
PHASES = [{"name": "head", "epochs": 9, "patience": 4, "views": 1, "frozen_share": 1.0}]


@pytest.fixture
def viewer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The benchmarks' session without a browser."""
    monkeypatch.syspath_prepend("benchmarks")
    return __import__("viewer")


@pytest.fixture
def epoch(server: Server, photo_folder: Callable[..., Path]) -> Iterator[Callable[[], str]]:
    """A run that somebody trains who ends an epoch when told; return the run's id."""
    store = Store(server.workspace.store)
    dataset = import_source(server.workspace, photo_folder({"red": 4, "blue": 4}), "colours")
    run = store.create(RunConfig(dataset.id, "mini"), dataset_name=dataset.name, phases=PHASES)
    with alive(queue.lock_file(store, "a test")):
        queue.register(store, "cpu", ["cpu", "auto"], "a test", os.getpid())
        queue.claim(store, "a test")
        store.append(run, [PhaseStarted(0, "head", 5, 9)])
        yield lambda: _end_an_epoch(store, run)


def _end_an_epoch(store: Store, run: str) -> str:
    queue.beat(store, "a test")
    number = store.events(run)[-1].number
    store.append(run, [EpochEnded(0, number, 0.5, 0.8, 0.6, 0.7, 1e-3, 2.0, 140, True)])
    return run


def test_no_chart_is_sent_when_nothing_is_new(
    server: Server, viewer: ModuleType, epoch: Callable[[], str]
) -> None:
    run = epoch()
    port = int(server.url.rsplit(":", 1)[1])

    async def watch() -> object:
        watching = asyncio.create_task(
            viewer.watch(port, "train", f"run={run}", time.monotonic() + 7)
        )
        await asyncio.sleep(4)
        epoch()
        return await watching

    seen = asyncio.run(watch())
    assert not seen.dropped
    assert seen.first.elements["plotly_chart"] == 2
    charts = [answer.elements["plotly_chart"] for answer in seen.refreshes]
    assert len(charts) >= 4
    assert sum(charts) == 2, "once, when the epoch had ended"
    quiet = [answer.size for answer in seen.refreshes if not answer.elements["plotly_chart"]]
    assert max(quiet) < 4000, "bytes"
