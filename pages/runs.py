"""Runs: all of them, newest first, each a click away."""

from __future__ import annotations

import streamlit as st

from pages.shared.frame import guarded, next_step
from pages.shared.listing import say_unreadable, show_runs
from pages.shared.state import store
from tl_core import words

EACH = 20  # runs on a page of the list

st.header("All runs")
count = store().count_runs()
if not count:
    st.info("Nothing was trained here yet. Every run that you start is listed here.")
    next_step("train", "Go to Train")
    st.stop()

st.caption(
    f"{words.count(count, 'run')}, newest first. The Storage page deletes what you no longer need."
)
pages = -(-count // EACH)
with guarded():
    page = st.pagination(pages, key="runs-page") if pages > 1 else 1
    show_runs(first=(page - 1) * EACH, most=EACH)
    say_unreadable()
