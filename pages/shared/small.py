"""Pictures, small, beside each other; or why one cannot be shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared.escape import on_page
from pages.shared.state import workspace
from tl_core.data.decode import thumbnail
from tl_core.errors import UnreadableImageError


def tiles(width: int = 108, *, border: bool = False) -> Iterator[DeltaGenerator]:
    """Yield places beside each other, as many in a row as the window has room for.

    Columns would stand below each other on a phone, each as wide as the screen.
    """
    row = st.container(horizontal=True, gap="small")
    while True:
        yield row.container(width=width, border=border)


def show_small(path: Path, name: str = "") -> None:
    """Show a small copy of a picture; where it cannot be read, its name, if given, and why."""
    try:
        st.image(str(thumbnail(path, workspace().cache)), width="stretch")
    except UnreadableImageError as error:
        st.caption(f"{on_page(name, 60)}: {on_page(str(error))}" if name else on_page(str(error)))
