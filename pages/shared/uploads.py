"""From a browser's upload, or this machine's disk, to a dataset, with progress on the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.state import choose, workspace
from tl_core.data.copying import Progress
from tl_core.data.dataset import Dataset
from tl_core.data.intake import import_entries, import_source
from tl_core.data.packed import ENDINGS, archive_stem, is_archive_name, open_parts, refuse_unopened
from tl_core.data.question import FOLDERS, QuestionError, Told
from tl_core.data.sources import Entry
from tl_core.errors import HeadstartError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_OWN_NAME = "My pictures"

_Work = Callable[[Told, Progress], Dataset]


@dataclass(frozen=True)
class _Asked:
    """An import that waits for an answer, with what was uploaded for it."""

    question: QuestionError
    told: Told
    work: _Work


def upload_folder() -> None:
    """Offer to upload a folder of class folders."""
    files = st.file_uploader(
        "Choose the folder that holds the class folders",
        accept_multiple_files="directory",
        key=f"folder{_turn()}",
        help="For many hundreds of pictures a zip arrives faster than a folder.",
    )
    if files:
        _take_in(lambda told, tell: _import(files, told, tell))


def upload_files() -> None:
    """Offer to upload an archive, or pictures with a table that names their classes."""
    files = st.file_uploader(
        f"Choose an archive of the class folders ({', '.join(ENDINGS)}), or all its parts",
        accept_multiple_files=True,
        key=f"files{_turn()}",
        help="Archives with a password, and archives inside the archive, are not opened.",
    )
    st.caption(
        "Instead of class folders there may be a table, labels.csv, in the archive or chosen "
        "together with the pictures: one line for each, its file name, a comma, its class."
    )
    if files:
        _take_in(lambda told, tell: _import(files, told, tell))


def import_path(path: Path, within: Path) -> None:
    """Import a folder or an archive of this machine's disk.

    Args:
        path: what.
        within: links that lead out of this folder are not followed.
    """
    _take_in(
        lambda told, tell: import_source(workspace(), path, within=within, told=told, progress=tell)
    )


def show_question() -> None:
    """Show what only the person can answer about the last upload, and go on with the answer."""
    asked: _Asked | None = st.session_state.get("asked")
    if asked is None:
        return
    question = asked.question
    with st.container(border=True):
        chosen = st.radio(
            on_page(f"{question.asked}. Which is right?", 600),
            range(len(question.choices)),
            format_func=lambda n: on_page(_sentence(question.choices[n].example), 200),
            captions=[
                on_page(_caption(question, choice.value), 100) for choice in question.choices
            ],
            index=None,
            key=f"answer{_turn()}",
        )
        go_on, leave, _ = st.columns([1, 1, 3])
        if go_on.button("Go on", type="primary", disabled=chosen is None, key="answer-go"):
            assert chosen is not None  # noqa: S101
            answer = {question.what: question.choices[chosen].value}
            _take_in(asked.work, replace(asked.told, **answer))
        if leave.button("Leave these pictures", key="answer-leave"):
            st.session_state["asked"] = None
            st.rerun()


def _sentence(example: str) -> str:
    return f"{example[:1].upper()}{example[1:]}"


def _caption(question: QuestionError, value: str) -> str:
    """Say what an answer is called: a column or a table; the others speak for themselves."""
    if value != FOLDERS and question.what in ("picture_column", "label_column"):
        return f"column {value}"
    return value if "." in value else ""


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


def _take_in(work: _Work, told: Told | None = None) -> None:
    # A fresh uploader lets go of the memory, whether the pictures could be used or not.
    st.session_state["upload_turn"] = _turn() + 1
    st.session_state["upload_error"] = ""
    st.session_state["asked"] = None
    told = told or Told()
    tell, clear = counted("Taking in the pictures")
    try:
        choose(data=work(told, tell).id, run="")
    except QuestionError as question:
        st.session_state["asked"] = _Asked(question, told, work)
    except HeadstartError as error:
        st.session_state["upload_error"] = str(error)
    finally:
        clear()
    st.rerun()


def _import(files: Sequence[UploadedFile], told: Told, tell: Progress) -> Dataset:
    if all(is_archive_name(file.name) for file in files):
        sources = [cast("BinaryIO", file) for file in files]
        with open_parts(sources, told.names_in) as entries:
            name = archive_stem(files[0].name)
            return import_entries(workspace(), entries, name, told=told, progress=tell)
    if len(files) == 1:
        refuse_unopened(files[0].name)
    name = _top_folder(files)
    return import_entries(workspace(), entries_of(files), name, told=told, progress=tell)


def _entry(file: UploadedFile) -> Entry:
    def open_again() -> BinaryIO:
        # Whoever reads closes it, and an import that waits for an answer reads once more. Bytes
        # are shared, not copied.
        return BytesIO(file.getvalue())

    return Entry(file.name, file.size, open_again)


def _top_folder(files: Sequence[UploadedFile]) -> str:
    tops = {PurePosixPath(file.name).parts[0] for file in files}
    return tops.pop() if len(tops) == 1 and len(files) > 1 else _OWN_NAME
