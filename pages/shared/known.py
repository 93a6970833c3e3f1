"""Datasets that are here already, the newest version of each first."""

from __future__ import annotations

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import shown_alone
from pages.shared.state import choose, workspace
from tl_core import words
from tl_core.data.dataset import Dataset, damaged_folders, list_datasets


def show_known() -> None:
    """Show every dataset as a button; versions that others were made of stand apart."""
    datasets = list_datasets(workspace())
    if damaged := damaged_folders(workspace()):
        st.caption(
            f":material/warning: {words.count(len(damaged), 'dataset')} cannot be shown: its "
            "description is missing or damaged. The Storage page can delete it; import the "
            "pictures again."
        )
    if not datasets:
        st.info("Nothing is here yet: upload a folder or an archive, or use a sample.")
        return
    parents = {dataset.parent for dataset in datasets}
    for dataset in datasets:
        if dataset.id not in parents:
            _button(dataset)
    earlier = [dataset for dataset in datasets if dataset.id in parents]
    if earlier:
        with st.expander(f"Earlier versions: {len(earlier)}"):
            for dataset in earlier:
                _button(dataset)


def _button(dataset: Dataset) -> None:
    with shown_alone(dataset.name):
        _choose(dataset)


def _choose(dataset: Dataset) -> None:
    label = (
        f"{on_page(dataset.name, 40)} · {len(dataset.classes)} classes · "
        f"{len(dataset.items)} pictures"
    )
    if st.button(label, key=f"known{dataset.id}"):
        choose(data=dataset.id, run="")
        st.rerun()
