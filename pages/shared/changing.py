"""Changing a dataset's classes: every change makes a version beside the one that is shown."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.shared.collecting import draft_of, gather
from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.state import choose, workspace
from pages.shared.uploads import counted
from tl_core import words
from tl_core.data.dataset import Dataset
from tl_core.data.edit import merged, renamed, without_class
from tl_core.data.versions import add_pictures, save_version

_NEW = "a new class"
_WAYS = ("Add pictures", "Rename a class", "Put a class into another", "Remove a class")


@st.fragment
def show_changes(dataset: Dataset) -> None:
    """Show what can be done with the classes of a dataset."""
    st.subheader("Change the classes")
    st.caption(
        "Each change makes a new version beside this one; nothing of this one is lost, and runs "
        "that learned from it keep it. Pictures stay on the side of the division where they are. "
        "Single pictures are moved and taken out above, where they are looked at."
    )
    way = st.segmented_control(
        "What to change", _WAYS, key="change-way", label_visibility="collapsed"
    )
    if way == _WAYS[0]:
        _add(dataset)
    elif way == _WAYS[1]:
        _rename(dataset)
    elif way == _WAYS[2]:
        _merge(dataset)
    elif way == _WAYS[3]:
        _remove(dataset)


def make_version(change: Callable[[], Dataset]) -> None:
    """Carry out a change and show its result in place of what was shown."""
    with guarded():
        made = change()
        choose(data=made.id, run="")
        st.rerun()


def _class(dataset: Dataset, label: str, key: str, *more: str) -> str:
    numbers = range(len(dataset.classes) + len(more))
    names = [*dataset.classes, *more]
    return names[st.selectbox(label, numbers, format_func=names.__getitem__, key=key)]


def _add(dataset: Dataset) -> None:
    name = _class(dataset, "To the class", "add-to", _NEW)
    if name == _NEW and _NEW not in dataset.classes:
        name = st.text_input("Its name", key="add-name", max_chars=255).strip()
    draft = draft_of("add")
    gather(draft, name, "add")
    waiting = draft.entries().get(name, [])
    if not waiting:
        return
    st.caption(
        "A new picture that is nearly the same as one that is here goes to its side of the "
        "division; the others are divided as at the import."
    )
    count = words.count(len(waiting), "picture")
    if st.button(f"Add {count} to {on_page(name, 40)}", type="primary", icon=":material/add:"):
        tell, clear = counted("Adding the pictures")
        with guarded():
            made = add_pictures(workspace(), dataset, name, waiting, tell)
            draft.clear()
            choose(data=made.id, run="")
            st.rerun()
        clear()


def _rename(dataset: Dataset) -> None:
    name = _class(dataset, "The class", "rename")
    new = st.text_input("is to be called", name, key=f"rename-{name}", max_chars=255)
    if st.button("Rename it", disabled=new == name, icon=":material/edit:", key="do-rename"):
        make_version(lambda: save_version(workspace(), dataset, renamed(dataset, name, new)))
    if new == name:
        st.caption("Type another name first.")


def _merge(dataset: Dataset) -> None:
    left, right = st.columns(2)
    with left:
        source = _class(dataset, "All pictures of", "merge-source")
    with right:
        target = _class(dataset, "go into", "merge-target")
    if st.button("Put them together", disabled=source == target, icon=":material/merge:"):
        make_version(lambda: save_version(workspace(), dataset, merged(dataset, source, target)))
    if source == target:
        st.caption("Choose two different classes first.")


def _remove(dataset: Dataset) -> None:
    name = _class(dataset, "The class", "remove")
    few = len(dataset.classes) <= 2
    count = dataset.counts()[name]
    if st.button(
        f"Make a version without {on_page(name, 40)} and its {count} pictures",
        disabled=few,
        icon=":material/delete:",
        key="do-remove",
    ):
        make_version(lambda: save_version(workspace(), dataset, without_class(dataset, name)))
    if few:
        st.caption("Telling classes apart needs at least 2 of them; add another class first.")
