"""A dataset shown: counts, the split, sizes, and the pictures as people and networks see them."""

from __future__ import annotations

from statistics import median

import streamlit as st

from pages.shared import charts
from pages.shared.escape import on_page
from pages.shared.findings import show_findings
from pages.shared.frame import guarded
from pages.shared.grid import show_grid
from pages.shared.preview import show_preview
from pages.shared.state import chosen_card, workspace
from tl_core.backbones.card import Preprocessing
from tl_core.data.dataset import Dataset, find_dataset
from tl_core.data.scan import kept_findings
from tl_core.data.sketches import sizes
from tl_core.errors import UserError
from tl_core.escape import csv_cell
from tl_core.evaluation.interval import say_beforehand


def show_dataset(dataset: Dataset) -> None:
    """Show one dataset."""
    st.subheader(on_page(dataset.name))
    _numbers(dataset)
    if dataset.reading:
        st.caption(f"How it was read: {on_page(dataset.reading, 600)}.")
    if parent := _parent(dataset):
        st.caption(
            f"A version of {on_page(parent.name, 40)}, which stays as it is; it stands under "
            "“Here already”."
        )
    if dataset.erased:
        st.caption(f"Erased from it: {len(dataset.erased)} pictures.")
    if dataset.skipped:
        with st.expander(f"{len(dataset.skipped):,} files were left out"):
            # As cells of a table: the browser offers to save it as one.
            st.dataframe(
                [{"file": csv_cell(s.path), "why": csv_cell(s.reason)} for s in dataset.skipped],
                hide_index=True,
            )
    st.plotly_chart(
        charts.class_counts(dataset.class_split_counts()),
        key="counts",
        config={"displayModeBar": False},
    )
    show_findings(dataset)
    _look(dataset)


def _parent(dataset: Dataset) -> Dataset | None:
    try:
        return find_dataset(workspace(), dataset.parent) if dataset.parent else None
    except UserError:
        return None


def _numbers(dataset: Dataset) -> None:
    splits = dataset.split_counts()
    columns = st.columns(4)
    columns[0].metric("Pictures", len(dataset.items))
    columns[1].metric("To learn from", splits["train"], help="Training pictures.")
    columns[2].metric(
        "To check with",
        splits["validation"],
        help="Validation pictures: never learned from, so they tell how good the network is.",
    )
    columns[3].metric(
        "For the final test",
        splits["test"],
        help="Test pictures: used once, when training has ended.",
    )
    st.caption(
        "This division came with your folders and is kept as it is."
        if dataset.given_split
        else "Headstart divided the pictures: of each class most to learn from, and some of "
        "the others to check with and for the final test, as counted above. The division belongs "
        "to the pictures and never changes between runs; pictures that are nearly the same stay "
        "together."
    )
    st.caption(
        f"How far the figures can be trusted: {on_page(say_beforehand(splits['validation']), 300)}"
    )


@st.fragment
def _look(dataset: Dataset) -> None:
    st.subheader("Look at the pictures")
    items = show_grid(dataset)
    seen, large = st.tabs(["What the network sees", "How large the pictures are"], key="looking")
    with seen, guarded():
        if items:
            show_preview(dataset, items)
    with large:
        _sizes(dataset)


def _sizes(dataset: Dataset) -> None:
    if kept_findings(workspace(), dataset) is None:
        st.caption("The sizes are known when the pictures have been checked.")
        return
    found = _kept_sizes(
        f"{dataset.id}-{len(dataset.erased)}", tuple(item.file for item in dataset.items)
    )
    card = chosen_card()
    network = (card.preprocessing if card else Preprocessing()).size
    shorter = tuple(min(size) for size in found) or (0,)
    st.caption(
        f"Shorter sides from {min(shorter)} to {max(shorter):,} pixels, half of them "
        f"{median(shorter):,.0f} or more. Each picture is brought to the {network} that the "
        "network sees; much smaller ones are enlarged and look soft."
    )
    figure = charts.picture_sizes(shorter, network)
    st.plotly_chart(figure, key="sizes", config={"displayModeBar": False})


@st.cache_data(max_entries=16, show_spinner=False)
def _kept_sizes(dataset: str, _files: tuple[str, ...]) -> list[tuple[int, int]]:
    del dataset  # the key: with what was erased, it says which pictures there are
    return sizes(workspace().cache, _files)
