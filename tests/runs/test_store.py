"""The store: several processes, one truth."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tl_core.config import RunConfig
from tl_core.errors import UserError
from tl_core.runs import store as store_module
from tl_core.runs.launch import child_environment
from tl_core.runs.store import SCHEMA, Store
from tl_core.training.events import Notice, Stepped

CONFIG = RunConfig("dataset", "small")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Return a function that lets seconds pass."""
    passed = 0.0
    now = store_module.time.time

    class Later:
        @staticmethod
        def time() -> float:
            return now() + passed

    monkeypatch.setattr(store_module, "time", Later)

    def wait(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    return wait


# --- a run's life -----------------------------------------------------------------------------


def test_a_run_from_its_first_day_to_its_last(store: Store) -> None:
    run_id = store.create(CONFIG.with_(seed=7), owner="me")
    run = store.run(run_id)
    assert (run.state, run.owner, run.config.seed, run.started) == ("queued", "me", 7, None)
    assert not run.is_over

    assert store.register("cpu", ["cpu", "auto"], "token", 1)
    assert store.claim("token").id == run_id
    run = store.run(run_id)
    assert (run.state, run.is_over) == ("running", False)
    assert run.started >= run.created

    store.learn(run_id, cut=3)
    store.learn(run_id, accuracy=0.9, cut=4)
    store.end(run_id, "finished")
    run = store.run(run_id)
    assert (run.state, run.is_over) == ("finished", True)
    assert run.facts == {"cut": 4, "accuracy": 0.9}
    assert run.ended >= run.started
    assert store.claim("token") is None


def test_runs_are_listed_newest_first(store: Store) -> None:
    ids = [store.create(CONFIG, owner) for owner in ("me", "you", "me")]
    assert [run.id for run in store.runs()] == ids[::-1]
    assert [run.id for run in store.runs("me")] == [ids[2], ids[0]]


def test_the_oldest_run_comes_first(store: Store) -> None:
    ids = [store.create(CONFIG) for _ in range(3)]
    store.register("cpu", ["cpu", "auto"], "token", 1)
    assert [store.claim("token").id for _ in range(3)] == ids


def test_a_worker_takes_only_what_it_serves(store: Store) -> None:
    on_cpu, anywhere, on_gpu = (
        store.create(CONFIG.with_(device=device)) for device in ("cpu", "auto", "cuda")
    )
    store.register("cuda", ["cuda", "auto"], "gpu", 1)
    store.register("cpu", ["cpu"], "slow", 2)
    assert store.claim("gpu").id == anywhere
    assert store.claim("slow").id == on_cpu
    assert store.claim("slow") is None
    assert store.claim("gpu").id == on_gpu
    assert store.claim("nobody") is None


def test_a_run_that_does_not_exist(store: Store) -> None:
    with pytest.raises(UserError, match="nothing was trained here yet"):
        store.run("0123")
    run_id = store.create(CONFIG)
    with pytest.raises(UserError, match=f"the nearest are {run_id}"):
        store.run(run_id[:-1])


def test_stopping_a_run_that_waits(store: Store) -> None:
    run_id = store.create(CONFIG)
    store.ask_to_stop(run_id)
    run = store.run(run_id)
    assert (run.state, run.message) == ("stopped", "Stopped before it began.")
    store.register("cpu", ["cpu", "auto"], "token", 1)
    assert store.claim("token") is None


def test_stopping_a_run_that_runs_is_a_wish(store: Store) -> None:
    run_id = store.create(CONFIG)
    store.register("cpu", ["cpu", "auto"], "token", 1)
    store.claim("token")
    store.ask_to_stop(run_id)
    run = store.run(run_id)
    assert (run.state, run.stop, run.ended) == ("running", True, None)


def test_a_setting_that_this_version_does_not_know_is_left_alone(store: Store) -> None:
    run_id = store.create(CONFIG)
    with closing(sqlite3.connect(store.path)) as db, db:
        later = json.dumps(CONFIG.to_dict() | {"text": "of a later version"})
        db.execute("UPDATE runs SET config = ?", (later,))
    assert store.run(run_id).config == CONFIG


# --- several at once --------------------------------------------------------------------------


def test_a_run_has_one_holder_among_threads(store: Store) -> None:
    ids = [store.create(CONFIG) for _ in range(30)]
    store.register("cpu", ["auto"], "one", 1)
    store.register("cuda", ["auto"], "two", 2)
    with ThreadPoolExecutor(6) as pool:
        claimed = list(pool.map(lambda n: store.claim(("one", "two")[n % 2]), range(36)))
    assert sorted(run.id for run in claimed if run) == sorted(ids)
    assert claimed.count(None) == 6


def test_a_run_has_one_holder_among_processes(store: Store) -> None:
    ids = [store.create(CONFIG) for _ in range(20)]
    code = """
import sys
from pathlib import Path
from tl_core.runs.store import Store
store = Store(Path(sys.argv[1]))
store.register(sys.argv[2], ["auto"], sys.argv[2], 1)
print("ready", flush=True)
sys.stdin.readline()
while run := store.claim(sys.argv[2]):
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
    claimed = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert sorted(claimed) == sorted(ids)


def test_events_are_numbered_without_gap_or_double(store: Store) -> None:
    run_id = store.create(CONFIG)

    def write(writer: int) -> None:
        for n in range(40):
            store.append(run_id, [Notice(f"{writer}: {n}, {part}") for part in range(3)])

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(write, range(2)))
    told = store.events(run_id)
    assert [item.number for item in told] == list(range(240))
    for writer in range(2):  # and each writer's own in order
        own = [t.event.text for t in told if t.event.text.startswith(f"{writer}:")]
        assert own == [f"{writer}: {n}, {part}" for n in range(40) for part in range(3)]
    for item in range(0, 240, 3):  # what was written together stands together
        assert len({t.event.text.split(",")[0] for t in told[item : item + 3]}) == 1


def test_events_after_a_number(store: Store) -> None:
    one, two = store.create(CONFIG), store.create(CONFIG)
    events = [Stepped(1, n, 5, 0.5, 8) for n in range(5)]
    store.append(one, events[:3])
    store.append(two, [Notice("of another run")])
    store.append(one, events[3:])
    assert [told.event for told in store.events(one)] == events
    assert [told.number for told in store.events(one, after=2)] == [3, 4]
    assert store.events(one, after=4) == []


def test_a_fresh_store_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    def start(n: int) -> str:
        return Store(tmp_path / "new.db").create(CONFIG.with_(seed=n))

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(start, range(16)))
    assert {run.id for run in Store(tmp_path / "new.db").runs()} == set(ids)


# --- workers ----------------------------------------------------------------------------------


def test_one_worker_for_a_device(store: Store) -> None:
    assert not store.has_worker("cpu")
    assert store.register("cpu", ["cpu"], "first", 1)
    assert not store.register("cpu", ["cpu"], "second", 2)
    assert store.register("cuda", ["cuda", "auto"], "third", 3)
    assert store.has_worker("cpu")
    assert store.has_worker("auto")
    store.forget_worker("first")
    assert not store.has_worker("cpu")
    assert store.register("cpu", ["cpu"], "second", 2)


def test_a_worker_settles_under_the_name_of_its_device(store: Store) -> None:
    assert store.register("auto", ["auto"], "token", 1)
    assert store.register("cpu", ["cpu", "auto"], "token", 1)
    assert store.has_worker("cpu")
    assert store.has_worker("auto")
    assert store.register("auto", ["auto"], "late", 2), "the name is free again"
    assert not store.register("cpu", ["cpu", "auto"], "late", 2), "and the device is not"


def test_a_worker_retires_only_when_nothing_waits(store: Store) -> None:
    store.register("cpu", ["cpu", "auto"], "token", 1)
    store.create(CONFIG.with_(device="cuda"))
    waiting = store.create(CONFIG)
    assert not store.retire("token")
    assert store.has_worker("cpu")
    assert store.claim("token").id == waiting
    assert store.retire("token"), "what waits for another device is not its business"
    assert not store.has_worker("cpu")


def test_the_run_of_a_dead_worker_is_interrupted(
    store: Store, clock: Callable[[float], None]
) -> None:
    run_id = store.create(CONFIG)
    store.register("cpu", ["cpu", "auto"], "token", 1)
    store.claim("token")
    clock(store_module.DEAD_AFTER - 1)
    assert store.has_worker("cpu")
    assert store.beat("token")
    clock(store_module.DEAD_AFTER - 1)
    assert store.has_worker("cpu")
    assert store.run(run_id).state == "running"
    clock(2)
    assert not store.has_worker("cpu")
    run = store.run(run_id)
    assert (run.state, run.is_over) == ("interrupted", True)
    assert "process that trained this run ended" in run.message
    assert run.message.endswith("start it again from the Train page.")
    assert not store.beat("token"), "and the worker hears that it was given up"


def test_another_worker_may_take_a_dead_ones_place(
    store: Store, clock: Callable[[float], None]
) -> None:
    run_id = store.create(CONFIG)
    store.register("cpu", ["cpu", "auto"], "dead", 1)
    store.claim("dead")
    clock(store_module.DEAD_AFTER + 1)
    assert store.register("cpu", ["cpu", "auto"], "alive", 2)
    assert store.run(run_id).state == "interrupted"
    waiting = store.create(CONFIG)
    assert store.claim("alive").id == waiting


def test_a_worker_that_forgets_itself_leaves_no_run_running(store: Store) -> None:
    run_id = store.create(CONFIG)
    store.register("cpu", ["cpu", "auto"], "token", 1)
    store.claim("token")
    store.forget_worker("token")
    store.has_worker("cpu")
    assert store.run(run_id).state == "interrupted"


# --- what cannot be used ----------------------------------------------------------------------


def test_a_store_of_a_newer_version_is_left_alone(store: Store) -> None:
    run_id = store.create(CONFIG)
    with closing(sqlite3.connect(store.path)) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA + 1}")
    with pytest.raises(UserError, match="A newer Headstart wrote the store"):
        Store(store.path)
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("SELECT id, state FROM runs").fetchall() == [(run_id, "queued")]


@pytest.mark.parametrize("what", ["text", "folder"])
def test_a_store_that_is_none(tmp_path: Path, what: str) -> None:
    path = tmp_path / "headstart.db"
    if what == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"this is no database, however long it may be " * 100)
    with pytest.raises(UserError) as caught:
        Store(path)
    assert "cannot be used" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_full_disk_loses_no_earlier_event(store: Store) -> None:
    run_id = store.create(CONFIG)
    store.append(run_id, [Notice("first")])

    class Unwritable:
        """Its second field cannot become JSON: the transaction fails half-way."""

    with pytest.raises(TypeError):
        store.append(run_id, [Notice("second"), Notice(Unwritable())])
    store.append(run_id, [Notice("third")])
    assert [t.event.text for t in store.events(run_id)] == ["first", "third"]
    assert [t.number for t in store.events(run_id)] == [0, 1]
