"""Storage: what this workspace holds, how large it is, and what may go."""

from __future__ import annotations

import shutil

import streamlit as st

from pages.shared.confirming import say_confirmed
from pages.shared.deleting import Question, ask_to_delete
from pages.shared.escape import on_page
from pages.shared.finding_pictures import show_finding
from pages.shared.frame import guarded, shown_alone
from pages.shared.listing import title_of
from pages.shared.state import store, workspace
from pages.shared.wording import STATES
from tl_core import words
from tl_core.runs import storage

st.header("What is kept on this machine")
say_confirmed()
free = shutil.disk_usage(workspace().root).free
st.caption(f"Everything is in {on_page(str(workspace().root), 300)}. Free on that disk: "
           f"{words.size(free)}.")  # fmt: skip

with st.spinner("Measuring …"):
    datasets = storage.datasets_kept(workspace(), store())
    runs = storage.runs_kept(workspace(), store())
    unreadable = storage.unreadable_kept(workspace(), store())
    caches = storage.caches_kept(workspace(), store())

st.subheader("Pictures")
if not datasets:
    st.info("No pictures are here yet: bring some on the Data page.")
for dataset, kept in datasets:
    with shown_alone(dataset.name):
        learned = storage.runs_of(store(), dataset.id)
        shared = kept.bytes - kept.frees
        ask_to_delete(
            Question(
                f"**{on_page(dataset.name)}** · {len(dataset.items)} pictures in "
                f"{len(dataset.classes)} classes",
                kept,
                f"The dataset {on_page(dataset.name)} goes, with the files that no other version "
                f"has: {words.size(kept.frees)} become free."
                + (f" {words.size(shared)} stay for its other versions." if shared else "")
                + (
                    f" {words.count(len(learned), 'run')} learned from it; models "
                    "and figures stay, and their pictures can no longer be shown."
                    if learned
                    else ""
                ),
            ),
            lambda dataset=dataset: storage.delete_dataset(  # type: ignore[misc]
                workspace(), store(), dataset.id
            ),
        )

st.subheader("Runs")
if not runs:
    st.info("Nothing was trained here yet.")
for run, kept in runs:
    with shown_alone(f"Run {run.id[:6]}"):
        title = title_of(run)
        ask_to_delete(
            Question(
                f"**{title}** · {STATES[run.state]} · {run.id[:6]}",
                kept,
                f"The run {run.id[:6]} ({title}) goes, with its model, its figures and its curves; "
                "the pictures stay. A model that you exported stays where you put it.",
            ),
            lambda run=run: storage.delete_run(workspace(), store(), run.id),  # type: ignore[misc]
        )

if unreadable:
    st.subheader("What cannot be read")
    st.caption(
        "What is kept of these runs and pictures is damaged, or another version of Headstart "
        "wrote it."
    )
for kept in unreadable:
    with shown_alone(kept.id):
        title = f"Unreadable · {on_page(kept.id, 40)}"
        ask_to_delete(
            Question(title, kept, f"{on_page(kept.id, 40)} goes, with all that its folder holds."),
            lambda kept=kept: storage.delete_unreadable(  # type: ignore[misc]
                workspace(), store(), kept.id
            ),
        )

st.subheader("What can be made again")
st.caption(
    "Kept so that nothing need be computed, loaded or brought twice. Old parts go by themselves."
)
if not any(kept.bytes for kept in caches):
    st.info("Nothing of the kind is kept now.")
for kept in (one for one in caches if one.bytes):
    with shown_alone(kept.id):
        title = storage.CACHES.get(kept.id, on_page(kept.id))
        goes = f"{title}: all of it goes, and is made or brought again when it is needed."
        ask_to_delete(
            Question(title, kept, goes),
            lambda kept=kept: storage.clear_cache(  # type: ignore[misc]
                workspace(), store(), kept.id
            ),
        )

st.subheader("Erase a picture")
with guarded():
    show_finding([dataset for dataset, _ in datasets])
