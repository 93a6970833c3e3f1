"""From a browser's upload, or this machine's disk, to a dataset, with progress on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.state import choose, workspace
from tl_core.data.copying import Progress
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_entries, import_source
from tl_core.data.packed import ENDINGS, archive_stem, is_archive_name, open_archive
from tl_core.data.sources import Entry
from tl_core.errors import HeadstartError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_OWN_NAME = "My pictures"


def upload_folder() -> None:
    """Offer to upload a folder of class folders."""
    files = st.file_uploader(
        "Choose the folder that holds the class folders",
        accept_multiple_files="directory",
        key=f"folder{_turn()}",
        help="For many hundreds of pictures a zip arrives faster than a folder.",
    )
    if files:
        _take_in(lambda tell: _import(files, tell))


def upload_files() -> None:
    """Offer to upload an archive, or pictures with a table that names their classes."""
    files = st.file_uploader(
        f"Choose an archive of the class folders ({', '.join(ENDINGS)})",
        accept_multiple_files=True,
        key=f"files{_turn()}",
        help="Archives with a password, and archives inside the archive, are not opened.",
    )
    st.caption(
        "Instead of class folders there may be a table, labels.csv, in the archive or chosen "
        "together with the pictures: one line for each, its file name, a comma, its class."
    )
    if files:
        _take_in(lambda tell: _import(files, tell))


def import_path(path: Path, within: Path) -> None:
    """Import a folder or an archive of this machine's disk.

    Args:
        path: what.
        within: links that lead out of this folder are not followed.
    """
    _take_in(lambda tell: import_source(workspace(), path, within=within, progress=tell))


def show_upload_error() -> None:
    """Show why the last upload could not be used, until the next one."""
    if error := st.session_state.get("upload_error"):
        st.error(on_page(error, 2000))


def entries_of(files: Sequence[UploadedFile]) -> list[Entry]:
    """Return uploaded files as an import takes them."""
    return [_entry(file) for file in files]


def counted(doing: str) -> tuple[Progress, Callable[[], object]]:
    """Return a function that tells progress on the page, and one that clears it."""
    bar = st.progress(0.0, f"{doing} …")

    def tell(done: int, total: int) -> None:
        of = max(total, done, 1)  # a total that was estimated may grow
        bar.progress(done / of, f"{doing}: {done:,} of {of:,}")

    return tell, bar.empty


def _turn() -> int:
    turn: int = st.session_state.setdefault("upload_turn", 0)
    return turn


def _take_in(work: Callable[[Progress], Dataset]) -> None:
    # A fresh uploader lets go of the memory, whether the pictures could be used or not.
    st.session_state["upload_turn"] = _turn() + 1
    st.session_state["upload_error"] = ""
    tell, clear = counted("Taking in the pictures")
    try:
        choose(data=work(tell).id, run="")
    except HeadstartError as error:
        st.session_state["upload_error"] = str(error)
    finally:
        clear()
    st.rerun()


def _import(files: Sequence[UploadedFile], tell: Progress) -> Dataset:
    first = files[0]
    if len(files) == 1 and is_archive_name(first.name):
        with open_archive(cast("BinaryIO", first)) as entries:
            return import_entries(workspace(), entries, archive_stem(first.name), progress=tell)
    return import_entries(workspace(), entries_of(files), _top_folder(files), progress=tell)


def _entry(file: UploadedFile) -> Entry:
    def open_again() -> BinaryIO:
        file.seek(0)
        return cast("BinaryIO", file)

    return Entry(file.name, file.size, open_again)


def _top_folder(files: Sequence[UploadedFile]) -> str:
    tops = {PurePosixPath(file.name).parts[0] for file in files}
    return tops.pop() if len(tops) == 1 and len(files) > 1 else _OWN_NAME
