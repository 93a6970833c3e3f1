"""Predictions as people read them: the picture, the best classes, their shares."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.state import predictor, workspace
from pages.shared.trying import Tried
from tl_core.data.decode import thumbnail
from tl_core.runs.predicting import Answer
from tl_core.runs.store import Run

_ACROSS, _BEST = 4, 3


def show_answers(run: Run, pictures: Sequence[Tried]) -> None:
    """Predict pictures and show them with their best classes.

    Raises:
        UserError, HeadstartError: see `Predictor.predict`.
    """
    with st.spinner(f"Looking at {len(pictures)} pictures …", show_time=True):
        answers = predictor().predict(Path(run.facts["bundle"]), [p.path for p in pictures])
    for start in range(0, len(pictures), _ACROSS):
        columns = st.columns(_ACROSS)
        row = zip(columns, pictures[start:], answers[start:], strict=False)
        for column, picture, answer in row:
            with column, st.container(border=True):
                _card(picture, answer)


def _card(picture: Tried, answer: Answer) -> None:
    name = on_page(picture.name, 40)
    if answer.reason:
        st.warning(f"{name}: {on_page(answer.reason, 200)}")
        return
    st.image(str(thumbnail(picture.path, workspace().cache, 320)), width="stretch")
    best = list(answer.probabilities.items())[:_BEST]
    st.markdown(f"**{on_page(best[0][0], 40)}**")
    for label, share in best:
        st.progress(share, f"{on_page(label, 30)} · {share:.1%}")
    if picture.truth:
        right = picture.truth == best[0][0]
        st.caption(f"{'✓ right' if right else '✗ wrong'}: it is {on_page(picture.truth, 30)}")
    else:
        st.caption(name)
