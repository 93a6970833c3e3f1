"""Backbone: pick a network, read its card, and set the freeze line."""

from __future__ import annotations

import streamlit as st

from pages.shared.frame import guarded, next_step
from pages.shared.freeze_line import draw_network, freeze_line, show_counters
from pages.shared.moved_stages import show_moved
from pages.shared.network import bring_weights, pick_backbone, show_card
from pages.shared.state import brought_weights, choose, chosen_config, chosen_dataset, chosen_run
from pages.shared.wording import GLOSSARY, RECIPES

st.header("Pick a network that can already see")
st.markdown(f"**Backbone**: {GLOSSARY['backbone']}")
card = pick_backbone()
show_card(card)
with guarded():
    bring_weights(card)

st.subheader("How should it learn?")
with_weights = card.weights is not None or brought_weights() is not None
recipes = list(RECIPES) if with_weights else ["scratch"]
recipe = str(
    st.segmented_control(
        "Recipe",
        recipes,
        format_func=lambda name: RECIPES[name][0],
        default=chosen_config(card).recipe,
        key=f"recipe-{card.name}-{with_weights}",
        label_visibility="collapsed",
        required=True,
    )
)
if recipe != chosen_config(card).recipe:
    choose(recipe=recipe, freeze="")
st.write(RECIPES[recipe][1])
if not with_weights:
    st.caption(
        f"{card.title} has no pre-trained weights, so the other recipes are not offered: there is "
        "nothing to freeze."
    )

st.subheader("The freeze line")
st.markdown(f"**Stage**: {GLOSSARY['stage']} **Frozen**: {GLOSSARY['freeze']}")
dataset = chosen_dataset()
classes = len(dataset.classes) if dataset else 2
cut = freeze_line(card, recipe)
draw_network(card, recipe, cut, classes)
with guarded():
    show_counters(card, cut, dataset)
run = chosen_run()
if run is not None and run.config.backbone == card.name:
    with guarded():
        show_moved(run)
next_step("train", "Next: train", reason="" if dataset else "First choose pictures in step 1.")
