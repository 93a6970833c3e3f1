"""What stands below a run: the address that finds it again, its log, and the other runs."""

from __future__ import annotations

import streamlit as st

from pages.shared.listing import link_to_runs
from pages.shared.state import workspace
from tl_core.runs.logs import log_end, log_file


def show_details(run: str) -> None:
    """Show a run's address, to copy, and its log, to read and to download."""
    left, right = st.columns(2)
    with left, st.expander("The address of this run", icon=":material/link:"):
        page = (st.context.url or "").split("?")[0]
        st.code(f"{page}?run={run}", language=None, wrap_lines=True)
        st.caption(
            "Any browser on this computer finds the run there, today or next week. Another device "
            "does where it can reach this app."
        )
    with right:
        log = st.expander(
            "The log of this run", icon=":material/article:", key="log", on_change="rerun"
        )
    # What it says is read only when somebody wants to see it.
    if log.open:
        with log:
            st.fragment(_log)(run)
    link_to_runs()


def _log(run: str) -> None:
    folder = workspace().runs / run
    end = log_end(folder)
    if not end:
        st.caption("Nothing is written there yet; it begins when the run does.")
        return
    st.code(end, language=None, height=320)
    left, right = st.columns(2)
    left.button("Read on", icon=":material/refresh:", help="Shows what was written meanwhile.")
    right.download_button(
        "Download the whole log",
        data=log_file(folder).read_bytes,
        file_name=f"run-{run[:6]}.log",
        mime="text/plain",
        on_click="ignore",
        icon=":material/download:",
    )
