"""The file: versions, transactions, damage."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tl_core.config import RunConfig
from tl_core.errors import BusyError, NoRoomError, TransientError, UserError
from tl_core.runs.database import MIGRATIONS, VERSION, DamagedError, Database
from tl_core.runs.run import Run
from tl_core.runs.store import Store, put

CONFIG = RunConfig("dataset", "small")


def of_version_1(path: Path) -> None:
    """Make a store as the first version left it."""
    with closing(sqlite3.connect(path)) as db:
        db.executescript(MIGRATIONS[0] + "PRAGMA user_version = 1")
        config = json.dumps({"dataset": "d", "backbone": "small", "seed": 3})
        for number, state in enumerate(("finished", "interrupted", "running", "queued")):
            db.execute(
                "INSERT INTO runs (id, owner, created, state, config, stop, message, facts) "
                "VALUES (?, 'me', ?, ?, ?, ?, 'A message.', ?)",
                (state, number, state, config, state == "running", '{"cut": 2}'),
            )
        notice = json.dumps({"text": "hello"})
        db.execute("INSERT INTO events VALUES ('finished', 0, 5.0, 'Notice', ?)", (notice,))
        db.commit()


def test_a_store_of_version_1_is_brought_up_to_date(tmp_path: Path) -> None:
    of_version_1(tmp_path / "headstart.db")
    store = Store(tmp_path / "headstart.db")
    states = {run.id: (run.state, run.wish) for run in store.runs()}
    assert states == {
        "finished": ("finished", ""), "interrupted": ("failed", ""), "running": ("running", "stop"),
        "queued": ("queued", ""),
    }  # fmt: skip
    run = store.run("finished")
    assert (run.owner, run.config.seed, run.message, run.facts) == (
        "me",
        3,
        "A message.",
        {"cut": 2},
    )
    assert [told.event.text for told in store.events("finished")] == ["hello"]
    with closing(sqlite3.connect(store.path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (VERSION,)
    assert {run.id for run in Store(store.path).runs()} == set(states), "a second time is nothing"


def test_a_step_that_fails_leaves_the_version_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "headstart.db"
    of_version_1(path)
    broken = (MIGRATIONS[0], f"{MIGRATIONS[1]} DROP TABLE nowhere")
    monkeypatch.setattr("tl_core.runs.database.MIGRATIONS", broken)
    with pytest.raises(UserError):
        Database(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (1,)
        assert db.execute("SELECT stop FROM runs WHERE id = 'running'").fetchone() == (1,)
    monkeypatch.undo()
    assert Store(path).run("running").wish == "stop"


def test_a_store_of_a_newer_version_is_left_alone(store: Store) -> None:
    run_id = store.create(CONFIG)
    with closing(sqlite3.connect(store.path)) as db:
        db.execute(f"PRAGMA user_version = {VERSION + 1}")
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
    assert isinstance(caught.value, DamagedError) == (what == "text")
    assert "\n" not in str(caught.value)


def test_damage_is_found_by_looking(store: Store) -> None:
    with store.write() as db:
        for number in range(200):
            put(db, Run(str(number), "me", 1.0, "queued", CONFIG))
    with closing(sqlite3.connect(store.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    store.check()
    data = bytearray(store.path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 2000] = b"\0" * 2000
    store.path.write_bytes(data)
    with pytest.raises(DamagedError, match="start Headstart again"):
        store.check()


def test_an_event_without_its_run_is_damage(store: Store) -> None:
    with closing(sqlite3.connect(store.path)) as db, db:
        db.execute("INSERT INTO events VALUES ('nobody', 0, 1.0, 'Notice', '{}')")
    with pytest.raises(DamagedError):
        store.check()


def test_a_store_that_another_program_holds_is_busy(store: Store) -> None:
    store.create(CONFIG)
    store.patience = 0.05
    with closing(sqlite3.connect(store.path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert store.is_held()
        with pytest.raises(
            BusyError, match=r"busy: another program holds .* wait until it is done"
        ):
            store.create(CONFIG)
        assert len(store.runs()) == 1, "reading goes on"
        other.execute("ROLLBACK")
    assert not store.is_held()
    store.create(CONFIG)


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        (sqlite3.SQLITE_BUSY_SNAPSHOT, BusyError, "another program"),
        (sqlite3.SQLITE_LOCKED_SHAREDCACHE, BusyError, "another program"),
        (sqlite3.SQLITE_PROTOCOL, BusyError, "another program"),
        (sqlite3.SQLITE_IOERR_READ, TransientError, "does not answer"),
        (sqlite3.SQLITE_IOERR_FSYNC, TransientError, "does not answer"),
        (sqlite3.SQLITE_FULL, NoRoomError, "has room"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, UserError, "may write there"),
        (sqlite3.SQLITE_CANTOPEN, UserError, "may write there"),
    ],
)
def test_a_fault_of_the_store_is_called_what_it_is(
    code: int, kind: type[UserError], said: str, store: Store
) -> None:
    error = sqlite3.OperationalError("a fault")
    error.sqlite_errorcode = code
    with pytest.raises(UserError, match=said) as caught, store.read():
        raise error
    assert type(caught.value) is kind
    assert isinstance(caught.value, TransientError) == (kind is not UserError)


@pytest.fixture
def full(store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A store that may not grow by a page, as on a full disk."""
    connect = sqlite3.connect

    def connected(*args: object, **kwargs: object) -> sqlite3.Connection:
        db = connect(*args, **kwargs)  # type: ignore[call-overload]
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
        return db

    with closing(connect(store.path)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    monkeypatch.setattr(sqlite3, "connect", connected)
    yield
    monkeypatch.undo()


@pytest.mark.usefixtures("full")
def test_a_full_disk_is_told_apart_and_harms_nothing(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[str] = []

    def fill() -> None:
        while len(made) < 10_000:
            made.append(store.create(CONFIG.with_(seed=len(made))))

    with pytest.raises(NoRoomError, match="check that the disk has room"):
        fill()
    monkeypatch.undo()
    store.check()
    assert {run.id for run in store.runs()} == set(made)
    store.create(CONFIG)


def test_a_store_that_stays_open_keeps_its_log(store: Store) -> None:
    log = store.path.with_name("headstart.db-wal")
    store.create(CONFIG)
    assert not log.exists(), "the last connection writes it into the file"
    store.stay_open()
    store.create(CONFIG)
    assert log.exists()
    assert len(Store(store.path).runs()) == 2


def test_the_switch_to_write_ahead_logging_waits_for_another_writer(tmp_path: Path) -> None:
    """Two processes open a fresh store at once: SQLite answers one of them "locked" at once."""
    other = sqlite3.connect(tmp_path / "x.db", isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE anything (a)")
    other.execute("BEGIN IMMEDIATE")
    gone = threading.Timer(0.2, lambda: other.execute("ROLLBACK"))
    gone.start()
    with Database(tmp_path / "x.db").read() as db:
        assert db.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    gone.join()
    other.close()


def test_words_of_the_schema_that_are_no_text_are_damage(tmp_path: Path) -> None:
    """SQLite quotes them in its error, and Python cannot read what it says."""
    file = tmp_path / "headstart.db"
    Store(file)
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = file.read_bytes()
    errors = []
    for place in range(data.index(b"CREATE TABLE"), data.index(b"CREATE TABLE") + 120):
        file.write_bytes(data[:place] + b"\xcb" + data[place + 1 :])
        try:
            Store(file).runs()
        except UserError as error:
            errors.append(error)
        for beside in tmp_path.glob("headstart.db-*"):
            beside.unlink()
    assert any(isinstance(error, DamagedError) for error in errors)
