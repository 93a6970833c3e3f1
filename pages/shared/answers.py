"""Predictions as people read them: the picture, the best classes, their shares, and doubts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.small import show_small, tiles
from pages.shared.state import asker, predictor
from pages.shared.trying import Tried
from pages.shared.wording import DOUBTED
from tl_core.bundles.archive import read_manifest
from tl_core.errors import UserError
from tl_core.runs.batch import BEST
from tl_core.runs.predictor.predicting import Answer
from tl_core.words import count

_WIDTH = 256  # pixels; four in a row on a laptop


def show_answers(bundle: Path, pictures: Sequence[Tried]) -> None:
    """Predict pictures and show them with their best classes.

    Raises:
        UserError, HeadstartError: see `Predictor.predict`.
    """
    with st.spinner(f"Looking at {count(len(pictures), 'picture')} …", show_time=True):
        answers = predictor().predict(bundle, [p.path for p in pictures], asker())
    white = _white_of(bundle)
    for picture, answer, tile in zip(pictures, answers, tiles(_WIDTH, border=True), strict=False):
        with tile:
            _card(picture, answer, white)


def _white_of(bundle: Path) -> int:
    try:
        return read_manifest(bundle).preprocessing.white
    except UserError:  # it went after it answered: the pictures are shown as files alone tell
        return 0


def _card(picture: Tried, answer: Answer, white: int) -> None:
    name = on_page(picture.name, 40)
    if answer.reason:
        st.warning(f"{name}: {on_page(answer.reason, 200)}")
        return
    show_small(picture.path, picture.name, picture.truth, 320, white)
    guess = on_page(answer.best, 40)
    if answer.doubts:
        said, why = DOUBTED[answer.doubts[-1]]
        st.markdown(f":material/help: **{said}**", help=why)
        st.caption(f"If it is one of the classes, then most likely {guess}.")
    else:
        st.markdown(f"**{guess}**")
    for label, share in list(answer.probabilities.items())[:BEST]:
        st.progress(min(share, 1.0), f"{on_page(label, 30)} · {share:.1%}")
    if picture.truth:
        right = picture.truth == answer.best
        st.caption(f"{'✓ right' if right else '✗ wrong'}: it is {on_page(picture.truth, 30)}")
    else:
        st.caption(name)
