"""What a worker passes on, and what it hears."""

from __future__ import annotations

import threading
import time

import pytest

from tl_core.config import RunConfig
from tl_core.runs import telling as module
from tl_core.runs.queue import claim, register
from tl_core.runs.store import LostLeaseError, Store
from tl_core.runs.telling import Telling
from tl_core.training.events import EpochEnded, Notice, PhaseStarted, Preparing, Stepped


def taken(store: Store) -> str:
    run_id = store.create(RunConfig("d", "small"))
    register(store, "cpu", ["auto"], "token", 1)
    claim(store, "token")
    return run_id


def test_of_what_happens_at_once_only_the_last_is_told(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = taken(store)
    monkeypatch.setattr(module, "TELL_SECONDS", 1000.0)
    telling = Telling(store, run_id, "token")
    telling.told = time.monotonic()
    kept = [
        Preparing("Opening", 9, 9), Preparing("Passing", 9, 9), PhaseStarted(0, "", 1, 2),
        Stepped(1, 9, 9, 0.5, 8), EpochEnded(0, 1, 1, 1, 1, 1, 1, 1, 1), Stepped(2, 9, 9, 0.5, 8),
        Notice("one"), Notice("two"),
    ]  # fmt: skip
    for event in kept:
        if isinstance(event, Preparing):
            telling.emit(Preparing(event.what, 3, 9))
        if isinstance(event, Stepped):
            telling.emit(Stepped(event.epoch, 1, 9, 0.9, 8))
        telling.emit(event)
    assert store.events(run_id) == []
    telling.flush()
    assert [told.event for told in store.events(run_id)] == kept


def test_wishes_are_heard(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TELL_SECONDS", 0.0)
    run_id, leaving = taken(store), threading.Event()
    telling = Telling(store, run_id, "token", leaving)
    assert telling.wish() == ""
    store.ask_to_pause(run_id)
    assert telling.wish() == "pause"
    store.ask_to_stop(run_id)
    assert telling.wish() == "stop"
    leaving.set()
    assert telling.wish() == "pause"


def test_a_worker_hears_that_a_run_is_no_longer_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TELL_SECONDS", 0.0)
    run_id = taken(store)
    telling = Telling(store, run_id, "token")
    telling.emit(Notice("one"))
    store.end(run_id, "interrupted", holder="token")
    with pytest.raises(LostLeaseError):
        telling.wish()
    with pytest.raises(LostLeaseError):
        telling.emit(Notice("two"))
    assert len(store.events(run_id)) == 1
