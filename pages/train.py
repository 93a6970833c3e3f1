"""Train: what will be done and why, live curves, and how it ended."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import guarded, next_step
from pages.shared.listing import link_to_runs
from pages.shared.live import show_run
from pages.shared.settings import settings
from pages.shared.state import (
    choose,
    chosen_card,
    chosen_config,
    chosen_dataset,
    chosen_run,
    engine,
    store,
)
from pages.shared.wording import NOTHING_FROZEN, PLACES, RECIPES
from tl_core.errors import HeadstartError
from tl_core.runs.devices import expected_device
from tl_core.training.phases import plan

with suppress(HeadstartError):  # what trains says so itself; the rest of the page stays
    engine().warm()
dataset, card, run = chosen_dataset(), chosen_card(), chosen_run()

if run is not None:
    with guarded():
        run = show_run(run.id)
    if not run.is_over:
        st.stop()
    st.divider()

st.header("Train" if run is None else "Train again")
if dataset is None:
    next_step("data", "Go to Data")
    st.info("Choose pictures first; training needs something to learn from.")
elif card is None:
    next_step("backbone", "Go to Backbone")
    st.info("Choose a backbone first; it is what your pictures will be taught to.")
else:
    place = st.container()
    left, right = st.columns([1, 4])
    with right:
        config = settings(chosen_config(card, dataset))
    device = expected_device(store(), config)
    todo = plan(config, card, len(dataset.of("train")), device)
    title, story = RECIPES[todo.recipe]
    frozen = card.stage_names[: todo.cut]
    place.markdown(
        f"**{on_page(dataset.name)}** ({len(dataset.classes)} classes, "
        f"{len(dataset.of('train'))} pictures to learn from) · **{card.title}** · **{title}** · "
        + (f"frozen up to **{frozen[-1]}**" if frozen else "nothing frozen")
    )
    place.caption(story if frozen or todo.recipe != "fine-tune" else NOTHING_FROZEN)
    if left.button("Start training", type="primary", icon=":material/play_arrow:"):
        choose(run=engine().submit(config, dataset_name=dataset.name))
        st.rerun()
    with st.expander("Nothing needs to be set. What was chosen for you, and why"):
        st.caption(f"For training on {PLACES[device]}.")
        for reason in todo.reasons:
            st.markdown(f"**{reason.setting}: {reason.value}** · {reason.why}.")
if run is None:
    link_to_runs()
