"""Erasing pictures from every version, after a question that says what goes."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared.confirming import confirm
from pages.shared.escape import on_page
from pages.shared.small import show_small, tiles
from pages.shared.state import store, workspace
from tl_core import words
from tl_core.data.dataset import Dataset, Item
from tl_core.data.erase import versions_with
from tl_core.runs.storage import erase_pictures, why_not_erased

_SHOWN = 6


def ask_to_erase(dataset: Dataset, items: Sequence[Item]) -> None:
    """Show the button that erases pictures everywhere; where it is disabled, with the reason."""
    files = sorted({item.file for item in items})
    reason = why_not_erased(workspace(), store(), files)
    count = words.count(len(files), "picture")
    if st.button(
        f"Erase {count} from every version …",
        disabled=bool(reason),
        icon=":material/delete_forever:",
        key=f"erase-{dataset.id}",
    ):
        _dialog(dataset, items)
    st.caption(
        on_page(reason, 300)
        if reason
        else "For pictures that must not stay, because somebody asked for it, say. It cannot be "
        "undone."
    )


@st.dialog("Erase from every version?")
def _dialog(dataset: Dataset, items: Sequence[Item]) -> None:
    files = sorted({item.file for item in items})
    for item, tile in zip(items[:_SHOWN], tiles(), strict=False):
        with tile:
            show_small(
                dataset.path(item), item.name, dataset.classes[item.label], white=dataset.white
            )
    versions = versions_with(workspace(), files)
    st.markdown(
        f"{len(files)} picture{' goes' if len(files) == 1 else 's go'} from "
        f"{', '.join(on_page(version.name, 40) for version in versions)}, with all small copies "
        "and everything that was computed of it; what is needed of other pictures is computed "
        "again. Models that learned from it stay as they are, and their runs say that it was "
        "erased. **It cannot be undone.**"
    )
    confirm("Erase", lambda: _erase(files))


def _erase(files: Sequence[str]) -> str:
    count = erase_pictures(workspace(), store(), files)
    return f"Erased from {words.count(count, 'version')} of the pictures."
