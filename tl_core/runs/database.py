"""The SQLite file that several processes share: connections, transactions, versions.

Write-ahead logging lets pages read while a worker writes. Every write is one transaction. A file of
an earlier version is brought up to date step by step, each step in a transaction of its own.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from tl_core.errors import BusyError, NoRoomError, TransientError, UserError

# What each version adds to the one before it; the first makes an empty file version 1.
MIGRATIONS = (
    """
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
""",
    # Runs go on after a break. Those that version 1 called interrupted had ended for good.
    """
ALTER TABLE runs ADD COLUMN wish TEXT NOT NULL DEFAULT '';
UPDATE runs SET wish = 'stop' WHERE stop = 1;
ALTER TABLE runs DROP COLUMN stop;
ALTER TABLE runs ADD COLUMN again REAL;
ALTER TABLE runs ADD COLUMN deaths INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
UPDATE runs SET state = 'failed' WHERE state = 'interrupted';
""",
)
VERSION = len(MIGRATIONS)
_PATIENCE = 30.0  # seconds, with a file that others write
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_HELD = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_PROTOCOL}
_FULL = {sqlite3.SQLITE_FULL}
_FAULTY = {sqlite3.SQLITE_IOERR}  # a network disk that went away, a cable, a machine that slept


class DamagedError(UserError):
    """The file is no database, or no longer a whole one."""


class Database:
    """One SQLite file.

    Args:
        path: made when absent.

    Attributes:
        patience: seconds to wait for others that write, before it is called busy.

    Raises:
        UserError: the file was written by a newer version, or cannot be used.
        DamagedError: it is no whole database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.patience = _PATIENCE
        self._idle: sqlite3.Connection | None = None
        while self._step():
            pass

    def stay_open(self) -> None:
        """Keep a connection open as long as this object lives, idle.

        Where there is none SQLite writes everything into the file, and waits for the disk, whenever
        a connection is closed: a write then takes 1.0 ms in place of 0.1, a read 0.3.
        """
        self._idle = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        self._idle.execute("PRAGMA user_version").fetchone()

    def _step(self) -> bool:
        """Bring the file one version further; tell whether there may be more to do."""
        with self.read() as db:
            version = _version(db)
        if version > VERSION:
            raise UserError(
                f"A newer Headstart wrote the store {self.path}; install that version again, or "
                "set HEADSTART_HOME to another folder."
            )
        if version == VERSION:
            return False
        with self.write() as db:
            if _version(db) == version:  # nobody else was quicker
                for statement in MIGRATIONS[version].split(";"):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {version + 1}")
        return True

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open a connection: 0.2 ms, and safe in every thread and process."""
        try:
            db = sqlite3.connect(self.path, timeout=self.patience, isolation_level=None)
        except sqlite3.Error as error:
            raise _told(self.path, error) from error
        try:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA foreign_keys = ON")
            db.execute("PRAGMA synchronous = NORMAL")
            yield db
        except sqlite3.DatabaseError as error:
            raise _told(self.path, error) from error
        except UnicodeDecodeError as error:  # text that SQLite itself can no longer quote
            raise DamagedError(_damaged(self.path, error)) from error
        finally:
            db.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Open a connection with a transaction, which an exception undoes."""
        with self.read() as db:
            if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
                _write_ahead(db, self.patience)
            db.execute("BEGIN IMMEDIATE")
            try:
                yield db
                db.execute("COMMIT")
            except BaseException:
                if db.in_transaction:  # SQLite ends it by itself where the disk is full
                    db.execute("ROLLBACK")
                raise

    def is_held(self) -> bool:
        """Tell whether somebody is writing just now, so that nobody else can."""
        try:
            with closing(sqlite3.connect(self.path, timeout=0.0, isolation_level=None)) as db:
                db.execute("BEGIN IMMEDIATE")
                db.execute("ROLLBACK")
        except sqlite3.Error as error:
            return isinstance(_told(self.path, error), BusyError)
        return False

    def check(self) -> None:
        """Read the whole file.

        Raises:
            DamagedError: something in it is not as it was written.
        """
        with self.read() as db:
            found = [row[0] for row in db.execute("PRAGMA quick_check(1)")]
            found += [
                f"a missing {row['parent']}" for row in db.execute("PRAGMA foreign_key_check")
            ]
        if found != ["ok"]:
            raise DamagedError(_damaged(self.path, found[0]))


def _write_ahead(db: sqlite3.Connection, patience: float) -> None:
    """Switch the file to write-ahead logging; SQLite itself does not wait for others with that."""
    until = time.monotonic() + patience
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                raise
            time.sleep(0.01)


def _version(db: sqlite3.Connection) -> int:
    version: int = db.execute("PRAGMA user_version").fetchone()[0]
    return version


def _told(path: Path, error: sqlite3.Error) -> UserError:
    kind = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if kind in _DAMAGED:
        return DamagedError(_damaged(path, error))
    if kind in _HELD:
        return BusyError(
            f"The store is busy: another program holds {path} ({error}); wait until it is done, "
            "or close it, and try again."
        )
    if kind in _FULL:
        return NoRoomError(
            f"The store {path} cannot grow ({error}); check that the disk has room, or set "
            "HEADSTART_HOME to another disk."
        )
    if kind in _FAULTY:
        return TransientError(
            f"The disk that holds the store {path} does not answer ({error}); check that it is "
            "connected, and try again."
        )
    return UserError(
        f"The store {path} cannot be used ({error}); check that it is there and that you may "
        "write there, or set HEADSTART_HOME to another folder."
    )


def _damaged(path: Path, what: object) -> str:
    return (
        f"The store {path} is damaged ({what}); start Headstart again, which rebuilds it from the "
        "runs' folders."
    )
