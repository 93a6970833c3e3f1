"""Data: bring pictures sorted into classes, and look at what arrived."""

from __future__ import annotations

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import next_step
from pages.shared.gallery import show_dataset
from pages.shared.ready import show_public, show_samples
from pages.shared.state import choose, chosen_dataset, store, workspace
from pages.shared.uploads import import_uploads
from tl_core.data.dataset import list_datasets
from tl_core.data.packed import ENDINGS
from tl_core.errors import HeadstartError
from tl_core.runs.launch import ensure_worker

st.header("Bring pictures, sorted into classes")
st.markdown(
    "A **class** is what the network should tell apart, for example *ants* and *bees*. Put the "
    "pictures of each class into a folder of its own; the folder's name becomes the class. "
    "Folders *train*, *val* and *test* above them are respected."
)

# While the person chooses, the worker loads what it needs; training then starts at once.
ensure_worker(workspace(), store(), "auto")

folder, archive, samples, public, known = st.tabs(
    [
        "Upload a folder",
        "Upload an archive",
        "Samples",
        "Public sets",
        "Pictures that are here already",
    ],
    key="ways",
    on_change="rerun",  # what is behind a closed tab is not made
)
turn = st.session_state.setdefault("upload_turn", 0)
with folder:
    files = st.file_uploader(
        "Choose the folder that holds the class folders",
        accept_multiple_files="directory",
        key=f"folder{turn}",
        help="For many hundreds of pictures a zip arrives faster than a folder.",
    )
with archive:
    zipped = st.file_uploader(
        "Choose a zip or a tar of the class folders",
        type=list(ENDINGS),
        key=f"zip{turn}",
        help="Archives with a password, and archives inside the archive, are not opened.",
    )
st.caption(
    f"Uploaded pictures are kept in `{workspace().datasets}` on the machine that runs Headstart. "
    "They are sent nowhere else."
)
if uploaded := files or ([zipped] if zipped else []):
    # A fresh uploader lets go of the memory, whether the pictures could be used or not.
    st.session_state["upload_turn"] = turn + 1
    st.session_state["upload_error"] = ""
    try:
        choose(data=import_uploads(workspace(), uploaded).id, run="")
    except HeadstartError as error:
        st.session_state["upload_error"] = str(error)
    st.rerun()
if st.session_state.get("upload_error"):
    st.error(on_page(st.session_state["upload_error"], 2000))
with samples:
    if samples.open:
        show_samples()
with public:
    if public.open:
        show_public()
with known:
    datasets = {dataset.id: dataset for dataset in list_datasets(workspace())}
    if not datasets:
        st.info("Nothing is here yet: upload a folder or an archive, or use a sample.")
    for dataset in datasets.values():
        label = (
            f"{on_page(dataset.name, 40)} · {len(dataset.classes)} classes · "
            f"{len(dataset.items)} pictures"
        )
        if st.button(label, key=f"known{dataset.id}"):
            choose(data=dataset.id, run="")
            st.rerun()

current = chosen_dataset()
if current is None:
    next_step("backbone", "Next: choose a backbone", reason="First choose pictures above.")
else:
    next_step("backbone", "Next: choose a backbone")
    show_dataset(current)
