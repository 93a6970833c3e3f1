"""Settings that nobody needs to touch, for those who want to."""

from __future__ import annotations

import streamlit as st

from pages.shared.wording import PLACES
from tl_core.config import AUGMENTS, DEVICES, RunConfig


def settings(config: RunConfig) -> RunConfig:
    """Show the settings and return the configuration with what was changed."""
    with st.popover("Settings", icon=":material/tune:"):
        st.caption("Leave a field empty to have it chosen for you.")
        epochs = st.number_input("Epochs at most", 1, 10_000, None, placeholder="chosen for you")
        batch = st.number_input("Pictures per step", 1, 4096, None, placeholder="chosen for you")
        rate = st.number_input(
            "Learning rate", 1e-6, 10.0, None, format="%.6f", placeholder="chosen for you"
        )
        augment = st.selectbox(
            "Variation of the pictures", AUGMENTS, None, placeholder="chosen for you"
        )
        seed = st.number_input(
            "Seed", 0, 2**31 - 1, 0, help="The same seed gives the same run; another, another."
        )
        device = st.selectbox("Where to train", DEVICES, 0, format_func=PLACES.__getitem__)
    return config.with_(
        epochs=epochs, batch_size=batch, lr=rate, augment=augment, seed=seed, device=device
    )
