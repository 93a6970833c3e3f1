"""Start: what this is, the sample in one click, and what was done here before."""

from __future__ import annotations

import streamlit as st

from pages.shared.frame import go_to, guarded, next_step
from pages.shared.listing import link_to_runs, show_runs
from pages.shared.ready import use_sample
from pages.shared.state import address, store, workspace
from pages.shared.steps import LEARN, STEPS, STORAGE, page_file
from tl_core.studies.study import FACT

FIRST = {"backbone": "mini", "recipe": "feature-extraction", "freeze": "", "weights": ""}
NEWEST = 8  # runs that are shown here

st.title("Teach a network that can already see")
st.markdown(
    "A network that has looked at more than a million photos knows edges, textures, parts and "
    "objects. **Headstart** gives that network *your* pictures and lets it learn *your* classes, "
    "in minutes instead of days, with tens of pictures instead of thousands. "
    "That is called **transfer learning**, and here you can watch it happen."
)
st.page_link(page_file(LEARN.key), label=LEARN.what, icon=LEARN.icon, query_params=address())

left, right = st.columns(2)
with left, st.container(border=True, height="stretch"):
    st.subheader("See it work first")
    st.write(
        "Phones or laptops? Headstart draws 200 pictures, and Mini, the network that comes with "
        "the app, learns to tell them apart. What it knows of photos stays as it is; only a new "
        "last layer learns. No upload, no internet, a few seconds."
    )
    if st.button("Start with the sample", type="primary", icon=":material/play_arrow:"):
        with guarded():
            use_sample("phones", **FIRST)
            go_to("train")
with right, st.container(border=True, height="stretch"):
    st.subheader("Use your own pictures")
    st.write(
        "A folder with one sub-folder per class, for example *cats* and *dogs*, or a zip of it."
    )
    next_step("data", "Bring your pictures")

columns = st.columns(len(STEPS) - 1)
for column, step in zip(columns, STEPS[1:], strict=True):
    with column, st.container(border=True, height="stretch"):
        st.page_link(
            page_file(step.key), label=f"**{step.heading}**", icon=step.icon, query_params=address()
        )
        st.caption(step.what)

if count := store().count_runs(without=FACT):
    st.subheader("Your runs")
    with guarded():
        show_runs(most=NEWEST, without=FACT)
    if count > NEWEST:
        link_to_runs()
st.caption(
    f"Pictures and models stay on this machine, in `{workspace().root}`. Nothing is sent anywhere. "
    "A backbone's weights and public picture sets are downloaded when you choose one that is not "
    "here yet."
)
st.page_link(page_file(STORAGE.key), label=STORAGE.what, icon=STORAGE.icon, query_params=address())
