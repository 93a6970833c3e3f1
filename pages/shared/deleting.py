"""Something that takes room, with a button that deletes it after a question."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import streamlit as st

from pages.shared.confirming import confirm
from pages.shared.escape import on_page
from tl_core import words
from tl_core.runs.storage import Kept


@dataclass(frozen=True)
class Question:
    """What is asked before something is deleted.

    Attributes:
        title: what it is, as Markdown.
        kept: its size, and why it may not go.
        goes: what goes, as Markdown.
    """

    title: str
    kept: Kept
    goes: str


def ask_to_delete(question: Question, delete: Callable[[], None]) -> None:
    """Show one row: what it is, its size, and the button; where it is disabled, with the reason.

    Args:
        question: what is asked.
        delete: does it.
    """
    kept = question.kept
    with st.container(border=True):
        left, middle, right = st.columns([5, 1, 1], vertical_alignment="center")
        left.markdown(question.title)
        middle.markdown(words.size(kept.bytes))
        if right.button("Delete …", disabled=bool(kept.held), key=f"delete-{kept.id}"):
            _dialog(question, delete)
        if kept.held:
            left.caption(on_page(kept.held, 300))


@st.dialog("Delete this?")
def _dialog(question: Question, delete: Callable[[], None]) -> None:
    st.markdown(f"{question.goes} **It cannot be undone.**")
    confirm("Delete", lambda: _delete(delete, question.kept))


def _delete(delete: Callable[[], None], kept: Kept) -> str:
    delete()
    return f"Deleted: {words.size(kept.frees)} are free."
