"""The store: several processes, one truth."""

from __future__ import annotations

import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tl_core.config import RunConfig
from tl_core.errors import UserError
from tl_core.runs.queue import claim, register
from tl_core.runs.record import read_record
from tl_core.runs.store import LostLeaseError, Store
from tl_core.training.events import EpochEnded, Notice, Stepped

CONFIG = RunConfig("dataset", "small")


# --- a run's life -----------------------------------------------------------------------------


def test_a_run_from_its_first_day_to_its_last(store: Store) -> None:
    run_id = store.create(CONFIG.with_(seed=7), owner="me")
    run = store.run(run_id)
    assert (run.state, run.owner, run.config.seed, run.started) == ("queued", "me", 7, None)
    assert not run.is_over

    assert register(store, "cpu", ["cpu", "auto"], "token", 1)
    assert claim(store, "token").id == run_id
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
    assert claim(store, "token") is None


def test_runs_are_listed_newest_first(store: Store) -> None:
    ids = [store.create(CONFIG, owner) for owner in ("me", "you", "me")]
    assert [run.id for run in store.runs()] == ids[::-1]
    assert [run.id for run in store.runs("me")] == [ids[2], ids[0]]


def test_a_run_that_does_not_exist(store: Store) -> None:
    with pytest.raises(UserError, match="nothing was trained here yet"):
        store.run("0123")
    run_id = store.create(CONFIG)
    with pytest.raises(UserError, match=f"the nearest are {run_id}"):
        store.run(run_id[:-1])


def test_what_was_asked_of_a_run(store: Store) -> None:
    run_id = store.create(CONFIG)
    assert store.ask_to_pause(run_id).state == "paused"
    assert store.resume(run_id).state == "queued"
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    assert store.ask_to_pause(run_id).wish == "pause"
    assert store.ask_to_stop(run_id).wish == "stop"
    assert store.run(run_id).state == "running", "its holder has not heard yet"

    store.append(run_id, [EpochEnded(0, 1, 1, 1, 1, 1, 1, 1, 1)])
    store.end(run_id, "paused", holder="token")
    run = store.ask_to_stop(run_id)
    assert (run.state, run.wish) == ("queued", "stop"), "somebody has to make the bundle"
    with pytest.raises(UserError, match="only a finished run trains more"):
        store.extend(run_id, 5)


def test_only_the_holder_writes(store: Store) -> None:
    run_id = store.create(CONFIG)
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    store.append(run_id, [Notice("one")], holder="token")
    store.learn(run_id, holder="token", cut=1)
    store.end(run_id, "interrupted", holder="token")
    for write in (
        lambda: store.append(run_id, [Notice("two")], holder="token"),
        lambda: store.learn(run_id, holder="token", cut=2),
        lambda: store.rewind(run_id, [], "token"),
        lambda: store.end(run_id, "finished", holder="token"),
    ):
        with pytest.raises(LostLeaseError):
            write()
    run = store.run(run_id)
    assert (run.state, run.facts, len(store.events(run_id))) == ("interrupted", {"cut": 1}, 1)


def test_events_are_taken_back(store: Store) -> None:
    run_id, other = store.create(CONFIG), store.create(CONFIG)
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    assert store.append(run_id, [Notice(text) for text in "abc"]) == 2
    store.append(other, [Notice("other")])
    kept = store.events(run_id)[:2]
    store.rewind(run_id, kept, "token")
    assert store.append(run_id, [Notice("d")]) == 2
    assert [(t.number, t.event.text) for t in store.events(run_id)] == [
        (0, "a"),
        (1, "b"),
        (2, "d"),
    ]
    assert len(store.events(other)) == 1


def test_a_run_s_folder_knows_how_it_stands(store: Store) -> None:
    run_id = store.create(CONFIG.with_(seed=3, more=(2,)), "me", dataset_name="bees")
    folder = store.folders / run_id
    assert read_record(folder) == store.run(run_id)
    register(store, "cpu", ["cpu", "auto"], "token", 1)
    claim(store, "token")
    assert read_record(folder) == store.run(run_id)
    store.end(run_id, "finished", "Well done.", holder="token", validation_accuracy=0.5)
    assert read_record(folder) == store.run(run_id)
    assert store.run(run_id).facts == {"dataset_name": "bees", "validation_accuracy": 0.5}


def test_a_folder_that_cannot_be_written_keeps_no_run_from_the_store(store: Store) -> None:
    store.folders.rmdir()
    store.folders.touch()
    assert store.run(store.create(CONFIG)).state == "queued"


def test_a_setting_that_this_version_does_not_know_is_left_alone(store: Store) -> None:
    run_id = store.create(CONFIG)
    with closing(sqlite3.connect(store.path)) as db, db:
        later = json.dumps(CONFIG.to_dict() | {"text": "of a later version"})
        db.execute("UPDATE runs SET config = ?", (later,))
    assert store.run(run_id).config == CONFIG


# --- several at once --------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("column", "value"),
    [("fields", "{"), ("fields", "[]"), ("fields", None), ("kind", "Unheard")],
)
def test_a_damaged_event_ends_no_reading_of_the_others(
    store: Store, column: str, value: str | None
) -> None:
    run_id = store.create(CONFIG)
    store.append(run_id, [Notice("first"), Notice("second"), Notice("third")])
    with store.write() as db:
        damage = f"UPDATE events SET {column} = ? WHERE number = 1"  # noqa: S608 (one of two names)
        db.execute(damage, (value or b"\xff",))
    assert [told.event.text for told in store.events(run_id)] == ["first", "third"]
    assert [told.event.text for told in store.milestones(run_id)] == ["first", "third"]


def test_a_fresh_store_may_be_opened_by_many_at_once(tmp_path: Path) -> None:
    def start(n: int) -> str:
        return Store(tmp_path / "new.db").create(CONFIG.with_(seed=n))

    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(start, range(16)))
    assert {run.id for run in Store(tmp_path / "new.db").runs()} == set(ids)


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


def test_runs_are_read_page_by_page(store: Store) -> None:
    ids = [store.create(RunConfig("d", "mini"), owner=f"owner {n % 2}") for n in range(5)]
    newest = ids[::-1]
    assert [run.id for run in store.runs(first=1, most=2)] == newest[1:3]
    assert [run.id for run in store.runs("owner 0", most=2)] == newest[::2][:2]
    assert (store.count_runs(), store.count_runs("owner 1")) == (5, 2)
    store.learn(newest[0], study={"of": "some"})
    assert [run.id for run in store.runs(most=2, without="study")] == newest[1:3]
    assert store.count_runs(without="study") == 4
