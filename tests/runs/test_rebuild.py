"""A store is opened intact, or made anew from the runs' folders."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tl_core.config import RunConfig
from tl_core.errors import UserError
from tl_core.runs.launch import child_environment
from tl_core.runs.queue import claim, register
from tl_core.runs.rebuild import open_store
from tl_core.runs.record import JOURNAL, RECORD, Journal
from tl_core.runs.run import Run, Told
from tl_core.runs.store import Store
from tl_core.training.events import EpochEnded, Notice
from tl_core.workspace import Workspace

CONFIG = RunConfig("dataset", "small")


@pytest.fixture
def lived(store: Store) -> dict[str, Run]:
    """Runs in every state, by it."""
    register(store, "cpu", ["auto"], "token", 1)
    for state in ("finished", "stopped", "paused", "running"):
        run = store.create(CONFIG, "me", dataset_name="bees")
        claim(store, "token")
        store.append(run, [EpochEnded(0, 1, 1, 0.5, 1, 0.5, 0.1, 2.0, 9), Notice("hello")])
        if state != "running":
            Journal(store.folders / run).write(store.events(run))
            store.end(run, state, f"It is {state}.", holder="token", best_epoch=1)  # type: ignore[arg-type]
    store.create(CONFIG)
    return {run.state: run for run in store.runs()}


def garbage(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 999)


def holes(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(path.read_bytes())
    for start in range(4096, len(data), 4096):
        data[start : start + 8] = b"\xff" * 8
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [garbage, holes])
def test_a_damaged_store_is_set_aside_and_made_anew(
    damage: object, workspace: Workspace, store: Store, lived: dict[str, Run]
) -> None:
    events = {run.id: store.events(run.id) for run in lived.values()}
    damage(store.path)  # type: ignore[operator]
    damaged = store.path.read_bytes()
    again = open_store(workspace)
    found = {run.id: run for run in again.runs()}
    assert set(found) == set(events)
    for state in ("finished", "stopped", "paused", "queued"):
        assert found[lived[state].id] == lived[state]
        assert again.events(lived[state].id) == events[lived[state].id]
    run = found[lived["running"].id]
    assert run.state == "interrupted", "and it goes on from its checkpoint"
    aside = [path for path in workspace.root.glob("headstart.db.damaged-*") if path.suffix != ".x"]
    assert damaged in [path.read_bytes() for path in aside]

    run_id = again.create(CONFIG)
    assert {run.id for run in open_store(workspace).runs()} == {*found, run_id}


def test_what_a_power_cut_took_is_put_back(
    workspace: Workspace, store: Store, lived: dict[str, Run]
) -> None:
    finished, stopped = lived["finished"], lived["stopped"]
    with store.write() as db:  # as it was a moment before
        db.execute("DELETE FROM runs WHERE id = ?", (stopped.id,))
        db.execute("DELETE FROM events WHERE run = ? AND number > 0", (finished.id,))
        db.execute(
            "UPDATE runs SET state = 'running', holder = 'token', changes = changes - 1, "
            "facts = '{}' WHERE id = ?", (finished.id,),
        )  # fmt: skip
    again = open_store(workspace)
    for run in (finished, stopped):
        assert again.run(run.id) == run
        assert [told.number for told in again.events(run.id)] == [0, 1]
    assert again.run(lived["running"].id).state == "running", "it has not lost anything"


def test_what_the_store_knows_better_is_left_alone(
    workspace: Workspace, store: Store, lived: dict[str, Run]
) -> None:
    run = lived["paused"]
    record = (workspace.runs / run.id / RECORD).read_bytes()
    store.resume(run.id)
    (workspace.runs / run.id / RECORD).write_bytes(record)  # as if writing it had failed
    assert open_store(workspace).run(run.id).state == "queued"


def test_folders_that_are_no_runs_are_passed_over(workspace: Workspace, store: Store) -> None:
    run = store.create(CONFIG)
    (workspace.runs / "stray").mkdir()
    (workspace.runs / "copy").mkdir()
    (workspace.runs / "copy" / RECORD).write_bytes((workspace.runs / run / RECORD).read_bytes())
    (workspace.runs / "file").write_text("no folder")
    (workspace.runs / run / JOURNAL).write_text("no journal")
    garbage(store.path)
    again = open_store(workspace)
    assert [found.id for found in again.runs()] == [run]
    assert again.events(run) == []


def test_a_newer_store_is_not_set_aside(workspace: Workspace, store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(UserError, match="A newer Headstart"):
        open_store(workspace)
    assert not list(workspace.root.glob("*.damaged-*"))


def test_many_who_find_the_damage_make_one_store(
    workspace: Workspace, store: Store, lived: dict[str, Run]
) -> None:
    garbage(store.path)
    code = """
import sys
from tl_core.runs.rebuild import open_store
from tl_core.workspace import Workspace
sys.stdin.readline()
print(len(open_store(Workspace.open(sys.argv[1])).runs()))
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(workspace.root)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env=child_environment(),
        )
        for _ in range(3)
    ]  # fmt: skip
    assert [process.communicate("go\n", timeout=60)[0] for process in processes] == ["5\n"] * 3
    asides = list(workspace.root.glob("headstart.db.damaged-*"))
    assert len([path for path in asides if not path.name.endswith(("-wal", "-shm"))]) == 1
    assert {run.state for run in open_store(workspace).runs()} == set(lived) ^ {
        "running", "interrupted"
    }  # fmt: skip
    assert Told(1, 0.0, Notice("hello")).event == store.events(lived["finished"].id)[1].event
