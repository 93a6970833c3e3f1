"""Pages run without a browser: Streamlit's AppTest executes the script that a session runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tl_core.config import RunConfig
from tl_core.data.dataset import Dataset, save
from tl_core.data.intake import import_source
from tl_core.runs import launch
from tl_core.runs.predictor.predicting import Predictor
from tl_core.runs.queue import claim, register
from tl_core.runs.store import Store
from tl_core.training.events import CacheRead, EpochEnded, PhaseStarted
from tl_core.workspace import Workspace

MAIN = Path(__file__).parents[2] / "pages" / "main.py"


@pytest.fixture
def open_page(
    workspace: Workspace,  # noqa: ARG001 (sets HEADSTART_HOME)
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Callable[..., AppTest]]:
    """Return a function that opens a page with query parameters and runs it."""
    st.cache_resource.clear()
    # No page test trains or predicts: tests/runs and tests/browser start the real processes.
    monkeypatch.setattr(launch, "has_worker", lambda *_: True)
    monkeypatch.setattr(Predictor, "warm", lambda _: None)
    monkeypatch.setattr(Predictor, "_ask", lambda *_: {"error": "The model is gone."})

    def go(page: str = "start", **query: str) -> AppTest:
        app = AppTest.from_file(str(MAIN), default_timeout=30)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        if page != "start":
            app.switch_page(f"{page}.py").run()
        assert not app.exception
        return app

    yield go
    st.cache_resource.clear()


@pytest.fixture
def dataset(workspace: Workspace, photo_folder: Callable[..., Path]) -> Dataset:
    """Return an imported dataset of two classes."""
    return import_source(workspace, photo_folder({"red": 10, "blue": 10}), "colours")


@pytest.fixture
def grow(dataset: Dataset) -> Callable[[int], None]:
    """Return a function that gives the dataset so many more pictures to learn from, by name only.

    Their files are missing, which pages that open none of them do not notice.
    """

    def add(count: int) -> None:
        more = (replace(dataset.items[0], file=f"{n:064x}", split="train") for n in range(count))
        save(replace(dataset, items=(*dataset.items, *more)))

    return add


@pytest.fixture
def store(workspace: Workspace) -> Store:
    """Return the workspace's store."""
    return Store(workspace.store)


@pytest.fixture
def finished(store: Store, dataset: Dataset) -> str:
    """Return the id of a finished run with three epochs and no bundle on disk."""
    run = store.create(RunConfig(dataset.id, "small"))
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    read = CacheRead(0, views=4, bytes=98_000_000, reused=False, spent=10.0, one_pass=15.0)
    store.append(run, [PhaseStarted(0, "everything", 0, 3), read])
    store.append(
        run,
        [
            EpochEnded(0, n, 1 / n, 0.5, 1.1 / n, 0.4 + n / 10, 1e-3, 2.0, 14, True)
            for n in (1, 2, 3)
        ],
    )
    store.learn(
        run, dataset_name=dataset.name, classes=list(dataset.classes), bundle="/gone.headstart",
        validation_accuracy=0.75, test_accuracy=None, train_accuracy=1.0, best_epoch=3, epochs=3,
        seconds=6.0, epochs_planned=3, phases=[
            {"name": "everything", "epochs": 3, "patience": 4, "views": 0, "frozen_share": 0.0}
        ],
    )  # fmt: skip
    store.end(run, "finished")
    return run
