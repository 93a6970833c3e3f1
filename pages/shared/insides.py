"""What became of a run's backbone: a map of its pictures, how far stages moved, first filters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import streamlit as st

from pages.shared import insides_figures as figures
from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.small import show_small
from pages.shared.state import predictor, workspace
from pages.shared.waiting import finished
from pages.shared.wording import EXPLAINING
from tl_core.backbones.catalog import find_card
from tl_core.data.dataset import Dataset, Item, find_dataset
from tl_core.errors import UserError
from tl_core.evaluation.embedding import how_many, say_alike
from tl_core.evaluation.explanation import PictureMap
from tl_core.evaluation.moved import say_moved
from tl_core.evaluation.painting import tiles
from tl_core.runs.locate import bundle_of
from tl_core.runs.predictor import explanations as ask
from tl_core.runs.store import Run

_MAP, _MOVED, _FILTERS = "A map of your pictures", "How far each stage moved", "Its first filters"
_TSNE, _PCA = "Neighbours (t-SNE)", "Largest differences (PCA)"


@st.fragment
def show_insides(run: Run) -> None:
    """Show what training made of the backbone of a run that has a bundle."""
    st.subheader("What became of the backbone")
    view = st.segmented_control(
        "Look at", [_MAP, _MOVED, _FILTERS], key="insides", label_visibility="collapsed"
    )
    bundle = bundle_of(workspace(), run)
    with guarded():
        if view == _MAP:
            _map(run, bundle)
        elif view == _MOVED:
            _moved(run)
        elif view == _FILTERS:
            _filters(bundle)
        else:
            st.caption(EXPLAINING["choose"])


def _map(run: Run, bundle: Path) -> None:
    try:
        dataset = find_dataset(workspace(), run.config.dataset)
    except UserError:
        st.info("The pictures of this run are no longer here, so there is no map of them.")
        return
    items = ask.items_on_map(dataset, how_many(find_card(run.config.backbone).gmac))
    job = ask.picture_map(
        predictor(), bundle, run.config,
        [dataset.path(item) for item in items], [item.label for item in items],
    )  # fmt: skip
    found = finished(job, f"Looking at {len(items)} pictures, before and after training")
    if found is None:
        return
    shown = [items[place] for place in found.found]
    _draw(run, dataset, shown, found)


def _draw(run: Run, dataset: Dataset, items: Sequence[Item], found: PictureMap) -> None:
    method = st.segmented_control(
        "Drawn by", [_TSNE, _PCA], default=_TSNE, required=True, label_visibility="collapsed"
    )
    learned = len(run.facts["frozen_stages"]) < len(find_card(run.config.backbone).stages)
    said = say_alike(*found.alike, learned=learned)
    st.write(on_page(said, 300))
    times = ["before training", "after training"] if learned else ["after training"]
    for column, time in zip(st.columns(len(times)), times, strict=True):
        points = found.points[int(time == "after training"), int(method == _TSNE)]
        column.markdown(f"**{time.capitalize()}**")
        column.plotly_chart(
            figures.picture_map(points, items, dataset.classes),
            key=f"map-{time}-{run.id}",
            on_select=lambda time=time: _open(f"map-{time}-{run.id}", run),
            selection_mode="points",
            config={"displayModeBar": False},
        )
    share = f"{found.shown[0]:.0%} before and {found.shown[1]:.0%} after"
    share = share if learned else f"{found.shown[1]:.0%}"
    st.caption(EXPLAINING["map"] + " "
               + EXPLAINING["tsne" if method == _TSNE else "pca"].format(shown=share))  # fmt: skip
    _picture(run, dataset, items)


def _open(key: str, run: Run) -> None:
    place = figures.chosen_point(st.session_state[key]["selection"])
    if place is not None:
        st.session_state[f"point-{run.id}"] = place


def _picture(run: Run, dataset: Dataset, items: Sequence[Item]) -> None:
    left, right = st.columns([1, 2])
    with right:
        place = st.selectbox(
            "Picture", range(len(items)), index=None, key=f"point-{run.id}",
            format_func=lambda place: f"{place + 1}: {items[place].name}",
            placeholder="Choose one, or click a point",
        )  # fmt: skip
        if place is None:
            return
        item = items[place]
        use = "validation picture" if item.split == "validation" else "learned from"
        st.caption(f"**{on_page(dataset.classes[item.label], 40)}**, {use}")
    with left:
        show_small(dataset.path(item), item.name, dataset.classes[item.label], 320, dataset.white)


def _moved(run: Run) -> None:
    shares, frozen = run.facts.get("moved"), len(run.facts["frozen_stages"])
    if not shares:
        st.info(EXPLAINING["moved unknown"])
        return
    st.write(on_page(say_moved(shares, frozen), 300))
    st.plotly_chart(
        figures.movement(shares, frozen), key=f"moved-{run.id}", config={"displayModeBar": False}
    )
    st.caption(EXPLAINING["moved"])


def _filters(bundle: Path) -> None:
    found = finished(ask.first_filters(predictor(), bundle), "Reading the filters")
    if found is not None:
        st.image(tiles(found, 16, 56), alt=EXPLAINING["alt filters"])
        st.caption(EXPLAINING["filters"])
