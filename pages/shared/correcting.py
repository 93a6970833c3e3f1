"""Correcting pictures from where their mistake was seen, and training again after it."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.starting import start
from pages.shared.state import workspace
from pages.shared.wording import VALIDATING
from tl_core import words
from tl_core.data.dataset import Dataset, Item
from tl_core.data.edit import moved, without
from tl_core.data.versions import save_version
from tl_core.runs.store import Run


def show_corrections(run: Run, dataset: Dataset, items: Sequence[Item]) -> None:
    """Show what can be done with the chosen pictures; each makes a new version of the dataset.

    A second correction goes on from what the first one made.
    """
    latest = made[-1] if (made := _made(run)) else dataset
    files = {item.file for item in items}
    items = [item for item in latest.of("validation") if item.file in files]
    count = words.count(len(items), "picture") if items else "the chosen ones"
    of, put, out, _ = st.columns([3, 2, 2, 2], vertical_alignment="bottom")
    target = of.selectbox(
        "What they really are", latest.classes, disabled=not items, key=f"really-{run.id}"
    )
    after = None
    with guarded():
        if put.button(
            f"Relabel {count}", disabled=not items, icon=":material/label:", key="relabel",
            width="stretch",
        ):  # fmt: skip
            after = moved(latest, items, target)
        if out.button(
            f"Take {count} out", disabled=not items, icon=":material/delete:", key="take-out",
            width="stretch",
        ):  # fmt: skip
            after = without(latest, items)
        if after is not None:
            _remember(run, save_version(workspace(), latest, after))
    st.caption(VALIDATING["correcting"] if items else "Choose pictures above first.")
    _again(run)


def corrections(run: Run) -> int:
    """Return how many corrections this session has made from a run's mistakes."""
    return len(_made(run))


def _made(run: Run) -> list[Dataset]:
    made: list[Dataset] = st.session_state.setdefault(f"corrected-{run.id}", [])
    return made


def _remember(run: Run, made: Dataset) -> None:
    _made(run).append(made)
    st.session_state.pop(f"picked-{run.id}", None)
    st.rerun()


def _again(run: Run) -> None:
    if not (made := _made(run)):
        return
    name, count = on_page(made[-1].name), len(made[-1].items)
    st.success(f"A new version of the pictures is here: {name}, with {count} pictures.")
    if st.button("Train the same again on it", type="primary", icon=":material/play_arrow:"):
        start(run.config.with_(dataset=made[-1].id), made[-1].name)
