"""The engine of this machine: the store, and a worker where one is needed."""

from __future__ import annotations

import pytest

from tl_core.config import RunConfig
from tl_core.errors import UserError
from tl_core.runs.engines import Capacity, Engine
from tl_core.runs.engines import local as module
from tl_core.runs.engines.local import LocalEngine
from tl_core.runs.queue import claim, register
from tl_core.runs.store import Store
from tl_core.training.events import EpochEnded, Notice
from tl_core.workspace import Workspace

CONFIG = RunConfig("dataset", "small", device="cpu")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The devices that a worker was asked for."""
    asked: list[str] = []
    monkeypatch.setattr(module, "ensure_worker", lambda *args: not asked.append(args[2]))
    return asked


@pytest.fixture
def engine(workspace: Workspace, store: Store) -> LocalEngine:
    return LocalEngine(workspace, store)


def test_a_run_s_life(
    engine: LocalEngine, store: Store, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "find_dataset", lambda *_: None)  # its pictures are here
    behind: Engine = engine
    run = behind.submit(CONFIG, "me", dataset_name="bees")
    assert started == ["cpu"]
    assert (behind.status(run).state, behind.status(run).owner) == ("queued", "me")
    assert behind.pause(run).state == "paused"
    assert behind.resume(run).state == "queued"
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    store.append(run, [Notice("hello"), EpochEnded(0, 1, 1, 1, 1, 1, 1, 1, 1)])
    assert [told.number for told in behind.events(run, after=0)] == [1]
    store.end(run, "finished", holder="token")
    assert behind.extend(run, 3).config.more == (3,)
    assert behind.cancel(run).wish == "stop"
    assert len(started) == 4, "whatever has to be done, somebody is there to do it"
    with pytest.raises(UserError):
        behind.status("nothing")


def test_what_is_being_done(engine: LocalEngine, store: Store, started: list[str]) -> None:
    assert engine.capacity() == Capacity((), 0, 0)
    for _ in range(3):
        engine.submit(CONFIG)
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    assert engine.capacity() == Capacity(("cpu",), 1, 2)
    assert set(started) == {"cpu"}


def test_only_what_goes_on_gets_a_worker(
    engine: LocalEngine, store: Store, started: list[str]
) -> None:
    runs = {device: store.create(CONFIG.with_(device=device)) for device in ("cpu", "cuda", "auto")}
    store.ask_to_pause(runs["cuda"])
    register(store, "cpu", ["cpu"], "token", 1)
    claim(store, "token")
    engine.attend_all()
    assert started == ["cpu", "auto"]
    store.end(runs["cpu"], "paused", "No room.", again=1.0)
    assert engine.attend(store.run(runs["cpu"]))
    assert not engine.attend(store.run(runs["cuda"]))
    store.ask_to_stop(runs["auto"])
    assert not engine.attend(store.run(runs["auto"]))
