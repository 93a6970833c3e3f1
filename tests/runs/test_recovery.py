"""Rule 4 for whole runs: whatever interrupts one, it goes on as it would have."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tl_core.errors import BusyError
from tl_core.runs import execute, recovery, telling
from tl_core.runs.queue import claim
from tl_core.runs.recovery import FILE, Recording
from tl_core.runs.run import Run, Wish
from tl_core.runs.store import Store
from tl_core.runs.telling import Telling
from tl_core.training.events import EpochEnded, Event, Stepped
from tl_core.workspace import Workspace

Work = Callable[[str], Run]
Outcome = Callable[[Run], tuple[Any, ...]]


@pytest.fixture(autouse=True)
def _told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tell every event and hear every wish; take a checkpoint at every epoch's end."""
    monkeypatch.setattr(telling, "TELL_SECONDS", 0.0)
    monkeypatch.setattr(recovery, "SHARE", 1e9)


@pytest.fixture
def quick(queued: Callable[..., str], weights: Path) -> Callable[..., str]:
    """Queue a run in which only a head learns: its checkpoints are small, its epochs short."""
    chosen = {"recipe": "feature-extraction", "weights": str(weights), "batch_size": 4}
    return lambda **settings: queued(**chosen | settings)


@pytest.fixture
def wishing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Wish, int], None]:
    """Let a wish be heard at the n-th look from now on, and no other."""
    hear = Telling.wish

    def at_look(wish: Wish, number: int) -> None:
        looks = count()

        def heard(self: Telling) -> Wish:
            hear(self)
            return wish if next(looks) == number else ""

        monkeypatch.setattr(Telling, "wish", heard)

    return at_look


@pytest.mark.parametrize("wish", ["pause", "stop"])
@pytest.mark.parametrize("recipe", ["scratch", "gradual"])
def test_a_run_goes_on_as_if_nothing_had_happened(
    recipe: str, wish: Wish, queued: Callable[..., str], work: Work, store: Store, outcome: Outcome,
    weights: Path,
    wishing: Callable[[Wish, int], None],
) -> None:  # fmt: skip
    start = {"weights": str(weights), "freeze": "layer3"} if recipe == "gradual" else {}
    settings = {"recipe": recipe, "epochs": 6, "batch_size": 4} | start
    expected = outcome(work(queued(**settings)))
    run_id = queued(**settings)
    breaks = 0
    for look in (0, 9, 13, 26, 3):  # while pictures are opened, then at steps and epochs' ends
        wishing(wish, look)
        run = work(run_id)
        if run.state == "finished":
            break
        assert run.state == ("paused" if wish == "pause" else "stopped")
        assert not list((store.folders / run_id).glob("*.next*"))
        breaks += 1
        store.resume(run_id)
    else:
        run = work(run_id)
    assert breaks >= 3
    assert outcome(run) == expected


def test_training_some_more_is_as_if_it_had_been_planned(
    quick: Callable[..., str], work: Work, store: Store, outcome: Outcome
) -> None:
    run = work(quick(epochs=3))
    first = run.facts["epochs"]
    store.extend(run.id, 2)
    run = work(run.id)
    assert (run.facts["epochs_planned"], run.facts["epochs"]) == (5, first + 2)
    store.extend(run.id, 1)
    run = work(run.id)
    assert run.config.more == (2, 1)
    planned = work(quick(epochs=3, more=(2, 1)))
    assert outcome(run) == outcome(planned)
    assert [phase["name"] for phase in run.facts["phases"]][1:] == ["some more"] * 2


def test_seconds_count_every_life(
    quick: Callable[..., str], work: Work, store: Store, wishing: Callable[[Wish, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    wishing("pause", 12)
    run_id = quick(epochs=4)
    assert work(run_id).state == "paused"
    begun = Recording.__init__

    def later(self: Recording, *args: Any) -> None:
        begun(self, *args)
        self._before += 1000

    monkeypatch.setattr(Recording, "__init__", later)
    store.resume(run_id)
    assert 1000 < work(run_id).facts["seconds"] < 1100


def test_a_run_that_was_stopped_before_it_goes_on_makes_its_model_when_asked(
    quick: Callable[..., str], work: Work, store: Store, wishing: Callable[[Wish, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run_id = quick(epochs=50)
    wishing("pause", 40)
    paused = work(run_id)
    assert (paused.state, paused.facts.get("bundle")) == ("paused", None)
    monkeypatch.undo()
    assert store.ask_to_stop(run_id).state == "queued"
    run = work(run_id)
    assert run.state == "stopped"
    epochs = [t.event for t in store.events(run_id) if isinstance(t.event, EpochEnded)]
    assert run.facts["best_epoch"] == max(e.epoch for e in epochs if e.best)
    assert run.facts["validation_accuracy"] == max(e.validation_accuracy for e in epochs)


# --- a full disk ------------------------------------------------------------------------------


def full(*_: object) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("every", [pytest.param(1, marks=pytest.mark.slow), 5])
def test_a_disk_that_is_full_at_any_write_pauses_the_run(
    every: int, quick: Callable[..., str], work: Work, store: Store, outcome: Outcome,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    expected = outcome(work(quick(epochs=2)))
    monkeypatch.setattr(execute, "AGAIN_SECONDS", 0.0)
    sync = os.fsync
    for nth in count(0, every):
        shutil.rmtree(workspace.cache)
        workspace.cache.mkdir()
        run_id, writes = quick(epochs=2), count()

        def fsync(handle: int, nth: int = nth, writes: Any = writes) -> None:
            (full if next(writes) >= nth else sync)(handle)

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", fsync)
            run = work(run_id)
        if run.state == "finished":  # but for its record, which the store does without
            break
        assert run.state == "paused", nth
        assert "is full, so the run is paused; free some space" in run.message
        assert not list(workspace.root.rglob("*.part"))
        store.check()
        assert outcome(work(run_id)) == expected
    assert nth > 15, "there are so many writes"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (OSError(errno.EIO, "Input/output error"), "does not answer"),
        (OSError(errno.ESTALE, "Stale file handle"), "does not answer"),
        (OSError(errno.EBUSY, "Device or resource busy"), "Another program holds"),
        (BusyError("The store is busy: another program holds it."), "another program holds it"),
    ],
)
def test_a_fault_that_passes_interrupts_the_run_which_ends_as_if_it_had_not(
    fault: Exception, said: str, quick: Callable[..., str], work: Work,
    outcome: Outcome, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    expected = outcome(work(quick(epochs=2)))
    monkeypatch.setattr(execute, "AGAIN_SECONDS", 0.0)
    run_id, writes, sync = quick(epochs=2), count(), os.fsync

    def fsync(handle: int) -> None:
        if next(writes) == 8:
            raise fault
        sync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        run = work(run_id)
    assert (run.state, run.again is not None) == ("paused", True)
    assert "goes on from its last checkpoint by itself" in run.message
    assert said in run.message
    assert outcome(work(run_id)) == expected


def test_a_store_that_is_busy_when_a_run_ends_is_waited_for(
    quick: Callable[..., str], work: Work, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execute, "AGAIN_SECONDS", 0.0)
    busy, end = [BusyError("Busy."), BusyError("Busy.")], store.end

    def faulty(*args: Any, **facts: Any) -> Run:
        if busy:
            raise busy.pop()
        return end(*args, **facts)

    monkeypatch.setattr(store, "end", faulty)
    assert work(quick()).state == "finished"
    assert not busy


def test_a_run_waits_until_there_is_room(
    quick: Callable[..., str], work: Work, store: Store, workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(execute, "AGAIN_SECONDS", 0.0)
    run_id = quick()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert work(run_id).state == "paused"
    usage = shutil.disk_usage(workspace.root)
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1 << 20))
        assert claim(store, "a test", lambda run: execute.has_room(workspace, run)) is None
        assert store.run(run_id).state == "paused"
    assert execute.has_room(workspace, store.run(run_id))
    assert work(run_id).state == "finished"


# --- checkpoints ------------------------------------------------------------------------------


@pytest.fixture
def paused(
    quick: Callable[..., str],
    work: Work,
    outcome: Outcome,
    wishing: Callable[[Wish, int], None],
) -> tuple[str, Any]:
    """A run that was paused, and what it comes to where it is not."""
    expected = outcome(work(quick(epochs=6)))
    wishing("pause", 14)
    run_id = quick(epochs=6)
    assert work(run_id).state == "paused"
    wishing("", 0)
    return run_id, expected


def test_a_cut_off_checkpoint_gives_way_to_the_one_before(
    paused: tuple[str, Any], work: Work, store: Store, outcome: Outcome
) -> None:
    run_id, expected = paused
    for file, begins_anew in ((FILE, False), ("checkpoint.before.safetensors", True)):
        path = store.folders / run_id / file
        path.write_bytes(path.read_bytes()[:-100])
        past = recovery._read(store, run_id)
        assert (past is None) == begins_anew
    store.resume(run_id)
    assert outcome(work(run_id)) == expected


def test_lost_events_come_from_the_journal(
    paused: tuple[str, Any], work: Work, store: Store, outcome: Outcome
) -> None:
    run_id, expected = paused
    with store.write() as db:
        db.execute("DELETE FROM events WHERE run = ? AND number > 3", (run_id,))
    store.resume(run_id)
    assert outcome(work(run_id)) == expected


def test_who_is_given_up_for_dead_writes_nothing_more(
    quick: Callable[..., str], work: Work, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    emit, told = Telling.emit, count()

    def and_lost(self: Telling, event: Event) -> None:
        if next(told) == 12:
            store.end(self.run, "interrupted")
        emit(self, event)

    run_id = quick(epochs=6)
    with monkeypatch.context() as patch:
        patch.setattr(Telling, "emit", and_lost)
        run = work(run_id)
    assert (run.state, run.message) == ("interrupted", "")
    assert len(store.events(run_id)) < 13
    assert work(run_id).state == "finished", "and whoever has it now goes on"


def test_as_often_as_it_costs_next_to_nothing(
    quick: Callable[..., str], work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[Event] = []
    offer = Recording.offer

    def counted(self: Recording, event: Event, capture: Any, *, must: bool = False) -> None:
        offer(self, event, lambda: taken.append(event) or capture(), must=must)

    monkeypatch.setattr(Recording, "offer", counted)
    monkeypatch.setattr(recovery, "SHARE", 1e9)
    work(quick(epochs=9))
    assert isinstance(taken[0], Stepped), "with the first step"
    assert sum(isinstance(event, EpochEnded) for event in taken) > 1, "at epochs' ends"
    taken.clear()
    monkeypatch.setattr(recovery, "SHARE", 1e-9)
    work(quick(epochs=5, seed=1))
    assert [type(event) for event in taken] == [Stepped, EpochEnded], "the first and the last"
    taken.clear()
    monkeypatch.setattr(recovery, "LONGEST", 0.0)
    work(quick(epochs=12, seed=2))
    assert sum(isinstance(event, Stepped) for event in taken) > 1, "in long epochs too"
