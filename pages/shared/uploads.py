"""From a browser's upload to a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

import streamlit as st

from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_entries
from tl_core.data.packed import archive_stem, is_archive_name, open_archive
from tl_core.data.sources import Entry
from tl_core.workspace import Workspace

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile


def import_uploads(workspace: Workspace, files: Sequence[UploadedFile]) -> Dataset:
    """Import a folder's files, or a zip, with progress on the page.

    Raises:
        UserError: see `import_entries`.
    """
    bar = st.progress(0.0, "Taking in the pictures …")

    def tell(done: int, total: int) -> None:
        bar.progress(done / max(total, 1), f"Taking in the pictures: {done} of {total}")

    first = files[0]
    if len(files) == 1 and is_archive_name(first.name):
        name = archive_stem(first.name)
        with open_archive(cast("BinaryIO", first)) as entries:
            dataset = import_entries(workspace, entries, name, progress=tell)
    else:
        entries = [_entry(file) for file in files]
        dataset = import_entries(workspace, entries, _top_folder(files), progress=tell)
    bar.empty()
    return dataset


def _entry(file: UploadedFile) -> Entry:
    def open_again() -> BinaryIO:
        file.seek(0)
        return cast("BinaryIO", file)

    return Entry(file.name, file.size, open_again)


def _top_folder(files: Sequence[UploadedFile]) -> str:
    tops = {PurePosixPath(file.name).parts[0] for file in files}
    return tops.pop() if len(tops) == 1 else "My pictures"
