"""The network of a run that has ended, each stage coloured by how far its weights moved."""

from __future__ import annotations

import streamlit as st

from pages.shared.drawing import draw_moved
from pages.shared.escape import on_page
from pages.shared.freeze_line import show_drawing
from pages.shared.wording import EXPLAINING
from tl_core.backbones.catalog import find_card
from tl_core.evaluation.moved import say_moved
from tl_core.runs.store import Run


def show_moved(run: Run) -> None:
    """Show what a run made of its backbone's stages: drawn, in a sentence, and as a table.

    A run that noted nothing of it, because it is not over or has no model, shows nothing.
    """
    shares, facts = run.facts.get("moved"), run.facts
    if not run.is_over or not shares:
        return
    card, frozen = find_card(run.config.backbone), len(facts["frozen_stages"])
    st.subheader(f"How far its stages moved in run {run.id[:6]}")
    show_drawing(draw_moved(card, shares, frozen, len(facts["classes"])), f"moved-drawing-{run.id}")
    st.write(on_page(say_moved(shares, frozen), 300))
    with st.expander("The same as a table"):
        st.dataframe(
            {
                "stage": list(shares),
                "it was": ["frozen" if k < frozen else "learning" for k in range(len(shares))],
                "its weights moved by": list(shares.values()),
            },
            column_config={"its weights moved by": st.column_config.NumberColumn(format="percent")},
            hide_index=True,
        )
        st.caption(EXPLAINING["moved"])
