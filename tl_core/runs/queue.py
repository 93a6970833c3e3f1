"""Workers and the runs that they take: one worker for a device, one holder for a run."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tl_core.alive import bury, has_died
from tl_core.runs.estimate import Range, seconds_left
from tl_core.runs.heartbeat import DEAD_AFTER, Heard, listen
from tl_core.runs.run import Changes, Run
from tl_core.runs.store import Store, as_runs, change, find
from tl_core.runs.waiting import Outlook, in_line, outlook

MOST_DEATHS = 2  # without a new checkpoint in between
_TELLING = 50  # of the last finished runs tell how long one takes
_heard: dict[str, Heard] = {}  # by token: what this process heard of workers

_GOES_ON = (
    "The process that trained this run ended (the machine was switched off, or its memory was "
    "full); it goes on from its last checkpoint by itself."
)
_GIVEN_UP = (
    "The process that trains ended twice without getting any further, most often because the "
    "memory was full; choose a smaller backbone, fewer pictures per step or more frozen stages, or "
    "resume this run to try it once more."
)


def claim(store: Store, token: str, has_room: Callable[[Run], bool] = lambda _: True) -> Run | None:
    """Give the next run that it serves to the worker with `token`.

    Args:
        store: of the runs.
        token: of the worker.
        has_room: whether a run that waits for room on the disk may go on.
    """
    with store.read() as db:  # an idle worker asks five times a second, and locks nobody out
        if not _line(db, token, has_room):
            return None
    with store.write() as db:
        run = next(iter(_line(db, token, has_room)), None)
        if run is None:
            return None
        taken = {
            "state": "running", "holder": token, "started": time.time(), "message": "",
            "again": None,
        }  # fmt: skip
        run = change(db, run.id, taken)
    store.keep(run)
    return run


def checkpointed(store: Store, run: str, holder: str) -> None:
    """Say that a run got further: its worker may die again.

    Raises:
        LostLeaseError: the run is no longer this worker's.
    """
    with store.read() as db:
        deaths = find(db, run, holder).deaths
    if deaths:
        with store.write() as db:
            find(db, run, holder)
            change(db, run, {"deaths": 0})


def interrupt(store: Store, run: str, holder: str, *, goes_on: str, given_up: str) -> Run:
    """Let go of a run as if its worker had died on it, but by a worker that can say why.

    Args:
        store: of the run.
        run: its id.
        holder: the worker's token.
        goes_on: the sentence for the person where the run is taken up again.
        given_up: the sentence where that has led nowhere.

    Raises:
        LostLeaseError: the run is no longer this worker's.
    """
    with store.write() as db:
        changes = _orphaned(find(db, run, holder))
        message = goes_on if changes["state"] == "interrupted" else given_up
        left = change(db, run, changes | {"message": message})
    store.keep(left)
    return left


def register(store: Store, device: str, serves: Sequence[str], token: str, pid: int) -> bool:
    """Make a worker the one for its device; `False` when another one is alive.

    A worker registers under the name it was started with, before it can know what "auto" is, and
    again when it knows.
    """
    bury_the_dead(store)
    with store.write() as db:
        row = db.execute("SELECT token FROM workers WHERE device = ?", (device,)).fetchone()
        if row is not None and row["token"] != token:
            return False
        db.execute("DELETE FROM workers WHERE token = ?", (token,))
        db.execute(
            "INSERT INTO workers VALUES (?, ?, ?, ?, ?)",
            (device, " ".join(serves), token, pid, time.time()),
        )
    return True


def beat(store: Store, token: str) -> bool:
    """Say that a worker is alive; `False` when it has been given up for dead."""
    with store.write() as db:
        found = db.execute("UPDATE workers SET beat = ? WHERE token = ?", (time.time(), token))
    return found.rowcount > 0


def retire(store: Store, token: str) -> bool:
    """Remove a worker that ends, unless a run that it serves waits, for a turn or for room."""
    with store.write() as db:
        if _line(db, token, lambda _: True, now=float("inf")):
            return False
        db.execute("DELETE FROM workers WHERE token = ?", (token,))
    return True


def forget_worker(store: Store, token: str) -> None:
    """Remove a worker whatever waits."""
    with store.write() as db:
        db.execute("DELETE FROM workers WHERE token = ?", (token,))


def has_worker(store: Store, device: str) -> bool:
    """Tell whether a live worker serves a device, after burying the dead.

    One that ended is dead at once; one that hangs, for whoever asks again and again.
    """
    # Every viewer of a run asks once a second, so this writes only when somebody died.
    with store.read() as db:
        rows = db.execute("SELECT * FROM workers").fetchall()
        held = {r[0] for r in db.execute("SELECT holder FROM runs WHERE state = 'running'")}
    alive = [row for row in rows if not _is_dead(store, row)]
    if len(alive) < len(rows) or held - {row["token"] for row in alive}:
        bury_the_dead(store)
    return any(device in row["serves"].split() for row in alive)


def devices(store: Store) -> tuple[str, ...]:
    """Return the devices that have a live worker."""
    return tuple(row["device"] for row in _living(store))


def worker_for(store: Store, device: str) -> str | None:
    """Return the name under which a live worker serves a device, or `None` where none does."""
    serving = (row for row in _living(store) if device in row["serves"].split())
    return next((row["device"] for row in serving), None)


def active(store: Store) -> list[Run]:
    """Return the runs that are being trained, wait for their turn, or wait for room, oldest first.

    What a person paused is not among them.
    """
    with store.read() as db:
        rows = db.execute(
            "SELECT * FROM runs WHERE state IN ('queued', 'interrupted', 'running') OR "
            "(state = 'paused' AND again IS NOT NULL) ORDER BY created"
        ).fetchall()
    return as_runs(rows)


def look_ahead(store: Store, run: Run) -> Outlook | None:
    """Say when a run's turn comes; `None` where it does not wait for one."""
    runs = [other for other in active(store) if other.state != "paused"]
    with store.read() as db:
        query = "SELECT * FROM runs WHERE state = 'finished' ORDER BY ended DESC LIMIT ?"
        finished = as_runs(db.execute(query, (_TELLING,)))
        served = _served(db)
    running = [other for other in runs if other.state == "running"]
    line = in_line([other for other in runs if other.state != "running"], served)
    if run.id not in {other.id for other in line}:
        return None

    def left(other: Run) -> Range | None:
        return seconds_left(store.milestones(other.id), other.facts.get("phases", []))

    return outlook(run, running, line, finished, left)


def lock_file(store: Store, token: str) -> Path:
    """Return the file whose lock says that the worker with `token` lives."""
    return store.path.parent / "workers" / f"{token}.lock"


def bury_the_dead(store: Store) -> None:
    """Remove dead workers; their runs go on by themselves, or fail where that leads nowhere."""
    with store.read() as db:
        rows = db.execute("SELECT * FROM workers").fetchall()
    silent = [(row["token"], row["beat"]) for row in rows if _is_dead(store, row)]
    with store.write() as db:
        dead = [  # none that was heard while this waited for its turn
            token
            for token, beat in silent
            if db.execute(
                "DELETE FROM workers WHERE token = ? AND beat = ?", (token, beat)
            ).rowcount
        ]
        rows = db.execute(
            "SELECT * FROM runs WHERE state = 'running' AND "
            "(holder IS NULL OR holder NOT IN (SELECT token FROM workers))"
        ).fetchall()
        orphans = [change(db, run.id, _orphaned(run)) for run in as_runs(rows)]
    # Not before: cut from power in between, a worker without its lock would count as alive.
    for token in dead:
        bury(lock_file(store, token))
        _heard.pop(token, None)
    store.keep(*orphans)


def _orphaned(run: Run) -> Changes:
    deaths = run.deaths + 1
    if deaths < MOST_DEATHS:
        return {"state": "interrupted", "message": _GOES_ON, "deaths": deaths}
    return {
        "state": "failed", "message": _GIVEN_UP, "deaths": deaths, "ended": time.time(), "wish": "",
    }  # fmt: skip


def _living(store: Store) -> list[sqlite3.Row]:
    with store.read() as db:
        rows = db.execute("SELECT * FROM workers ORDER BY device").fetchall()
    return [row for row in rows if not _is_dead(store, row)]


def _is_dead(store: Store, row: sqlite3.Row) -> bool:
    token = row["token"]
    heard = listen(_heard.get(token), row["beat"], time.monotonic())
    if heard.silence >= DEAD_AFTER / 2 and store.is_held():
        heard = replace(heard, silence=0.0)  # nobody can say anything now
    _heard[token] = heard
    return heard.silence >= DEAD_AFTER or has_died(lock_file(store, token))


def _line(
    db: sqlite3.Connection,
    token: str,
    has_room: Callable[[Run], bool],
    now: float | None = None,
) -> list[Run]:
    """Return the runs that wait and that the worker with `token` serves, next one first."""
    worker = db.execute("SELECT serves FROM workers WHERE token = ?", (token,)).fetchone()
    serves = worker["serves"].split() if worker else []
    rows = db.execute(
        "SELECT * FROM runs WHERE state IN ('queued', 'interrupted') OR "
        "(state = 'paused' AND again <= ?) ORDER BY created",
        (time.time() if now is None else now,),
    ).fetchall()
    runs = [run for run in as_runs(rows) if run.config.device in serves]
    ready = [run for run in runs if run.state != "paused" or has_room(run)]
    return in_line(ready, _served(db))


def _served(db: sqlite3.Connection) -> dict[str, float]:
    query = "SELECT owner, MAX(started) FROM runs WHERE started IS NOT NULL GROUP BY owner"
    return {row[0]: row[1] for row in db.execute(query)}
