"""What a run's curves show, and the run to try next."""

from __future__ import annotations

import streamlit as st

from pages.shared import charts
from pages.shared.escape import on_page
from pages.shared.starting import start
from pages.shared.state import address, store, workspace
from pages.shared.steps import page_file
from pages.shared.wording import SIGNS, STATES
from tl_core.backbones.catalog import find_card
from tl_core.data.dataset import find_dataset
from tl_core.errors import UserError
from tl_core.evaluation.reading import Suggestion, read_curves, suggest, unfreezing_gained
from tl_core.runs.devices import trained_on
from tl_core.runs.store import Run
from tl_core.training.events import EpochEnded
from tl_core.training.phases import plan


def show_advice(run: Run) -> None:
    """Show the curves, what they say, and a button that starts the suggested next run."""
    told = store().milestones(run.id)
    ended = [item for item in told if isinstance(item.event, EpochEnded)]
    epochs = [item.event for item in ended if isinstance(item.event, EpochEnded)]
    reading = read_curves(epochs)
    with st.container(border=True):
        st.markdown(f"**{SIGNS[reading.sign]}.** {on_page(reading.says, 500)}")
        try:
            dataset = find_dataset(workspace(), run.config.dataset)
        except UserError:
            st.caption("The pictures of this run are no longer here, so no next run is suggested.")
            return
        card = find_card(run.config.backbone)
        done = plan(run.config, card, len(dataset.of("train")), trained_on(run))
        found = suggest(
            reading.sign, run.config, done, card, more_may_learn=unfreezing_gained(epochs)
        )
        if found is None:
            st.write("More or more varied pictures to learn from are what helps now.")
        else:
            _offer(found, dataset.name, run)
    if ended:
        events = [item.event for item in told]
        loss, accuracy = charts.curves(run, ended[-1].number, events)
        with st.expander("The curves"):
            left, right = st.columns(2)
            left.plotly_chart(loss, key="validate-loss", config={"displayModeBar": False})
            right.plotly_chart(accuracy, key="validate-accuracy", config={"displayModeBar": False})


def _offer(found: Suggestion, dataset_name: str, run: Run) -> None:
    same = next((other for other in store().runs() if other.config == found.config), None)
    before = run.facts.get("validation_accuracy")
    after = None if same is None else same.facts.get("validation_accuracy")
    if before is not None and after is not None and after <= before:
        st.markdown(
            f"**{on_page(found.says)}** was tried already and brought no more: {after:.0%} of the "
            f"validation pictures right, and {before:.0%} here."
        )
    else:
        st.markdown(f"Try next: **{on_page(found.says)}**. {on_page(found.why, 300)}")
    if same is None:
        if st.button("Start that run", icon=":material/play_arrow:", key="suggested"):
            start(found.config, dataset_name)
        return
    st.page_link(
        page_file("train"),
        label=f"Such a run is here already: {STATES[same.state].lower()}",
        icon=":material/show_chart:",
        query_params=address() | {"run": same.id},
    )
