"""Finding a picture among all datasets, to erase it: by the file itself, or by its name."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import streamlit as st

from pages.shared.erasing import ask_to_erase
from tl_core.data.dataset import Dataset, Item

_MOST = 200


def show_finding(datasets: Sequence[Dataset]) -> None:
    """Let a picture be found, and erased from every version."""
    st.caption(
        "When somebody asks that a picture of theirs goes: give the file, or a part of the name "
        "that it came with. Chosen in the grid on the Data page, pictures can be erased too."
    )
    file = st.file_uploader("The picture itself", key="erase-file")
    part = st.text_input("or a part of its name", key="erase-name").strip().lower()
    if file:
        wanted = hashlib.sha256(file.getbuffer()).hexdigest()
        found = [(d, i) for d in datasets for i in d.items if i.file == wanted]
    elif part:
        found = [(d, i) for d in datasets for i in d.items if part in i.name.lower()]
    else:
        return
    once = {item.file: (dataset, item) for dataset, item in reversed(found)}
    if not once:
        st.info(
            "No dataset has this file. It may have been saved anew since; look for its name."
            if file
            else "No picture came with such a name."
        )
        return
    names = {file: _label(*pair) for file, pair in list(once.items())[:_MOST]}
    if len(once) > _MOST:
        st.caption(f"The first {_MOST} of {len(once)}; type more of the name.")
    chosen = st.selectbox("Found", list(names), format_func=names.__getitem__)
    dataset, item = once[chosen]
    ask_to_erase(dataset, [item])


def _label(dataset: Dataset, item: Item) -> str:
    return f"{dataset.name}: {dataset.classes[item.label]}, {item.name}"
