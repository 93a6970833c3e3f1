"""Headstart's front door: `streamlit run app.py`, or `python start.py` from nothing.

The pages' script stands in `pages/`, not here: beside a script of its own Streamlit takes a
folder of that name for pages to run by themselves, so that the first address opened after a
start would miss everything in `pages/main.py`.
"""

from __future__ import annotations

import sqlite3
import sys
from asyncio import Task, create_task, sleep, to_thread
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread

import streamlit as st
from starlette.middleware import Middleware

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from pages.shared.boundary import Boundary  # noqa: E402 (importable from here on)
from pages.shared.downloads import ROUTES  # noqa: E402
from pages.shared.frame import show_error  # noqa: E402
from pages.shared.open_files import Health, raise_limit, sweep_closed_tabs  # noqa: E402
from pages.shared.upload_sum import UploadSum  # noqa: E402
from tl_core.data.draft import sweep_drafts  # noqa: E402
from tl_core.data.site import sweep  # noqa: E402
from tl_core.errors import HeadstartError  # noqa: E402
from tl_core.log import set_up_log  # noqa: E402
from tl_core.runs.engines.local import LocalEngine  # noqa: E402
from tl_core.runs.rebuild import open_store  # noqa: E402
from tl_core.workspace import Workspace  # noqa: E402

ATTEND_SECONDS = 10.0
FAULTS = (HeadstartError, OSError, sqlite3.Error)
"""Of the world: a workspace of another owner, a disk that may only be read or went away."""


@asynccontextmanager
async def start_up(_app: st.App) -> AsyncIterator[None]:
    """Import what later pages need while nobody waits, and sweep up what a killed import left."""
    raise_limit()
    Thread(target=import_module, args=("pages.shared.charts",), daemon=True).start()
    tasks: list[Task[None]] = [create_task(sweep_closed_tabs())]
    with suppress(*FAULTS):  # every page says what is wrong with the workspace
        workspace = Workspace.open()
        for tidy in (
            lambda: set_up_log(workspace.root, "server"),
            lambda: sweep(workspace.datasets),
            lambda: sweep_drafts(workspace),
        ):
            with suppress(*FAULTS):  # what belongs to somebody else stays
                tidy()
        tasks.append(create_task(attend(LocalEngine(workspace, open_store(workspace)))))
    yield
    for task in tasks:
        task.cancel()


async def attend(engine: LocalEngine) -> None:
    """See that runs go on whose worker died, or that this machine's last day interrupted.

    Nobody needs to watch them: a run outlives its worker with every browser closed.
    """
    while True:
        with suppress(*FAULTS):
            await to_thread(engine.attend_all)
        await sleep(ATTEND_SECONDS)


app = st.App(
    ROOT / "pages" / "main.py",
    lifespan=start_up,
    routes=ROUTES,
    middleware=[Middleware(Boundary), Middleware(Health), Middleware(UploadSum)],
    on_script_error=show_error,
)
