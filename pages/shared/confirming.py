"""A question before something goes for good, and what came of it."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from pages.shared.escape import on_page
from tl_core.errors import HeadstartError

_SAID, _ERROR = "confirmed", "not-confirmed"


def confirm(label: str, act: Callable[[], str]) -> None:
    """Show, at the end of a dialog, the button that does it and the one that does not.

    Args:
        label: of the button that does it.
        act: does it, and returns what is said afterwards.
    """
    # As a callback: by the time that the dialog's answer is read, the dialog may be gone.
    if st.button(label, type="primary", on_click=_act, args=(act,), key="confirm"):
        st.rerun()
    if st.button("Keep", key="keep"):
        st.rerun()


def say_confirmed() -> None:
    """Say, once, what was done, or why it was not."""
    if said := st.session_state.pop(_SAID, ""):
        st.toast(on_page(said, 300), icon=":material/check:")
    if error := st.session_state.pop(_ERROR, ""):
        st.error(on_page(error, 2000))


def _act(act: Callable[[], str]) -> None:
    try:
        st.session_state[_SAID] = act()
    except HeadstartError as error:
        st.session_state[_ERROR] = str(error)
