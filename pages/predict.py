"""Predict: try a finished model, or one that someone sent, on new pictures."""

from __future__ import annotations

import streamlit as st

from pages.shared.answers import show_answers
from pages.shared.explaining import show_explanations
from pages.shared.frame import guarded, next_step
from pages.shared.many import bring_many, last_brought, show_table
from pages.shared.opening import bring_model, choose_opened, show_told
from pages.shared.state import predictor, workspace
from pages.shared.taking_along import show_taking_along
from pages.shared.trying import Tried, sample_pictures, uploaded_pictures
from tl_core.runs.brought import Taken

AS_CARDS = 24
"""Uploaded pictures that are shown one beside the other; more become a table."""

st.header("Try it on new pictures")
predictor().warm()
opened = None
with guarded():
    opened = choose_opened()
    if opened is None:
        st.info("There is no trained model yet. Train one first; the sample takes a few seconds.")
        next_step("train", "Go to Train")
if opened is None:
    bring_model(expanded=True)
    st.stop()
with guarded():
    show_told(opened)

HELD, UPLOAD, MANY, CAMERA = (
    "Pictures it never learned from", "Upload pictures", "A folder or an archive", "Camera",
)  # fmt: skip
ways = [HELD, UPLOAD, MANY, CAMERA] if opened.run else [UPLOAD, MANY, CAMERA]
# Whoever reloads the page goes on where they were; settled once, so that it stays what is chosen.
first = st.session_state.setdefault("predict_first", MANY if last_brought() else ways[0])
way = st.segmented_control(
    "Pictures from", ways, default=first if first in ways else ways[0], required=True,
    label_visibility="collapsed",
)  # fmt: skip
pictures: list[Tried] = []
with guarded():
    if way == HELD and opened.run:
        pictures = sample_pictures(workspace(), opened.run)
        if pictures:
            st.caption("From the test pictures, or the validation pictures where there are none.")
        else:
            st.info("The pictures of this run are no longer here; upload some instead.")
    elif way == UPLOAD:
        files = st.file_uploader("Pictures", accept_multiple_files=True, key="predict-files")
        pictures = uploaded_pictures(workspace(), files)
    elif way == CAMERA:
        shot = st.columns(2)[0].camera_input(
            "The browser asks you first. It works on this machine, or by https."
        )
        pictures = uploaded_pictures(workspace(), [shot] if shot else [])
    if way == MANY:
        pictures = show_table(opened, bring_many())
    elif len(pictures) > AS_CARDS:
        pictures = show_table(opened, [Taken(picture.name, picture.path) for picture in pictures])
    if len(pictures) == 1:
        left, right = st.columns([3, 8], gap="medium")
        with left:
            show_answers(opened.bundle, pictures)
        with right:
            show_explanations(opened.bundle, opened.card, opened.classes, pictures)
    elif pictures:
        show_answers(opened.bundle, pictures)
        show_explanations(opened.bundle, opened.card, opened.classes, pictures)
st.divider()
with guarded():
    show_taking_along(opened)
bring_model()
