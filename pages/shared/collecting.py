"""Gathering pictures class by class, from files and the camera, until they make a dataset."""

from __future__ import annotations

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.small import show_small, tiles
from pages.shared.state import choose, workspace
from pages.shared.uploads import counted
from tl_core import words
from tl_core.data.draft import Draft, new_draft
from tl_core.data.intake import import_classes

_SHOWN = 6


@st.fragment
def show_collecting() -> None:
    """Gather pictures for a new dataset."""
    draft = draft_of("new")
    name = st.text_input(
        "Name of the class", placeholder="for example: ants", key="collect-name", max_chars=255
    )
    gather(draft, name.strip(), "new")
    held = draft.classes()
    if not held:
        st.info(
            "Nothing is gathered yet: type the name of a class, then add its pictures; then the "
            "next class."
        )
        return
    for label, files in held.items():
        _class(draft, label, files)
    _make(draft, held)


def draft_of(what: str) -> Draft:
    """Return this session's draft for one purpose."""
    draft: Draft = st.session_state.setdefault(f"draft-{what}", new_draft(workspace()))
    return draft


def gather(draft: Draft, name: str, key: str) -> None:
    """Offer to add files and snapshots to a class of a draft.

    Args:
        draft: where they go.
        name: of the class; as long as it is empty, nothing can be added.
        key: tells the widgets of one place from those of another.
    """
    turn = st.session_state.setdefault(f"turn-{key}", 0)
    files = st.file_uploader(
        "Its pictures",
        accept_multiple_files=True,
        key=f"gather-{key}-{turn}",
        disabled=not name,
    )
    shot = None
    if st.toggle("Take snapshots with the camera", key=f"camera-{key}", disabled=not name):
        shot = st.camera_input(
            "The browser asks you first. It works on this machine, or by https.",
            key=f"shot-{key}-{turn}",
            disabled=not name,
            width=480,
        )
    if twice := st.session_state.pop(f"twice-{key}", 0):
        st.info(f"{words.count(twice, 'picture')} of these had been in the class already.")
    if not name:
        st.caption("First say above which class they are of.")
    elif files or shot:
        with guarded():
            new = [draft.add(name, file.name, file, file.size) for file in files]
            if shot:
                number = sum(map(len, draft.classes().values())) + 1
                new.append(draft.add(name, f"snapshot {number}.jpg", shot, shot.size))
            st.session_state[f"twice-{key}"] = new.count(False)
            # Fresh widgets: the files' memory is let go, and the camera is ready again.
            st.session_state[f"turn-{key}"] = turn + 1
            st.rerun(scope="fragment")


def _class(draft: Draft, label: str, files: list[tuple[str, str]]) -> None:
    with st.container(border=True):
        left, right = st.columns([5, 1], vertical_alignment="center")
        count = words.count(len(files), "picture")
        left.markdown(f"**{on_page(label)}** · {count}")
        if right.button("Take out", key=f"drop-{label}", icon=":material/delete:"):
            draft.drop(label)
            st.rerun(scope="fragment")
        for (file, called), tile in zip(files[-_SHOWN:], tiles(), strict=False):
            with tile:
                show_small(draft.folder / file, called, label)


def _make(draft: Draft, held: dict[str, list[tuple[str, str]]]) -> None:
    small = [label for label, files in held.items() if len(files) < 2]
    reason = ""
    if len(held) < 2:
        reason = "Telling classes apart needs at least 2 of them; add another class."
    elif small:
        reason = f"Every class needs at least 2 pictures; add one to {on_page(small[0], 40)}."
    title = st.text_input("Name of the whole", "My pictures", key="collect-title", max_chars=80)
    if st.button(
        "Make these pictures a dataset",
        type="primary",
        disabled=bool(reason),
        icon=":material/check:",
    ):
        tell, clear = counted("Taking in the pictures")
        with guarded():
            made = import_classes(workspace(), draft.entries(), title, progress=tell)
            draft.clear()
            choose(data=made.id, run="")
            st.rerun()
        clear()
    if reason:
        st.caption(reason)
