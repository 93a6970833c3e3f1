"""A dataset shown: counts, the split, what was left out, and the pictures."""

from __future__ import annotations

import streamlit as st

from pages.shared import charts
from pages.shared.escape import on_page
from pages.shared.state import workspace
from tl_core.data.dataset import Dataset
from tl_core.data.decode import thumbnail

_PAGE = 24


def show_dataset(dataset: Dataset) -> None:
    """Show one dataset."""
    counts, splits = dataset.counts(), dataset.split_counts()
    st.subheader(on_page(dataset.name))
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
        else "Headstart divided the pictures, 70 % to learn from, 15 % to check with and 15 % for "
        "the final test. The division belongs to the pictures and never changes between runs."
    )
    if dataset.skipped:
        with st.expander(f"{len(dataset.skipped)} files were left out"):
            st.dataframe(
                [{"file": s.path, "why": s.reason} for s in dataset.skipped],
                hide_index=True,
            )
    st.plotly_chart(charts.class_counts(counts), key="counts", config={"displayModeBar": False})
    label = st.selectbox(
        "Look at the pictures of", range(len(counts)), format_func=lambda i: dataset.classes[i]
    )
    items = [item for item in dataset.items if item.label == label]
    pages = -(-len(items) // _PAGE)
    page = st.number_input(f"Page (of {pages})", 1, pages, 1) if pages > 1 else 1
    shown = items[(page - 1) * _PAGE : page * _PAGE]
    grid = st.columns(8)
    for place, item in enumerate(shown):
        picture = thumbnail(dataset.path(item), workspace().cache)
        grid[place % 8].image(str(picture), width="stretch")
