"""The pictures of a class, page by page; those that are chosen can be moved or taken out."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared.changing import make_version
from pages.shared.erasing import ask_to_erase
from pages.shared.small import show_small, tiles
from pages.shared.state import workspace
from pages.shared.wording import SPLIT_WORDS
from tl_core import words
from tl_core.data.dataset import Dataset, Item
from tl_core.data.edit import moved, without
from tl_core.data.versions import save_version

_PAGE = 24
_NEW = "a new class"


def show_grid(dataset: Dataset) -> list[Item]:
    """Show a class's pictures and what can be done with them; return all of that class."""
    label = st.selectbox(
        "Of the class", range(len(dataset.classes)), format_func=dataset.classes.__getitem__
    )
    items = [item for item in dataset.items if item.label == label]
    pages = max(1, -(-len(items) // _PAGE))
    page = int(st.number_input(f"Page (of {pages})", 1, pages, 1)) if pages > 1 else 1
    is_choosing = st.toggle("Choose pictures to move or take out", key="choosing")
    shown = items[(page - 1) * _PAGE : page * _PAGE]
    for item, tile in zip(shown, tiles(), strict=False):
        with tile:
            _picture(dataset, item, is_choosing=is_choosing)
    if is_choosing:
        _act(dataset, sorted(_picked(dataset), key=lambda item: item.name))
    return items


def _picture(dataset: Dataset, item: Item, *, is_choosing: bool) -> None:
    show_small(dataset.path(item), item.name, dataset.classes[item.label], white=dataset.white)
    if is_choosing:
        st.checkbox(
            SPLIT_WORDS[item.split],
            item in _picked(dataset),
            key=f"pick-{dataset.id}-{item.label}-{item.file}-{item.split}",
            on_change=_pick,
            args=(dataset, item),
        )


def _picked(dataset: Dataset) -> set[Item]:
    """Return what was chosen so far; widgets forget what is not on the page, this does not."""
    picked: set[Item] = st.session_state.setdefault(f"picked-{dataset.id}", set())
    return picked & set(dataset.items)


def _pick(dataset: Dataset, item: Item) -> None:
    st.session_state[f"picked-{dataset.id}"] = _picked(dataset) ^ {item}


def _act(dataset: Dataset, items: Sequence[Item]) -> None:
    if not items:
        st.caption("Choose pictures above first.")
        return
    count = words.count(len(items), "picture")
    names = [*dataset.classes, _NEW]
    left, right = st.columns(2)
    target = names[
        left.selectbox(f"Move {count} to", range(len(names)), format_func=names.__getitem__)
    ]
    if target == _NEW and _NEW not in dataset.classes:
        target = right.text_input("Its name", key="move-name", max_chars=255).strip()
    if left.button(
        f"Move {count}", disabled=not target, icon=":material/drive_file_move:", key="move"
    ):
        make_version(lambda: save_version(workspace(), dataset, moved(dataset, items, target)))
    if not target:
        left.caption("Type the name of the new class first.")
    if st.button(f"Take {count} out", icon=":material/delete:", key="take-out-chosen"):
        make_version(lambda: save_version(workspace(), dataset, without(dataset, items)))
    st.caption(
        "Taken out, a picture is in no later version; earlier versions keep it, and so do runs "
        "that learned from them."
    )
    ask_to_erase(dataset, items)
