"""Waiting for what takes a while, beside a page that stays usable."""

from __future__ import annotations

from typing import TypeVar

import streamlit as st

from pages.shared.frame import show_error
from pages.shared.state import predictor
from tl_core.errors import HeadstartError
from tl_core.runs.predictor.jobs import Job

_T = TypeVar("_T")


def finished(job: Job[_T], what: str) -> _T | None:
    """Return what came of a job; until then show how far it is and return `None`.

    Args:
        job: from `tl_core.runs.predictor.explanations`, asked for in this script run.
        what: is done meanwhile, as a person reads it.
    """
    if not job.is_over:
        _waiting(job, what)
        return None
    try:
        return job.result()
    except HeadstartError as error:
        show_error(error)
        if st.button("Try again", icon=":material/refresh:", key=f"again-{what}"):
            predictor().forget(job)
            st.rerun()
        return None


@st.fragment(run_every=0.6)
def _waiting(job: Job[_T], what: str) -> None:
    job.look_in()
    if job.is_over:
        st.rerun()
    share = job.done / job.total if job.total else 0.0
    st.progress(min(share, 1.0), f"{what} …")
