"""One picture, small, or why it cannot be shown."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.state import workspace
from tl_core.data.decode import thumbnail
from tl_core.errors import UnreadableImageError


def show_small(path: Path, name: str = "") -> None:
    """Show a small copy of a picture; where it cannot be read, its name, if given, and why."""
    try:
        st.image(str(thumbnail(path, workspace().cache)), width="stretch")
    except UnreadableImageError as error:
        st.caption(f"{on_page(name, 60)}: {on_page(str(error))}" if name else on_page(str(error)))
