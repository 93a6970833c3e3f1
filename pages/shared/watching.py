"""What everybody who watches a run shares: one look at the store for all of them."""

from __future__ import annotations

import time
from dataclasses import dataclass

import streamlit as st

from pages.shared.once import Once
from pages.shared.refresh import Viewers, refresh_seconds
from pages.shared.state import engine, store
from tl_core.runs.progress import Progress, progress
from tl_core.runs.queue import look_ahead
from tl_core.runs.store import Run, Told
from tl_core.runs.waiting import Outlook
from tl_core.training.events import EpochEnded
from tl_core.workspace import new_id

_VIEWER, _EVERY = "viewer", "refresh"


@dataclass(frozen=True)
class Look:
    """A run as one look at the store found it.

    Attributes:
        at: when, in seconds of `time.monotonic`.
        run: the run.
        told: its milestones.
        progress: where it stands.
        outlook: when its turn comes, where it waits for it.
        drawn: number of the event that the curves end with, -1 before the first epoch has ended.
    """

    at: float
    run: Run
    told: list[Told]
    progress: Progress
    outlook: Outlook | None
    drawn: int

    @property
    def standing(self) -> tuple[object, ...]:
        """What the page around the live part depends on."""
        return self.run.state, self.run.wish, self.run.message


@st.cache_resource
def _looks() -> Once[str, Look]:
    return Once(most=64)


@st.cache_resource
def _viewers() -> Viewers:
    return Viewers()


def look(run: str, seconds: float = 0.0) -> Look:
    """Return a look at a run that is at most `seconds` old; a run that waits gets its worker.

    Raises:
        UserError: there is no such run.
    """
    oldest = time.monotonic() - seconds
    return _looks().get(run, lambda: _look(run), lambda kept: kept.at >= oldest)


def _look(run_id: str) -> Look:
    now = time.monotonic()
    run = store().run(run_id)
    engine().attend(run)
    told = store().milestones(run_id)
    ended = [item.number for item in told if isinstance(item.event, EpochEnded)]
    return Look(
        at=now,
        run=run,
        told=told,
        progress=progress(told, run.facts.get("phases", [])),
        outlook=None if run.is_over else look_ahead(store(), run),
        drawn=max(ended, default=-1),
    )


def refreshing() -> tuple[int, int]:
    """Note that this session watches; return the seconds between its refreshes, and who does."""
    viewer = st.session_state.setdefault(_VIEWER, new_id())
    every = st.session_state.get(_EVERY, 1)
    viewers = _viewers().count(viewer, every, time.monotonic())
    st.session_state[_EVERY] = refresh_seconds(viewers, every)
    return st.session_state[_EVERY], viewers
