"""Headstart's front door: `streamlit run app.py`, or `python start.py` from nothing.

The pages' script stands in `pages/`, not here: beside a script of its own Streamlit takes a
folder of that name for pages to run by themselves, so that the first address opened after a
start would miss everything in `pages/main.py`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from threading import Thread

import streamlit as st

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from pages.shared.frame import show_error  # noqa: E402 (importable from here on)
from tl_core.data.draft import sweep_drafts  # noqa: E402
from tl_core.data.site import sweep  # noqa: E402
from tl_core.errors import HeadstartError  # noqa: E402
from tl_core.workspace import Workspace  # noqa: E402


@asynccontextmanager
async def start_up(_app: st.App) -> AsyncIterator[None]:
    """Import what later pages need while nobody waits, and sweep up what a killed import left."""
    Thread(target=import_module, args=("pages.shared.charts",), daemon=True).start()
    with suppress(HeadstartError):  # every page says what is wrong with the workspace
        sweep(Workspace.open().datasets)
        sweep_drafts(Workspace.open())
    yield


app = st.App(ROOT / "pages" / "main.py", lifespan=start_up, on_script_error=show_error)
