"""Correcting pictures from where their mistake was seen, and training again after it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.starting import start
from pages.shared.state import workspace
from pages.shared.wording import VALIDATING
from tl_core.data.dataset import Dataset, Item
from tl_core.data.finding import Mend
from tl_core.data.mend import mend
from tl_core.runs.store import Run


def show_corrections(run: Run, dataset: Dataset, items: Sequence[Item]) -> None:
    """Show what can be done with the chosen pictures; each makes a new version of the dataset."""
    count = f"{len(items)} picture{'' if len(items) == 1 else 's'}"
    if st.button(
        f"Take {count} out" if items else "Take the chosen pictures out",
        disabled=not items,
        icon=":material/delete:",
        key="take-out",
    ):
        with guarded():
            made = mend(workspace(), dataset, [Mend("remove", "", tuple(items))])
            _remember(run, made)
    st.caption(VALIDATING["correcting"] if items else "Choose pictures above first.")
    _again(run)


def _remember(run: Run, made: Dataset) -> None:
    st.session_state[f"corrected-{run.id}"] = (made.id, made.name, len(made.items))
    st.session_state.pop(f"picked-{run.id}", None)
    st.rerun()


def _again(run: Run) -> None:
    made, name, count = st.session_state.get(f"corrected-{run.id}", ("", "", 0))
    if not made:
        return
    st.success(f"A new version of {on_page(name)} is here, with {count} pictures.")
    if st.button("Train the same again on it", type="primary", icon=":material/play_arrow:"):
        start(run.config.with_(dataset=made), name)
