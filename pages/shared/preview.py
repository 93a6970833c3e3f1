"""One picture as the network sees it, beside the original."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.small import show_small, tiles
from pages.shared.state import chosen_card, predictor
from tl_core.backbones.card import Preprocessing
from tl_core.config import Augment
from tl_core.data.dataset import Dataset, Item
from tl_core.data.decode import fitted

_LARGE, _VIEWS = 480, 6
_STRENGTHS: dict[str, Augment] = {"a little": "light", "much": "strong"}


def show_preview(dataset: Dataset, items: list[Item]) -> None:
    """Show a picture of these, what a network sees of it, and how training varies it."""
    card = chosen_card()
    preprocessing = (card.preprocessing if card else Preprocessing()).reading(dataset.white)
    number = int(st.number_input(f"Picture (of {len(items)})", 1, len(items), 1, key="preview"))
    item = items[number - 1]
    path = dataset.path(item)
    left, right, _ = st.columns([2, 1, 1])
    with left:
        show_small(path, item.name, dataset.classes[item.label], _LARGE, dataset.white)
        st.caption(f"The picture: {on_page(item.name)}")
    network = card.title if card else "a network"
    right.image(
        fitted(path, preprocessing),
        width="stretch",
        alt=f"The picture as {network} sees it",
    )
    right.caption(
        f"What {network} sees: the middle, {preprocessing.size} × {preprocessing.size} pixels"
    )
    st.write(
        "In training each picture is varied a little differently every epoch, so that the network "
        "learns what stays the same. Pictures to check with are never varied."
    )
    strength = st.segmented_control("How much", list(_STRENGTHS), default="a little")
    if st.button("Show it varied", icon=":material/style:") and strength:
        with guarded(), st.spinner("Starting what varies pictures; the first time takes seconds …"):
            views = _views(path, preprocessing, _STRENGTHS[strength])
            for place, (view, tile) in enumerate(zip(views, tiles(), strict=False), 1):
                tile.image(view, width="stretch", alt=f"The picture varied, {place}")


# Kept, because the person looks at it again; asked of another process, because this one has no
# torch and the variation must be the one of training.
@st.cache_data(max_entries=64, show_spinner=False)
def _views(path: Path, preprocessing: Preprocessing, strength: Augment) -> list[bytes]:
    return predictor().views(path, preprocessing, strength, _VIEWS)
