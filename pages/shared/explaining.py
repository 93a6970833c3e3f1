"""Why a model decided so: where it looked in a picture, and what its stages make of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from pages.shared.escape import on_page
from pages.shared.state import predictor
from pages.shared.trying import Tried
from pages.shared.waiting import finished
from pages.shared.wording import EXPLAINING
from tl_core.backbones.card import Card
from tl_core.evaluation.explanation import Activations, Attention
from tl_core.evaluation.occlusion import say_agreement
from tl_core.evaluation.painting import overlay, tiles
from tl_core.runs.predictor import explanations as ask
from tl_core.runs.predictor.jobs import Job

_LOOKED, _STAGE = "Where it looked", "What a stage makes of it"
_CLASSES = 20  # in the list to choose from, likeliest first
_ACROSS, _TILE = 6, 120


@st.fragment
def show_explanations(
    bundle: Path, card: Card, classes: Sequence[str], pictures: Sequence[Tried]
) -> None:
    """Show why a model says what it says of one of these pictures.

    Args:
        bundle: the model.
        card: of its backbone.
        classes: names in the model's order.
        pictures: to choose from; there is at least one.
    """
    st.subheader("Why does it say so?")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        place = 0 if len(pictures) == 1 else st.selectbox(
            "Picture", range(len(pictures)), format_func=lambda place: _name(pictures, place)
        )  # fmt: skip
        view = st.segmented_control(
            "Look at", [_LOOKED, _STAGE], key="explained", label_visibility="collapsed"
        )
    if view == _LOOKED:
        _looked(bundle, classes, pictures[place].path)
    elif view == _STAGE:
        picture = pictures[place].path
        show_stage(card, lambda stage: ask.activations(predictor(), bundle, picture, stage))
    else:
        st.caption(EXPLAINING["choose"])


def _name(pictures: Sequence[Tried], place: int) -> str:
    picture = pictures[place]
    return " · ".join(filter(None, [str(place + 1), picture.truth, picture.name]))


def _looked(bundle: Path, classes: Sequence[str], picture: Path) -> None:
    best = finished(ask.attention(predictor(), bundle, picture), "Following the answer back")
    if best is None:
        return
    likely = [int(label) for label in np.argsort(-best.shares, kind="stable")[:_CLASSES]]
    left, right = st.columns(2, vertical_alignment="bottom")
    label = left.selectbox(
        "What speaks for", likely,
        format_func=lambda label: f"{classes[label]} ({best.shares[label]:.1%})",
    )  # fmt: skip
    checks = right.toggle("Check it by covering places", help=EXPLAINING["cover"], key="covered")
    left, middle, right = st.columns(3)
    left.image(best.picture, width="stretch", alt=EXPLAINING["alt seen"])
    left.caption("What the network sees of the picture.")
    with middle:
        job = ask.attention(predictor(), bundle, picture, classes[label])
        found = best if label == best.label else finished(job, "Following the answer back")
        if found is not None:
            st.image(
                overlay(found.picture, found.heat), width="stretch", alt=EXPLAINING["alt heat"]
            )
            name = on_page(classes[label], 30)
            told = EXPLAINING["attention" if found.heat.any() else "nothing"]
            st.caption(f"**Where it looked for {name}.** {told}")
    with right:
        if checks:
            _covering(bundle, picture, classes[label], best)


def _covering(bundle: Path, picture: Path, name: str, seen: Attention) -> None:
    job = ask.covering(predictor(), bundle, picture, name)
    found = finished(job, "Covering one place after another")
    if found is None:
        return
    st.image(overlay(seen.picture, found.heat), width="stretch", alt=EXPLAINING["alt covered"])
    st.write(on_page(say_agreement(found.agreement, found.drop), 400))
    cost = f"**Covering the brightest place costs {max(found.drop, 0):.0%}.** "
    st.caption(cost + EXPLAINING["covering"])


def show_stage(card: Card, asked: Callable[[str], Job[Activations]]) -> None:
    """Show what a stage, to be chosen, makes of a picture.

    Args:
        card: of the backbone.
        asked: asks for what a stage makes, by its name.
    """
    stage = st.select_slider("Stage", card.stage_names, key=f"stage-{card.name}")
    seen = finished(asked(stage), "Passing the picture through")
    if seen is None:
        return
    left, right = st.columns([1, 3])
    if not seen.mean.size:
        squares = seen.values[: len(seen.values) // 32 * 32].reshape(1, -1, 32)
        left.image(tiles(squares, 1, 2 * _TILE), width="stretch", alt=EXPLAINING["alt numbers"])
        right.write(f"**{len(seen.values)} numbers.** " + EXPLAINING["vector"])
        return
    left.image(tiles(seen.mean[None], 1, 2 * _TILE), width="stretch", alt=EXPLAINING["alt mean"])
    left.caption(f"The mean of all {len(seen.values)} channels of {on_page(stage)}")
    right.image(
        tiles(seen.strongest, _ACROSS, _TILE), width="stretch", alt=EXPLAINING["alt strongest"]
    )
    numbers = ", ".join(str(number + 1) for number in seen.numbers)
    right.caption(f"The channels that answer most: {numbers}. " + EXPLAINING["stage"])
