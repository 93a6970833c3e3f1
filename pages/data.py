"""Data: bring pictures sorted into classes, look at what arrived, and change it."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from pages.shared.changing import show_changes
from pages.shared.collecting import show_collecting
from pages.shared.confirming import say_confirmed
from pages.shared.disk import show_disk
from pages.shared.escape import on_page
from pages.shared.frame import next_step
from pages.shared.gallery import show_dataset
from pages.shared.known import show_known
from pages.shared.ready import show_public, show_samples
from pages.shared.state import address, chosen_dataset, engine, workspace
from pages.shared.steps import STORAGE, page_file
from pages.shared.uploads import show_question, show_upload_error, upload_files, upload_folder
from tl_core.errors import HeadstartError

WAYS = {
    "A folder": upload_folder,
    "An archive or a table": upload_files,
    "Class by class, or camera": show_collecting,
    "This machine's disk": show_disk,
    "Samples": show_samples,
    "Public sets": show_public,
    "Here already": show_known,
}

st.header("Bring pictures, sorted into classes")
st.markdown(
    "A **class** is what the network should tell apart, for example *ants* and *bees*. Put the "
    "pictures of each class into a folder of its own; the folder's name becomes the class. "
    "Folders *train*, *val* and *test* above them are respected."
)

# While the person chooses, the worker loads what it needs; training then starts at once.
with suppress(HeadstartError):  # what trains says so itself; the rest of the page stays
    engine().warm()

# What is behind a closed tab is not made.
for tab, show in zip(
    st.tabs(list(WAYS), key="ways", on_change="rerun"), WAYS.values(), strict=True
):
    if tab.open:
        with tab:
            show()
st.caption(
    f"Pictures are kept in {on_page(str(workspace().datasets), 300)} on the machine that runs "
    "Headstart. They are sent nowhere else."
)
st.page_link(page_file(STORAGE.key), label=STORAGE.what, icon=STORAGE.icon, query_params=address())
show_question()
show_upload_error()
say_confirmed()

current = chosen_dataset()
if current is None:
    next_step("backbone", "Next: choose a backbone", reason="First choose pictures above.")
else:
    next_step("backbone", "Next: choose a backbone")
    show_dataset(current)
    show_changes(current)
