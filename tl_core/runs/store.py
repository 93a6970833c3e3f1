"""Every run and what it said, in one SQLite file that several processes share.

Write-ahead logging lets pages read while a worker writes. Every write is one transaction. A run
has at most one holder: the worker whose token stands beside it.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tl_core.config import RunConfig
from tl_core.errors import UserError, unknown
from tl_core.training.events import Event, from_dict, to_dict
from tl_core.workspace import new_id

State = Literal["queued", "running", "paused", "finished", "stopped", "failed", "interrupted"]
ENDED: tuple[State, ...] = ("finished", "stopped", "failed", "interrupted")
SCHEMA = 1
DEAD_AFTER = 20.0  # seconds without a heartbeat; a worker beats every 2

_TABLES = """
CREATE TABLE runs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, created REAL NOT NULL, state TEXT NOT NULL,
    config TEXT NOT NULL, holder TEXT, stop INTEGER NOT NULL DEFAULT 0, started REAL, ended REAL,
    message TEXT NOT NULL DEFAULT '', facts TEXT NOT NULL DEFAULT '{}');
CREATE TABLE events (
    run TEXT NOT NULL REFERENCES runs(id) ON DELETE CASCADE, number INTEGER NOT NULL,
    at REAL NOT NULL, kind TEXT NOT NULL, fields TEXT NOT NULL, PRIMARY KEY (run, number));
CREATE TABLE workers (
    device TEXT PRIMARY KEY, serves TEXT NOT NULL, token TEXT NOT NULL, pid INTEGER NOT NULL,
    beat REAL NOT NULL);
"""


@dataclass(frozen=True)
class Run:
    """One run as it stands.

    Attributes:
        id: unguessable.
        owner: who started it.
        created: when, in seconds since 1970; `started` and `ended` likewise.
        state: where it is.
        config: what it was told.
        message: a sentence for the person, when there is one.
        facts: what is known so far: the plan's numbers, then the final figures.
    """

    id: str
    owner: str
    created: float
    state: State
    config: RunConfig
    started: float | None = None
    ended: float | None = None
    message: str = ""
    stop: bool = False
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        """Whether nothing more will happen to it by itself."""
        return self.state in ENDED


@dataclass(frozen=True)
class Told:
    """An event with its number in the run and its time."""

    number: int
    at: float
    event: Event


class Store:
    """The store of one workspace.

    Args:
        path: of the SQLite file; made when absent.

    Raises:
        UserError: the file was written by a newer version, or cannot be used.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with self._write() as db:
            version = db.execute("PRAGMA user_version").fetchone()[0]
            if version > SCHEMA:
                raise UserError(
                    f"A newer Headstart wrote the store {path}; install that version again, or "
                    "set HEADSTART_HOME to another folder."
                )
            if version < SCHEMA:
                for statement in _TABLES.split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {SCHEMA}")

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        # A connection per use costs 0.2 ms and is safe in every thread and process.
        try:
            db = sqlite3.connect(self.path, timeout=30, isolation_level=None)
        except sqlite3.Error as error:
            raise UserError(_unusable(self.path, error)) from error
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = NORMAL")
            yield db
        except sqlite3.DatabaseError as error:
            raise UserError(_unusable(self.path, error)) from error
        finally:
            db.close()

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        with self._read() as db:
            if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                db.execute("PRAGMA journal_mode = WAL")
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
            except BaseException:
                db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")

    def create(self, config: RunConfig, owner: str = "local", **facts: Any) -> str:
        """Queue a run, with facts that are known already, and return its id."""
        run, told = new_id(), (json.dumps(config.to_dict()), json.dumps(facts))
        with self._write() as db:
            db.execute(
                "INSERT INTO runs (id, owner, created, state, config, facts) "
                "VALUES (?, ?, ?, 'queued', ?, ?)",
                (run, owner, time.time(), *told),
            )
        return run

    def run(self, run: str) -> Run:
        """Return one run.

        Raises:
            UserError: there is no such run.
        """
        with self._read() as db:
            row = db.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
            known = [] if row else [r[0] for r in db.execute("SELECT id FROM runs")]
        if row is None:
            if not known:
                raise UserError(f"There is no run {run!r}: nothing was trained here yet.")
            raise unknown("run", run, known[-5:])
        return _run(row)

    def runs(self, owner: str | None = None) -> list[Run]:
        """Return every run, newest first."""
        with self._read() as db:
            rows = db.execute("SELECT * FROM runs ORDER BY created DESC, rowid DESC").fetchall()
        return [_run(row) for row in rows if owner in (None, row["owner"])]

    def append(self, run: str, events: Sequence[Event]) -> None:
        """Add events to a run in one transaction, numbered on without a gap."""
        with self._write() as db:
            last = db.execute("SELECT MAX(number) FROM events WHERE run = ?", (run,)).fetchone()[0]
            start = 0 if last is None else last + 1
            db.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
                [
                    (run, start + i, time.time(), type(event).__name__, json.dumps(to_dict(event)))
                    for i, event in enumerate(events)
                ],
            )

    def events(self, run: str, after: int = -1) -> list[Told]:
        """Return a run's events with numbers above `after`, in order."""
        with self._read() as db:
            rows = db.execute(
                "SELECT number, at, kind, fields FROM events WHERE run = ? AND number > ? "
                "ORDER BY number",
                (run, after),
            ).fetchall()
        return [_told(row) for row in rows]

    def milestones(self, run: str) -> list[Told]:
        """Return what a page needs of a run: all but the steps on the way, and the last event."""
        with self._read() as db:
            rows = db.execute(
                "SELECT number, at, kind, fields FROM events WHERE run = :run AND "
                "(kind NOT IN ('Stepped', 'Preparing') OR "
                "number = (SELECT MAX(number) FROM events WHERE run = :run)) ORDER BY number",
                {"run": run},
            ).fetchall()
        return [_told(row) for row in rows]

    def ask_to_stop(self, run: str) -> None:
        """Ask the holder to stop; a run that still waits stops at once."""
        with self._write() as db:
            db.execute("UPDATE runs SET stop = 1 WHERE id = ?", (run,))
            db.execute(
                "UPDATE runs SET state = 'stopped', ended = ?, message = 'Stopped before it began.'"
                " WHERE id = ? AND state = 'queued'",
                (time.time(), run),
            )

    def learn(self, run: str, **facts: Any) -> None:
        """Add facts to a run."""
        with self._write() as db:
            known = db.execute("SELECT facts FROM runs WHERE id = ?", (run,)).fetchone()[0]
            merged = json.dumps(json.loads(known) | facts)
            db.execute("UPDATE runs SET facts = ? WHERE id = ?", (merged, run))

    def end(self, run: str, state: State, message: str = "") -> None:
        """Put a run into one of its last states and release it; one that is over stays so."""
        assert state in get_args(State)  # noqa: S101
        with self._write() as db:
            db.execute(
                "UPDATE runs SET state = ?, message = ?, ended = ?, holder = NULL WHERE id = ? "
                "AND state NOT IN (SELECT value FROM json_each(?))",
                (state, message, time.time(), run, json.dumps(ENDED)),
            )

    def claim(self, token: str) -> Run | None:
        """Give the oldest waiting run that it serves to the worker with `token`."""
        with self._write() as db:
            run = _waiting(db, token)
            if run is not None:
                db.execute(
                    "UPDATE runs SET state = 'running', holder = ?, started = ? WHERE id = ?",
                    (token, time.time(), run.id),
                )
        return run

    def register(self, device: str, serves: Sequence[str], token: str, pid: int) -> bool:
        """Make a worker the one for its device; `False` when another one is alive.

        A worker registers under the name it was started with, before it can know what "auto"
        is, and again when it knows. Runs whose worker has died are marked as interrupted.
        """
        with self._write() as db:
            _bury(db)
            row = db.execute("SELECT token FROM workers WHERE device = ?", (device,)).fetchone()
            if row is not None and row["token"] != token:
                return False
            db.execute("DELETE FROM workers WHERE token = ?", (token,))
            db.execute(
                "INSERT INTO workers VALUES (?, ?, ?, ?, ?)",
                (device, " ".join(serves), token, pid, time.time()),
            )
        return True

    def beat(self, token: str) -> bool:
        """Say that a worker is alive; `False` when it has been given up for dead."""
        with self._write() as db:
            found = db.execute(
                "UPDATE workers SET beat = ? WHERE token = ?", (time.time(), token)
            ).rowcount
        return found > 0

    def retire(self, token: str) -> bool:
        """Remove a worker that ends, unless a run that it serves came in meanwhile."""
        with self._write() as db:
            if _waiting(db, token) is not None:
                return False
            db.execute("DELETE FROM workers WHERE token = ?", (token,))
        return True

    def forget_worker(self, token: str) -> None:
        """Remove a worker whatever waits."""
        with self._write() as db:
            db.execute("DELETE FROM workers WHERE token = ?", (token,))

    def has_worker(self, device: str) -> bool:
        """Tell whether a live worker serves a device, after burying the dead."""
        # Every viewer of a run asks once a second, so this writes only when somebody died.
        with self._read() as db:
            rows = db.execute("SELECT * FROM workers").fetchall()
            held = {r[0] for r in db.execute("SELECT holder FROM runs WHERE state = 'running'")}
        alive = [row for row in rows if row["beat"] >= time.time() - DEAD_AFTER]
        if len(alive) < len(rows) or held - {row["token"] for row in alive}:
            with self._write() as db:
                _bury(db)
        return any(device in row["serves"].split() for row in alive)


def _waiting(db: sqlite3.Connection, token: str) -> Run | None:
    """Return the oldest queued run that the worker with `token` serves."""
    worker = db.execute("SELECT serves FROM workers WHERE token = ?", (token,)).fetchone()
    serves = worker["serves"].split() if worker else []
    rows = db.execute("SELECT * FROM runs WHERE state = 'queued' ORDER BY created").fetchall()
    return next((run for run in map(_run, rows) if run.config.device in serves), None)


def _told(row: sqlite3.Row) -> Told:
    return Told(row["number"], row["at"], from_dict(row["kind"], json.loads(row["fields"])))


def _bury(db: sqlite3.Connection) -> None:
    db.execute("DELETE FROM workers WHERE beat < ?", (time.time() - DEAD_AFTER,))
    db.execute(
        "UPDATE runs SET state = 'interrupted', holder = NULL, ended = ?, message = ? "
        "WHERE state = 'running' AND holder NOT IN (SELECT token FROM workers)",
        (
            time.time(),
            "The process that trained this run ended (the machine was switched off, or its memory "
            "was full); start it again from the Train page.",
        ),
    )


def _run(row: sqlite3.Row) -> Run:
    return Run(
        id=row["id"],
        owner=row["owner"],
        created=row["created"],
        state=row["state"],
        config=RunConfig.from_dict(json.loads(row["config"])),
        started=row["started"],
        ended=row["ended"],
        message=row["message"],
        stop=bool(row["stop"]),
        facts=json.loads(row["facts"]),
    )


def _unusable(path: Path, error: Exception) -> str:
    return (
        f"The store {path} cannot be used ({error}); check that the disk has room and that you "
        "may write there, or set HEADSTART_HOME to another folder."
    )
