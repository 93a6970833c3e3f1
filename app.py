"""Headstart's front door: `streamlit run app.py`, or `python start.py` from nothing.

The pages' script stands in `pages/`, not here: beside a script of its own Streamlit takes a
folder of that name for pages to run by themselves, so that the first address opened after a
start would miss everything in `pages/main.py`.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from threading import Thread

import streamlit as st

ROOT = Path(__file__).resolve().parent
sys.path.insert(0, str(ROOT))

from pages.shared.frame import show_error  # noqa: E402 (importable from here on)


@asynccontextmanager
async def start_up(_app: st.App) -> AsyncIterator[None]:
    """Import what later pages need while nobody waits for it."""
    Thread(target=import_module, args=("pages.shared.charts",), daemon=True).start()
    yield


app = st.App(ROOT / "pages" / "main.py", lifespan=start_up, on_script_error=show_error)
