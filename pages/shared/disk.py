"""Importing from this machine's own disk, below the folders that its operator allowed."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.uploads import import_path
from tl_core.data.allowed import VARIABLE, allowed_folders, inside, listed

_HERE = "this folder"


def show_disk() -> None:
    """Let a folder be chosen step by step, and import it."""
    roots = allowed_folders()
    if not roots:
        st.info(
            "No folder of this machine is open to the page. Who runs Headstart can allow some: set "
            f"{VARIABLE} to their paths and start it again."
        )
        return
    root = roots[0]
    if len(roots) > 1:
        root = st.selectbox("Below", roots, format_func=str, key="disk-root")
    with guarded():
        steps = _steps(root)
        path = inside(root, steps)
        st.caption(f"Chosen: {on_page(str(path), 300)}. It stays as it is; pictures are copied.")
        if st.button("Take in the pictures", icon=":material/folder_open:", key="disk-import"):
            import_path(path, root)


def _steps(root: Path) -> tuple[str, ...]:
    """Show one list for each folder on the way down, and return what was chosen."""
    steps: tuple[str, ...] = ()
    while True:
        here = inside(root, steps)
        names = listed(here) if here.is_dir() else []
        if not names:
            return steps
        chosen = st.selectbox(
            "Folder" if not steps else f"Inside {steps[-1]}",
            [_HERE, *names],
            key=f"disk-{root}-{'/'.join(steps)}",
        )
        if chosen == _HERE:
            return steps
        steps = (*steps, chosen)
