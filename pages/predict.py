"""Predict: try a finished model on new pictures."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared.answers import show_answers
from pages.shared.escape import on_page
from pages.shared.explaining import show_explanations
from pages.shared.frame import guarded, next_step
from pages.shared.state import choose, chosen_run, predictor, store, workspace
from pages.shared.trying import sample_pictures, uploaded_pictures
from tl_core.backbones.catalog import find_card

st.header("Try it on new pictures")
runs = {run.id: run for run in store().runs() if run.facts.get("bundle")}
if not runs:
    st.info("There is no trained model yet. Train one first; the sample takes about a minute.")
    next_step("train", "Go to Train")
    st.stop()

predictor().warm()
current = chosen_run()
ids = list(runs)
picked = st.selectbox(
    "Model",
    ids,
    ids.index(current.id) if current and current.id in runs else 0,
    format_func=lambda run: (
        f"{runs[run].facts['dataset_name']} · {find_card(runs[run].config.backbone).title} · "
        f"{runs[run].facts['validation_accuracy']:.0%} of validation pictures right · {run[:6]}"
    ),
)
if current is None or picked != current.id:
    choose(run=picked)
run = runs[picked]
classes = ", ".join(on_page(name, 30) for name in run.facts["classes"][:20])
st.caption(f"It knows these classes and no others: {classes}")

HELD, UPLOAD, CAMERA = "Pictures it never learned from", "Upload pictures", "Camera"
way = st.segmented_control(
    "Pictures from", [HELD, UPLOAD, CAMERA], default=HELD, required=True,
    label_visibility="collapsed",
)  # fmt: skip
with guarded():
    if way == HELD:
        pictures = sample_pictures(workspace(), run)
        if pictures:
            st.caption("From the test pictures, or the validation pictures where there are none.")
        else:
            st.info("The pictures of this run are no longer here; upload some instead.")
    elif way == UPLOAD:
        files = st.file_uploader("Pictures", accept_multiple_files=True, key="predict-files")
        pictures = uploaded_pictures(workspace(), files)
    else:
        shot = st.camera_input("The browser asks you first. It works on this machine, or by https.")
        pictures = uploaded_pictures(workspace(), [shot] if shot else [])
    if pictures:
        show_answers(run, pictures)
        card = find_card(run.config.backbone)
        show_explanations(Path(run.facts["bundle"]), card, run.facts["classes"], pictures)
