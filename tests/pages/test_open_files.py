"""Open files of the page server: what visits leave behind, what Streamlit keeps to itself."""

from __future__ import annotations

import asyncio
import http.client
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.memory_session_storage import MemorySessionStorage
from streamlit.runtime.websocket_session_manager import WebsocketSessionManager

from benchmarks.served import Served, serve
from pages.shared.open_files import RECENT, ClosedTabs

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such limit")
linux = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="counted in /proc")


@pytest.fixture
def handles(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Import the benchmark, whose neighbours stand beside it."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return __import__("handles")


@linux
def test_visits_leave_nothing_open(handles: Any, tmp_path: Path) -> None:
    """Before, visitor 81 was refused, and so was everybody after that."""
    before = handles.limited(256, hard=True)
    with serve(tmp_path, before=before) as app:
        count = asyncio.run(handles.come_and_go(app.port, app.pid, 120, lambda *_: None))
        time.sleep(1)
        left = handles.open_files(app.pid)
    assert count.refused == {}
    assert max(count.held.values()) < 150
    assert left < 20 + 3 * RECENT


@linux
def test_the_limit_is_raised_at_the_start(handles: Any, tmp_path: Path) -> None:
    with serve(tmp_path, before=handles.limited(256, hard=False)) as app:
        limits = Path(f"/proc/{app.pid}/limits").read_text()
    soft, hard = re.findall(r"Max open files\s+(\w+)\s+(\w+)", limits)[0]
    assert soft == hard or int(soft) == 8192


def test_a_limit_that_nobody_can_raise_stays() -> None:
    said = subprocess.run(
        ["sh", "-c", 'ulimit -n 60; exec "$@"', "sh", sys.executable, "-c", ASK],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert said.stdout.split() == ["(60,", "60)", "True", "False", "True"]


ASK = """
import os, resource
from pages.shared.open_files import has_room, raise_limit
raise_limit()
print(resource.getrlimit(resource.RLIMIT_NOFILE), has_room(), end=" ")
opened = []
try:
    while True:
        opened.append(os.open(os.devnull, os.O_RDONLY))
except OSError:
    print(has_room(), end=" ")
for one in opened:
    os.close(one)
print(has_room())
"""


def test_health_tells_and_the_server_recovers(handles: Any, tmp_path: Path) -> None:
    with serve(tmp_path, before=handles.limited(70, hard=True)) as app:
        asking = http.client.HTTPConnection("localhost", app.port, timeout=20)
        assert health(asking)[0] == 200
        crowd = [socket.create_connection(("127.0.0.1", app.port)) for _ in range(70)]
        until = time.monotonic() + 20
        while health(asking)[0] == 200 and time.monotonic() < until:
            time.sleep(0.1)
        status, said = health(asking)
        assert status == 503
        assert "Nobody else can be let in" in said
        for one in crowd:
            one.close()
        while health(asking)[0] != 200 and time.monotonic() < until:
            time.sleep(0.1)
        assert health(asking)[0] == 200
        assert asyncio.run(come(app, ""))


def health(asking: http.client.HTTPConnection) -> tuple[int, str]:
    asking.request("GET", "/_stcore/health")
    answer = asking.getresponse()
    return answer.status, answer.read().decode()


async def come(app: Served, session: str) -> str:
    """Open a page in a new session, or come back to one; return the session's id."""
    protocols = ["streamlit", "none", session] if session else ["streamlit"]
    async with websockets.connect(
        f"ws://localhost:{app.port}/_stcore/stream",
        subprotocols=[websockets.Subprotocol(one) for one in protocols],
        max_size=None, proxy=None,
    ) as tab:  # fmt: skip
        request = BackMsg()
        request.rerun_script.query_string = ""
        await tab.send(request.SerializeToString())
        while True:
            data = await asyncio.wait_for(tab.recv(), 30)
            assert isinstance(data, bytes)
            message = ForwardMsg.FromString(data)
            if message.WhichOneof("type") == "new_session":
                session = message.new_session.initialize.session_id
            if message.WhichOneof("type") == "script_finished":
                return session


def test_a_tab_that_comes_back_finds_its_session(tmp_path: Path) -> None:
    with serve(tmp_path) as app:
        first = asyncio.run(come(app, ""))
        others = {asyncio.run(come(app, "")) for _ in range(RECENT + 2)}
        time.sleep(1)
        assert first not in others
        assert asyncio.run(come(app, first)) == first


class Loop:
    """A session's event loop."""

    def __init__(self) -> None:
        self.closed = False

    def is_closed(self) -> bool:
        return self.closed

    def is_running(self) -> bool:
        return False

    def close(self) -> None:
        self.closed = True


class Session:
    """A session as `ClosedTabs` reads one."""

    def __init__(self, name: str) -> None:
        self.id, self._script_event_loop, self._scriptrunner = name, Loop(), None
        self.session = self


class Kept:
    """A runtime, its sessions' manager and their storage."""

    def __init__(self, *names: str) -> None:
        self.sessions = {name: Session(name) for name in names}
        self._session_mgr = self._session_storage = self

    def list(self) -> list[Session]:
        return list(self.sessions.values())

    def close_session(self, name: str) -> None:
        del self.sessions[name]


def test_the_last_tabs_keep_their_loop_and_all_end_in_time() -> None:
    kept = Kept("a", "b", "c")
    a, b, c = kept.list()
    b._scriptrunner = object()  # type: ignore[assignment]
    tabs = ClosedTabs(kept, seconds=100, recent=1)  # type: ignore[arg-type]
    tabs.sweep(0)
    assert [one._script_event_loop.closed for one in (a, b, c)] == [True, False, False]
    b._scriptrunner = None
    kept.sessions["d"] = Session("d")
    tabs.sweep(50)
    assert [one._script_event_loop.closed for one in (a, b, c)] == [True, True, True]
    tabs.sweep(100)
    assert list(kept.sessions) == ["d"]


def test_without_room_no_tab_keeps_its_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pages.shared.open_files.has_room", lambda: False)
    kept = Kept("a", "b")
    ClosedTabs(kept, seconds=100).sweep(0)  # type: ignore[arg-type]
    assert all(one._script_event_loop.closed for one in kept.list())


def test_streamlit_keeps_sessions_where_they_are_looked_for() -> None:
    """None of this is documented: a version that keeps it elsewhere needs another way."""
    storage = MemorySessionStorage()
    manager = WebsocketSessionManager(storage, None, None, None)  # type: ignore[arg-type]
    assert manager._session_storage is storage
    assert storage.list() == []
    assert {"_script_event_loop", "_scriptrunner"} <= set(AppSession.__init__.__code__.co_names)
