"""Every run and what it said.

A run has at most one holder: the worker whose token stands beside it. What a holder writes names
the token, and is refused once the run was given to somebody else.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from tl_core.config import RunConfig
from tl_core.errors import TransientError, UserError, unknown
from tl_core.log import get_log
from tl_core.runs.database import Database
from tl_core.runs.record import with_lost_holder, write_record
from tl_core.runs.run import (
    ENDED,
    Changes,
    Run,
    State,
    Told,
    Wish,
    extending,
    pausing,
    resuming,
    stopping,
)
from tl_core.training.events import EpochEnded, Event, from_dict, to_dict
from tl_core.workspace import new_id

__all__ = ["ENDED", "LostLeaseError", "Run", "State", "Store", "Told"]


class LostLeaseError(Exception):
    """A worker wrote to a run that is no longer its own: it was given up for dead, say."""


class Store(Database):
    """The store of one workspace.

    Args:
        path: of the SQLite file; made when absent. The runs' folders lie in `runs` beside it.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.folders = path.parent / "runs"

    # --- runs ---------------------------------------------------------------------------------

    def create(self, config: RunConfig, owner: str = "local", **facts: Any) -> str:
        """Queue a run, with facts that are known already, and return its id."""
        run = Run(new_id(), owner, time.time(), "queued", config, facts=facts)
        with self.write() as db:
            put(db, run)
        self.keep(run)
        return run.id

    def run(self, run: str) -> Run:
        """Return one run.

        Raises:
            UserError: there is no such run.
        """
        with self.read() as db:
            return find(db, run)

    def runs(
        self,
        owner: str | None = None,
        *,
        first: int = 0,
        most: int | None = None,
        without: str = "",
    ) -> list[Run]:
        """Return runs, newest first; rows that cannot be read are passed over, see `unreadable`.

        Args:
            owner: whose; left out, everybody's.
            first: how many of the newest are passed over.
            most: how many are returned at most; left out, all.
            without: a fact; runs that have it are left out.
        """
        with self.read() as db:
            rows = db.execute(
                f"SELECT * FROM runs WHERE {_CHOSEN} "  # noqa: S608 (our words)
                "ORDER BY created DESC, rowid DESC LIMIT ? OFFSET ?",
                (*_choose(owner, without), -1 if most is None else most, first),
            ).fetchall()
        return as_runs(rows)

    def unreadable(self) -> list[str]:
        """Return the ids of the runs that `runs` passes over, newest first; see `as_runs`."""
        with self.read() as db:
            rows = db.execute("SELECT * FROM runs ORDER BY created DESC, rowid DESC").fetchall()
        readable = {run.id for run in as_runs(rows)}
        return [str(row["id"]) for row in rows if row["id"] not in readable]

    def count_runs(self, owner: str | None = None, *, without: str = "") -> int:
        """Return how many runs there are, of those that `runs` would choose."""
        with self.read() as db:
            query = f"SELECT COUNT(*) FROM runs WHERE {_CHOSEN}"  # noqa: S608 (our words)
            count: int = db.execute(query, _choose(owner, without)).fetchone()[0]
        return count

    def learn(self, run: str, holder: str | None = None, **facts: Any) -> None:
        """Add facts to a run."""
        with self.write() as db:
            known = find(db, run, holder).facts
            change(db, run, {"facts": known | facts}, state_changes=False)

    def end(
        self,
        run: str,
        state: State,
        message: str = "",
        *,
        holder: str | None = None,
        again: float | None = None,
        **facts: Any,
    ) -> Run:
        """Let go of a run in the state that its holder leaves it in; one that is over stays so.

        Args:
            run: its id.
            state: how it ended, or "paused" or "interrupted" where it goes on later.
            message: for the person.
            holder: who says so.
            again: when a paused run goes on by itself.
            **facts: what is known of it now.
        """
        ended = time.time() if state in ENDED else None

        def let_go(now: Run) -> Changes:
            return {
                "state": state, "message": message, "ended": ended, "again": again, "wish": "",
                "facts": now.facts | facts,
            }  # fmt: skip

        return self._decide(run, lambda now: {} if now.is_over else let_go(now), holder)

    # --- wishes -------------------------------------------------------------------------------

    def ask_to_pause(self, run: str) -> Run:
        """Ask the holder to pause; a run that waits pauses at once.

        Raises:
            UserError: the run is over.
        """
        return self._decide(run, pausing)

    def resume(self, run: str) -> Run:
        """Let a paused, stopped or failed run go on; one that waits, runs or is finished does."""
        return self._decide(run, resuming)

    def ask_to_stop(self, run: str) -> Run:
        """Ask the holder to stop; a run that still waits stops at once."""
        with self.read() as db:
            query = "SELECT 1 FROM events WHERE run = ? AND kind = ? LIMIT 1"
            has_epoch = db.execute(query, (run, EpochEnded.__name__)).fetchone() is not None
        return self._decide(run, lambda now: stopping(now, has_epoch, time.time()))

    def extend(self, run: str, epochs: int) -> Run:
        """Let a finished run train so many epochs more.

        Raises:
            UserError: it is not finished, or `epochs` is out of bounds.
        """
        return self._decide(run, lambda now: extending(now, epochs))

    def wish(self, run: str, holder: str) -> Wish:
        """Return what its holder should do with a run.

        Raises:
            LostLeaseError: it is no longer the holder.
        """
        with self.read() as db:
            return find(db, run, holder).wish

    def _decide(self, run: str, decide: Callable[[Run], Changes], holder: str | None = None) -> Run:
        with self.write() as db:
            now = find(db, run, holder)
            if changes := decide(now):
                now = change(db, run, changes)
        if changes:
            self.keep(now)
        return now

    # --- events -------------------------------------------------------------------------------

    def append(self, run: str, events: Sequence[Event], holder: str | None = None) -> int:
        """Add events to a run in one transaction, numbered on without a gap.

        Returns:
            The number of the last event, -1 where there is none.
        """
        with self.write() as db:
            if holder is not None:
                find(db, run, holder)
            last = db.execute("SELECT MAX(number) FROM events WHERE run = ?", (run,)).fetchone()[0]
            start, now = 0 if last is None else last + 1, time.time()
            _insert(db, run, [Told(start + i, now, event) for i, event in enumerate(events)])
        return start + len(events) - 1

    def rewind(self, run: str, told: Sequence[Told], holder: str) -> None:
        """Let a run's events be these, as its checkpoint has them: what came later is undone."""
        with self.write() as db:
            find(db, run, holder)
            db.execute("DELETE FROM events WHERE run = ?", (run,))
            _insert(db, run, told)

    def events(self, run: str, after: int = -1) -> list[Told]:
        """Return a run's events with numbers above `after`, in order."""
        with self.read() as db:
            rows = db.execute(
                "SELECT number, at, kind, fields FROM events WHERE run = ? AND number > ? "
                "ORDER BY number",
                (run, after),
            ).fetchall()
        return [told for row in rows if (told := _read(row, _told)) is not None]

    def milestones(self, run: str) -> list[Told]:
        """Return what a page needs of a run: all but the steps on the way, and the last event."""
        with self.read() as db:
            rows = db.execute(
                "SELECT number, at, kind, fields FROM events WHERE run = :run AND "
                "(kind NOT IN ('Stepped', 'Preparing') OR "
                "number = (SELECT MAX(number) FROM events WHERE run = :run)) ORDER BY number",
                {"run": run},
            ).fetchall()
        return [told for row in rows if (told := _read(row, _told)) is not None]

    def forget(self, run: str) -> None:
        """Remove a run and what it told; its folder is left to the caller."""
        with self.write() as db:
            db.execute("DELETE FROM runs WHERE id = ?", (run,))

    # --- the folders --------------------------------------------------------------------------

    def keep(self, *runs: Run) -> None:
        """Write runs down in their folders, as well as it can be done: the store has them."""
        for run in runs:
            try:
                write_record(self.folders / run.id, run)
            except (OSError, TransientError) as error:
                get_log().warning("run %s: no record: %s", run.id, error)

    def restore(self, run: Run, told: Sequence[Told]) -> bool:
        """Put a run back as its folder has it, with its events where there are more of them.

        Returns:
            Whether the folder knew more than the store.
        """
        with self.write() as db:
            row = db.execute("SELECT * FROM runs WHERE id = ?", (run.id,)).fetchone()
            # A row that cannot be read knows less than any folder.
            known = None if row is None else _read(row, as_run)
            if known is not None and known.changes >= run.changes:
                return False
            count = db.execute("SELECT COUNT(*) FROM events WHERE run = ?", (run.id,)).fetchone()[0]
            put(db, with_lost_holder(run))
            if len(told) > count:
                db.execute("DELETE FROM events WHERE run = ?", (run.id,))
                _insert(db, run.id, told)
        return True


# SQLite's own reader of JSON ends the whole query where the facts of one run are damaged.
_CHOSEN = """(? IS NULL OR owner = ?) AND
    (? = '' OR CASE WHEN json_valid(facts) THEN json_type(facts, '$.' || ?) END IS NULL)"""


def _choose(owner: str | None, without: str) -> tuple[str | None, ...]:
    return owner, owner, without, without


# --- inside a transaction ---------------------------------------------------------------------

_COLUMNS = (
    "id", "owner", "created", "state", "config", "started", "ended", "message", "wish", "again",
    "deaths", "changes", "facts",
)  # fmt: skip


def find(db: sqlite3.Connection, run: str, holder: str | None = None) -> Run:
    """Return one run.

    Raises:
        UserError: there is no such run.
        LostLeaseError: `holder` does not hold it.
    """
    row = db.execute("SELECT * FROM runs WHERE id = ?", (run,)).fetchone()
    if row is None:
        known = [r[0] for r in db.execute("SELECT id FROM runs")]
        if not known:
            where = Path(db.execute("PRAGMA database_list").fetchone()["file"]).parent
            raise UserError(f"There is no run {run!r}: nothing was trained here yet ({where}).")
        raise unknown("run", run, known[-5:])
    if holder is not None and row["holder"] != holder:
        raise LostLeaseError(run)
    return as_run(row)


def put(db: sqlite3.Connection, run: Run) -> None:
    """Write a run, new or not; nobody holds it."""
    values = _values(run.to_dict())
    marks = ", ".join("?" * len(_COLUMNS))
    sets = ", ".join(f"{name} = excluded.{name}" for name in _COLUMNS)
    db.execute(
        f"INSERT INTO runs ({', '.join(_COLUMNS)}) VALUES ({marks}) "  # noqa: S608 (our names)
        f"ON CONFLICT (id) DO UPDATE SET {sets}, holder = NULL",
        [values[name] for name in _COLUMNS],
    )


def change(
    db: sqlite3.Connection, run: str, changes: Changes, *, state_changes: bool = True
) -> Run:
    """Change fields of a run and return it; one that is not running has no holder."""
    values = _values(changes)
    if state_changes and values.get("state", "running") != "running":
        values["holder"] = None
    sets = ", ".join(f"{name} = ?" for name in values)
    step = ", changes = changes + 1" if state_changes else ""
    db.execute(f"UPDATE runs SET {sets}{step} WHERE id = ?", [*values.values(), run])  # noqa: S608
    return find(db, run)


def as_run(row: sqlite3.Row) -> Run:
    """Read a row; a figure that is no number (NaN) is none.

    Raises:
        UserError: it is damaged, or something else wrote it.
    """
    values = dict(row)
    try:
        for name in ("config", "facts"):
            values[name] = json.loads(row[name], parse_constant=lambda _: None)
        return Run.from_dict(values)
    except _FOREIGN as error:
        raise UserError(
            f"What the store holds of run {row['id']} cannot be read: it is damaged, or another "
            "version of Headstart wrote it; the Storage page can delete it."
        ) from error


def as_runs(rows: Iterable[sqlite3.Row]) -> list[Run]:
    """Read rows; one that cannot be read is noted in the log and ends no list."""
    return [run for row in rows if (run := _read(row, as_run)) is not None]


_FOREIGN = (AttributeError, KeyError, OverflowError, RecursionError, TypeError, ValueError)
_ReadT = TypeVar("_ReadT")
_noted: set[str] = set()  # pages read the same rows every second


def _read(row: sqlite3.Row, read: Callable[[sqlite3.Row], _ReadT]) -> _ReadT | None:
    try:
        return read(row)
    except (UserError, *_FOREIGN) as error:
        if (said := f"{row[0]}: {error}") not in _noted:
            _noted.add(said)
            get_log().warning("passed over in the store: %s", said)
        return None


def _values(fields: Mapping[str, Any]) -> dict[str, Any]:
    values = dict(fields)
    if isinstance(values.get("config"), RunConfig):
        values["config"] = values["config"].to_dict()
    return values | {
        name: json.dumps(values[name]) for name in ("config", "facts") if name in values
    }


def _insert(db: sqlite3.Connection, run: str, told: Iterable[Told]) -> None:
    db.executemany(
        "INSERT INTO events VALUES (?, ?, ?, ?, ?)",
        [(run, t.number, t.at, type(t.event).__name__, json.dumps(to_dict(t.event))) for t in told],
    )


def _told(row: sqlite3.Row) -> Told:
    return Told(row["number"], row["at"], from_dict(row["kind"], json.loads(row["fields"])))
