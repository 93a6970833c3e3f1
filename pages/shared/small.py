"""Pictures, small, beside each other and described; or why one cannot be shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.shared.escape import on_page, shorten
from pages.shared.state import workspace
from tl_core.data.decode import small_copy, thumbnail
from tl_core.errors import UnreadableImageError, UserError


def tiles(width: int = 108, *, border: bool = False) -> Iterator[DeltaGenerator]:
    """Yield places beside each other, as many in a row as the window has room for.

    Columns would stand below each other on a phone, each as wide as the screen.
    """
    row = st.container(horizontal=True, gap="small")
    while True:
        yield row.container(width=width, border=border)


def show_small(path: Path, name: str, label: str = "", side: int = 160, white: int = 0) -> None:
    """Show a small copy of a picture; where it cannot be read, its name and why.

    Args:
        path: of the stored picture.
        name: that it came with.
        label: its class, where it is known.
        side: of the square that the copy fits into, in pixels.
        white: of its dataset, see `tl_core.data.deep`.
    """
    try:
        small = _small(path, side, white)
    except UnreadableImageError as error:
        st.caption(on_page(f"{name}: {error}", 200))
        return
    st.image(small, width="stretch", alt=in_words(name, label))


def _small(path: Path, side: int, white: int) -> str | bytes:
    """Return a small copy of a picture: as it is kept, or made for this time alone."""
    try:
        return str(thumbnail(path, workspace().cache, side, white))
    except UnreadableImageError:
        raise
    except (OSError, UserError):  # it cannot be kept: a full disk, somebody else's folder
        return small_copy(path, side, white)


def in_words(name: str, label: str = "") -> str:
    """Say which picture it is, for whoever cannot see it: its class, if known, and its file.

    >>> in_words("train/bees/17.jpg", "bees"), in_words("17.jpg")
    ('bees, 17.jpg', '17.jpg')
    """
    file = name.replace("\\", "/").rpartition("/")[2]
    return shorten(f"{label}, {file}" if label else file, 120)
