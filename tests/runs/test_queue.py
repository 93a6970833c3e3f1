"""Workers and the runs that they take."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, nullcontext
from pathlib import Path

import pytest

from tl_core.alive import alive
from tl_core.config import RunConfig
from tl_core.runs import queue
from tl_core.runs.launch import child_environment
from tl_core.runs.queue import (
    beat,
    checkpointed,
    claim,
    forget_worker,
    has_worker,
    lock_file,
    look_ahead,
    register,
    retire,
)
from tl_core.runs.record import read_record
from tl_core.runs.run import Run
from tl_core.runs.store import LostLeaseError, Store, put
from tl_core.runs.waiting import Outlook

CONFIG = RunConfig("dataset", "small")


class Clock:
    """Lets seconds pass: on the clock of the day, and unless told otherwise on the other too."""

    def __init__(self) -> None:
        self.time_of_day, self.passed = time.time(), 0.0

    def __call__(self, seconds: float) -> None:
        self.time_of_day += seconds
        self.passed += seconds

    def time(self) -> float:
        return self.time_of_day

    def monotonic(self) -> float:
        return self.passed


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(queue, "time", clock)
    return clock


def test_the_oldest_run_comes_first(store: Store) -> None:
    ids = [store.create(CONFIG) for _ in range(3)]
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    assert [claim(store, "token").id for _ in range(3)] == ids


def test_a_worker_takes_only_what_it_serves(store: Store) -> None:
    on_cpu, anywhere, on_gpu = (
        store.create(CONFIG.with_(device=device)) for device in ("cpu", "auto", "cuda")
    )
    register(store, "cuda", ["cuda", "auto"], "gpu", 1)
    register(store, "cpu", ["cpu"], "slow", 2)
    assert claim(store, "gpu").id == anywhere
    assert claim(store, "slow").id == on_cpu
    assert claim(store, "slow") is None
    assert claim(store, "gpu").id == on_gpu
    assert claim(store, "nobody") is None


def test_a_run_has_one_holder_among_threads(store: Store) -> None:
    ids = [store.create(CONFIG) for _ in range(30)]
    register(store, "cpu", ["auto"], "one", 1)
    register(store, "cuda", ["auto"], "two", 2)
    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda n: claim(store, ("one", "two")[n % 2]), range(36)))
    assert sorted(run.id for run in claimed if run) == sorted(ids)
    assert claimed.count(None) == 6


def test_each_of_200_runs_is_taken_once_by_two_workers(store: Store) -> None:
    store.folders.rmdir()
    store.folders.touch()  # no records: waiting for the disk would be all that it does
    with store.write() as db:
        for n in range(200):
            put(db, Run(f"{n:03}", f"owner {n % 3}", float(n), "queued", CONFIG))
    code = """
import sys
from pathlib import Path
from tl_core.runs.queue import claim, register
from tl_core.runs.store import Store
store, name = Store(Path(sys.argv[1])), sys.argv[2]
register(store, name, ["auto"], name, 1)
print("ready", flush=True)
sys.stdin.readline()
while run := claim(store, name):
    store.end(run.id, "finished", name, holder=name)
    print(run.id)
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(store.path), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=child_environment(),
        )
        for name in ("one", "two")
    ]  # fmt: skip
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    taken = [process.communicate(timeout=60)[0].split() for process in processes]
    assert sorted(taken[0] + taken[1]) == [f"{n:03}" for n in range(200)]
    assert min(map(len, taken)) > 10, "both worked"
    assert {run.state for run in store.runs()} == {"finished"}
    assert {run.changes for run in store.runs()} == {2}


# --- workers ----------------------------------------------------------------------------------


def test_one_worker_for_a_device(store: Store) -> None:
    assert not has_worker(store, "cpu")
    assert register(store, "cpu", ["cpu"], "first", 1)
    assert not register(store, "cpu", ["cpu"], "second", 2)
    assert register(store, "cuda", ["cuda", "auto"], "third", 3)
    assert has_worker(store, "cpu")
    assert has_worker(store, "auto")
    forget_worker(store, "first")
    assert not has_worker(store, "cpu")
    assert register(store, "cpu", ["cpu"], "second", 2)


def test_a_worker_settles_under_the_name_of_its_device(store: Store) -> None:
    assert register(store, "auto", ["auto"], "token", 1)
    assert register(store, "cpu", ["cpu", "auto"], "token", 1)
    assert has_worker(store, "cpu")
    assert has_worker(store, "auto")
    assert register(store, "auto", ["auto"], "late", 2), "the name is free again"
    assert not register(store, "cpu", ["cpu", "auto"], "late", 2), "and the device is not"


def test_a_worker_retires_only_when_nothing_waits(store: Store) -> None:
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    store.create(CONFIG.with_(device="cuda"))
    waiting = store.create(CONFIG)
    assert not retire(store, "token")
    assert has_worker(store, "cpu")
    assert claim(store, "token").id == waiting
    assert retire(store, "token"), "what waits for another device is not its business"
    assert not has_worker(store, "cpu")


@pytest.mark.parametrize("has_lock", [True, False])
def test_the_run_of_a_worker_that_hangs_is_interrupted(
    has_lock: bool, store: Store, clock: Clock
) -> None:
    with alive(lock_file(store, "token")) if has_lock else nullcontext():
        run_id = taken(store)
        for _ in range(4):  # looked at now and then it lives on, however long
            clock(queue.DEAD_AFTER / 2 - 1)
            assert has_worker(store, "cpu")
            clock(queue.DEAD_AFTER / 2 - 1)
            assert has_worker(store, "cpu")
            assert beat(store, "token")
        assert has_worker(store, "cpu")
        clock(queue.DEAD_AFTER / 2)
        assert has_worker(store, "cpu")
        assert store.run(run_id).state == "running"
        clock(queue.DEAD_AFTER / 2)
        assert not has_worker(store, "cpu")
        run = store.run(run_id)
        assert (run.state, run.is_over) == ("interrupted", False)
        assert "process that trained this run ended" in run.message
        assert not beat(store, "token"), "and the worker hears that it was given up"
    assert read_record(store.folders / run_id) == run


@pytest.mark.parametrize("seconds", [3600, -3600])
def test_a_clock_that_is_set_buries_nobody(seconds: float, store: Store, clock: Clock) -> None:
    run_id = taken(store)
    assert has_worker(store, "cpu")
    clock.time_of_day += seconds
    for _ in range(3):
        assert has_worker(store, "cpu")
        assert queue.devices(store) == ("cpu",)
    assert not register(store, "cpu", ["cpu"], "another", 2)
    assert beat(store, "token")
    assert (store.run(run_id).state, store.run(run_id).deaths) == ("running", 0)
    for _ in range(2):  # and one that hangs is noticed at the wrong time of day as well
        assert has_worker(store, "cpu")
        clock(queue.DEAD_AFTER / 2)
    assert not has_worker(store, "cpu")


def test_silence_while_the_store_is_held_is_no_silence(store: Store, clock: Clock) -> None:
    """A worker cannot beat then; a store that others may still read shows nothing of that."""
    run_id = taken(store)
    assert has_worker(store, "cpu")
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for _ in range(12):
            clock(5)
            assert has_worker(store, "cpu")
        other.execute("ROLLBACK")
    assert has_worker(store, "cpu")
    clock(5)
    assert beat(store, "token")
    assert (store.run(run_id).state, store.run(run_id).deaths) == ("running", 0)
    for _ in range(2):
        assert has_worker(store, "cpu")
        clock(queue.DEAD_AFTER / 2)
    assert not has_worker(store, "cpu"), "where nobody holds it, silence counts"


def test_a_beat_that_came_while_others_wrote_saves_a_worker(
    store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = taken(store)
    assert has_worker(store, "cpu")
    clock(10)
    assert has_worker(store, "cpu")
    clock(10)
    write = store.write

    def late() -> object:
        monkeypatch.setattr(store, "write", write)
        clock(0.1)
        assert beat(store, "token")
        return write()

    monkeypatch.setattr(store, "write", late)
    queue.bury_the_dead(store)
    assert (store.run(run_id).state, store.run(run_id).deaths) == ("running", 0)


def test_who_slept_through_the_silence_looks_again(store: Store, clock: Clock) -> None:
    """Windows' monotonic clock goes on while the machine, and so the worker, sleeps."""
    run_id = taken(store)
    assert has_worker(store, "cpu")
    clock(3600)
    assert has_worker(store, "cpu")
    clock(2)
    assert has_worker(store, "cpu"), "as long as a worker needs for its next beat"
    assert beat(store, "token")
    assert store.run(run_id).deaths == 0


def test_a_worker_that_dropped_its_lock_is_dead_at_once(store: Store) -> None:
    run_id = store.create(CONFIG)
    with alive(lock_file(store, "token")):
        register(store, "cpu", ["cpu", "auto"], "token", 1)
        claim(store, "token")
        assert has_worker(store, "cpu")
    assert has_worker(store, "cpu"), "no lock tells nothing"
    lock_file(store, "token").touch()
    assert not has_worker(store, "cpu")
    assert store.run(run_id).state == "interrupted"
    assert not lock_file(store, "token").exists()


def test_a_dead_workers_lock_outlasts_its_row(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the other order a power cut in between would leave a worker that seems to live."""
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    lock_file(store, "token").parent.mkdir()
    lock_file(store, "token").touch()
    rows: list[int] = []

    def look(_: Path) -> None:
        with closing(sqlite3.connect(store.path)) as db:
            rows.extend(db.execute("SELECT COUNT(*) FROM workers").fetchone())

    monkeypatch.setattr(queue, "bury", look)
    assert not has_worker(store, "cpu")
    assert rows == [0]


def test_an_interrupted_run_goes_on_before_others(store: Store) -> None:
    run_id = taken(store)
    lock_file(store, "token").parent.mkdir()
    lock_file(store, "token").touch()
    assert register(store, "cpu", ["cpu", "auto"], "alive", 2)
    assert store.run(run_id).state == "interrupted"
    store.create(CONFIG, owner="somebody who never had a turn")
    run = claim(store, "alive")
    assert (run.id, run.state, run.message, run.deaths) == (run_id, "running", "", 1)


def die(store: Store, run_id: str) -> Run:
    forget_worker(store, "token")
    has_worker(store, "cpu")
    return store.run(run_id)


def taken(store: Store) -> str:
    run_id = store.create(CONFIG)
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    return run_id


def test_a_run_that_dies_twice_on_the_spot_fails(store: Store) -> None:
    run_id = taken(store)
    assert die(store, run_id).state == "interrupted"
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    run = die(store, run_id)
    assert (run.state, run.is_over) == ("failed", True)
    assert "ended twice without getting any further" in run.message
    assert store.resume(run_id).deaths == 0, "who asks for it gets another try"


def test_a_run_that_gets_further_may_die_again(store: Store) -> None:
    run_id = taken(store)
    for _ in range(3):
        assert die(store, run_id).state == "interrupted"
        register(store, "cpu", ["cpu", "auto"], "token", 1)
        claim(store, "token")
        checkpointed(store, run_id, "token")
    with pytest.raises(LostLeaseError):
        checkpointed(store, run_id, "somebody else")


def test_a_run_that_waits_for_room_goes_on_when_there_is_some(store: Store, clock: Clock) -> None:
    run_id = taken(store)
    store.end(run_id, "paused", "The disk is full.", holder="token", again=time.time() + 30)
    assert claim(store, "token") is None
    assert not retire(store, "token"), "somebody has to look again"
    clock(31)
    assert claim(store, "token", has_room=lambda _: False) is None
    assert store.run(run_id).message == "The disk is full."
    run = claim(store, "token")
    assert (run.id, run.state, run.again, run.message) == (run_id, "running", None, "")


def test_a_run_that_a_person_paused_waits_for_a_person(store: Store) -> None:
    run_id = taken(store)
    store.end(run_id, "paused", "Paused.", holder="token")
    assert claim(store, "token") is None
    assert retire(store, "token")


def test_a_run_s_place_is_where_a_worker_takes_it(store: Store) -> None:
    ids = [store.create(CONFIG, owner) for owner in "aabc"]
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    places = {run_id: look_ahead(store, store.run(run_id)) for run_id in ids}
    assert [places[run_id].place for run_id in ids] == [1, 4, 2, 3]
    assert places[ids[1]].low is None, "nothing was trained here yet"
    order = sorted(ids, key=lambda run_id: places[run_id].place)
    for number, run_id in enumerate(order):
        assert claim(store, "token").id == run_id
        assert look_ahead(store, store.run(run_id)) is None, "it waits no longer"
        for later, other in enumerate(order[number + 1 :], 1):
            assert look_ahead(store, store.run(other)).place == later
        store.end(run_id, "finished", seconds=10.0)
    late = [store.create(CONFIG) for _ in range(2)]
    assert look_ahead(store, store.run(late[1])) == Outlook(2, 5.0, 15.0)
