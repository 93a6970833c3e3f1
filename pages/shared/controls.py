"""What a person may ask of a run, and why not where it may not be asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Literal

import streamlit as st

from pages.shared.state import engine
from tl_core.errors import UserError
from tl_core.runs.store import Run

Asking = Literal["pause", "resume", "stop", "extend"]
MORE = 10  # epochs that are offered
_MORE = "more-epochs"


def reason_against(asking: Asking, run: Run) -> str:
    """Return why this cannot be asked of a run now, or an empty text where it can.

    >>> from tl_core.config import RunConfig
    >>> waiting = Run("r", "me", 0.0, "queued", RunConfig("d", "mini"))
    >>> reason_against("pause", waiting), reason_against("resume", waiting)
    ('', 'It is not paused.')
    """
    if run.wish == "stop":
        return "It is being stopped."
    if asking == "extend":
        return "" if run.state == "finished" else "When it has finished."
    if run.state == "finished":
        return "It has finished."
    if asking == "resume":
        can = run.state in ("paused", "stopped", "failed") or run.wish == "pause"
        return "" if can else "It is not paused."
    if run.is_over:
        return "It has ended."
    if asking == "pause" and (run.state == "paused" or run.wish == "pause"):
        return "It is paused." if run.state == "paused" else "It is being paused."
    return ""


def show_controls(run: Run) -> None:
    """Show the buttons that steer a run; where one is disabled, the reason stands below it."""
    with st.container(horizontal=True, key="controls"):
        if not reason_against("resume", run):
            _button("resume", "Resume", "play_arrow", run, engine().resume)
        elif not run.is_over:
            _button("pause", "Pause", "pause", run, engine().pause)
        if not run.is_over:
            _button("stop", "Stop", "stop", run, engine().cancel)
        with _with_reason(reason_against("extend", run)) as reason:
            more = st.popover("Train some more", icon=":material/forward:", disabled=bool(reason))
            with more:
                _more(run)


def _button(asking: Asking, label: str, icon: str, run: Run, ask: Callable[[str], object]) -> None:
    with _with_reason(reason_against(asking, run)) as reason:
        st.button(
            label, icon=f":material/{icon}:", disabled=bool(reason), key=f"ask-{asking}",
            on_click=_ask, args=(ask, run.id),
        )  # fmt: skip


@contextmanager
def _with_reason(reason: str) -> Iterator[str]:
    with st.container(width="content", gap="xxsmall"):
        yield reason
        if reason:
            st.caption(reason)


def _more(run: Run) -> None:
    st.number_input(
        "Epochs at most", 1, 1000, MORE, key=_MORE,
        help="It goes on where it ended, and ends earlier where nothing gets better any more.",
    )  # fmt: skip
    st.button(
        "Train on", type="primary", icon=":material/play_arrow:", key="ask-extend",
        on_click=_ask, args=(_extend, run.id),
    )  # fmt: skip


def _extend(run: str) -> None:
    # Typed and clicked at once, the number is newer than the button.
    engine().extend(run, st.session_state[_MORE])


def _ask(ask: Callable[[str], object], run: str) -> None:
    # Where the run has moved on meanwhile, what the page shows next says so.
    with suppress(UserError):
        ask(run)
