"""Files that the page server holds open: as many as the system lets it, and none for closed tabs.

Streamlit gives each session an event loop, which is three open files, and keeps the sessions of up
to 128 closed tabs in case they come back: at macOS's 256 files everybody was refused after 79
visits, for good. A closed tab's loop is closed here (Streamlit makes another one for a tab that
comes back) and its session ended in time. Streamlit has no setting for either, so this reads what
it keeps to itself; `tests/pages/test_open_files.py` says when a version keeps it elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import streamlit as st
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import Runtime, get_instance

from tl_core.log import get_log

if TYPE_CHECKING:
    from streamlit.runtime.app_session import AppSession

MOST = 8192  # macOS refuses to raise the limit beyond 10,240
RECENT = 8  # closed tabs that may come back at once, from a reload or a gap in the network
NEEDED = 6  # by one more visitor: the connection, the loop, and what the page reads
EVERY = 0.25  # seconds; a fast machine opens 60 pages in one


def raise_limit(most: int = MOST) -> None:
    """Let this process, and those it starts, open as many files as the system lets them."""
    if sys.platform == "win32":
        return  # which has no such limit
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = most if hard == resource.RLIM_INFINITY else min(most, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):  # then it stays as it is
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def has_room(needed: int = NEEDED) -> bool:
    """Whether this process may open so many more files."""
    opened = []
    try:
        for _ in range(needed):
            opened.append(os.open(os.devnull, os.O_RDONLY))  # noqa: PERF401 (each is closed below)
    except OSError:
        return False
    finally:
        for descriptor in opened:
            os.close(descriptor)
    return True


class ClosedTabs:
    """The sessions of tabs that were closed; to be swept on the server's own event loop.

    Args:
        runtime: of this server.
        seconds: a session is kept after its tab was closed.
        recent: of the last closed tabs, so many keep their event loop.
    """

    def __init__(self, runtime: Runtime, seconds: float, recent: int = RECENT) -> None:
        self.runtime, self.seconds, self.recent = runtime, seconds, recent
        self._since: dict[str, float] = {}

    def sweep(self, now: float) -> None:
        """Close what closed tabs hold open, and end the sessions that nobody came back to."""
        sessions = self._sessions()
        self._since = {session.id: self._since.get(session.id, now) for session in sessions}
        keep = self.recent if sessions and has_room() else 0
        for session in sessions[: max(0, len(sessions) - keep)]:
            _close_loop(session)
        for session in sessions:
            if now - self._since[session.id] >= self.seconds:
                self.runtime.close_session(session.id)

    def _sessions(self) -> list[AppSession]:
        """Return the sessions without a tab, the longest closed first."""
        storage = self.runtime._session_mgr._session_storage  # type: ignore[attr-defined]
        return [kept.session for kept in storage.list()]


async def sweep_closed_tabs() -> None:
    """Sweep for as long as the server runs."""
    # A little before Streamlit forgets a session itself, which gives nothing back at once.
    seconds = max(EVERY, float(st.get_option("server.disconnectedSessionTTL") or 0) - 5.0)
    tabs = ClosedTabs(get_instance(), seconds)
    while True:
        try:
            tabs.sweep(time.monotonic())
        except Exception:
            get_log().exception("sweeping closed tabs; they keep their files open from now on")
            return
        await asyncio.sleep(EVERY)


def _close_loop(session: AppSession) -> None:
    loop = session._script_event_loop
    # A script that still runs ends first; the next sweep finds it ended.
    if session._scriptrunner is None and not loop.is_closed() and not loop.is_running():
        loop.close()


class Health:
    """Middleware: the server is not well while it has no open file left for another visitor.

    Args:
        app: what it stands before.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request or socket."""
        asked = scope["type"] == "http" and scope["path"].endswith("/_stcore/health")
        if asked and not has_room():
            answer = PlainTextResponse(
                "Nobody else can be let in, because as many files are open as this system allows; "
                "close tabs, or start Headstart with a higher limit (ulimit -n).",
                503,
            )
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)
