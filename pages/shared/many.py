"""Many new pictures at once: answered part by part, to a table and to sorted folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import streamlit as st

from pages.shared.downloads import offer
from pages.shared.escape import on_page, shorten
from pages.shared.frame import show_error
from pages.shared.opening import Opened
from pages.shared.state import asker, choices, choose, predictor, workspace
from pages.shared.trying import Tried
from pages.shared.uploads import counted, entries_of
from tl_core.bundles.doubts import DOUBTS
from tl_core.data.encodings import LIKELIEST
from tl_core.data.packed import ENDINGS, open_archive
from tl_core.errors import HeadstartError
from tl_core.runs.batch import (
    DOUBTFUL,
    TABLE,
    Answered,
    answer_all,
    write_sorted,
)
from tl_core.runs.brought import Brought, Taken, find_brought, new_site, take_in
from tl_core.words import count

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_HEIGHT, _LINE = 420, 36  # pixels
_NAME = 120  # characters of a picture's name in the table
_ZIP = "sorted.zip"


@dataclass
class Many:
    """Pictures, and what came of them so far.

    Attributes:
        asked: the model's file, and when it was last changed.
        taken: the pictures.
        table: file with all answers.
        rows: the answers at hand.
        folders: how many pictures each folder of the zip holds, once it was asked for.
    """

    asked: tuple[Path, int]
    taken: Sequence[Taken]
    table: Path
    rows: list[Answered] = field(default_factory=list)
    folders: Counter[str] | None = None


def bring_many() -> Sequence[Taken]:
    """Offer to upload a folder or an archive; return the pictures that were last brought.

    Their id is in the address, so that a reload finds them again.
    """
    turn = st.session_state.setdefault("many_turn", 0)
    left, right = st.columns(2)
    folder = left.file_uploader(
        "A folder", accept_multiple_files="directory", key=f"many-folder-{turn}",
        help="For many hundreds of pictures an archive arrives faster than a folder.",
    )  # fmt: skip
    archive = right.file_uploader(
        f"Or an archive ({', '.join(ENDINGS[:3])} …)", key=f"many-archive-{turn}",
        help="Archives with a password, and archives inside the archive, are not opened.",
    )  # fmt: skip
    if error := st.session_state.get("many_error"):
        st.error(on_page(error, 2000))
    if folder or archive:
        st.session_state["many_error"] = ""
        try:
            brought = st.session_state["many_brought"] = _take_in(folder, archive)
            choose(brought=brought.id)
        except HeadstartError as error:
            st.session_state["many_error"] = str(error)
        # A fresh uploader lets go of the memory. Not before: who clicks meanwhile loses nothing.
        st.session_state["many_turn"] = turn + 1
        st.rerun()
    found = last_brought()
    if found is None and choices().brought:
        st.info("The pictures that were brought here are gone: they are kept for a day. Bring them "
                "again.")  # fmt: skip
    return found.taken if found else ()


def last_brought() -> Brought | None:
    """Return the pictures that were last brought, if they are still here."""
    known: Brought | None = st.session_state.get("many_brought")
    if known is None or known.id != choices().brought:
        known = st.session_state["many_brought"] = find_brought(workspace(), choices().brought)
    return known


def _take_in(folder: Sequence[UploadedFile], archive: UploadedFile | None) -> Brought:
    tell, clear = counted("Taking in the pictures")
    try:
        if archive is None:
            return take_in(workspace(), entries_of(folder), tell)
        with open_archive(cast("BinaryIO", archive), LIKELIEST) as entries:
            return take_in(workspace(), entries, tell)
    finally:
        clear()


def show_table(opened: Opened, taken: Sequence[Taken]) -> list[Tried]:
    """Predict pictures and show the answers as a table, with what it can be taken away as.

    Returns:
        The picture that was chosen in the table, if one was.
    """
    if not taken:
        return []
    many = _many(opened, taken)
    _go_on(opened, many)
    answered = [row for row in many.rows if row.answer.probabilities]
    _sum_up(many, answered)
    if not answered:
        return []
    chosen = _lines(answered)
    _hand_out(opened, many)
    if chosen is None:
        st.caption("Choose a line of the table to see its picture, and why the model says so.")
        return []
    row = answered[chosen]
    return [Tried(row.path, row.name)] if row.path else []


def _many(opened: Opened, taken: Sequence[Taken]) -> Many:
    """Return what these pictures have come to with this model, from the beginning if need be."""
    known: Many | None = st.session_state.get("many")
    asked = (opened.bundle, opened.bundle.stat().st_mtime_ns if opened.bundle.is_file() else 0)
    is_swept = known is not None and known.rows and not known.table.is_file()
    if known is None or known.asked != asked or known.taken != taken or is_swept:
        known = Many(asked, taken, new_site(workspace()) / TABLE)
        st.session_state["many"] = known
    return known


def _go_on(opened: Opened, many: Many) -> None:
    """Ask about the pictures that have no answer yet; whoever clicks meanwhile interrupts it."""
    if len(many.rows) == len(many.taken):
        return
    tell, clear = counted("Looking at the pictures")
    tell(len(many.rows), len(many.taken))
    try:
        answer_all(
            lambda paths: predictor().predict(opened.bundle, paths, asker()),
            many.taken, opened.classes, many.table, many.rows, tell,
        )  # fmt: skip
    except HeadstartError as error:
        show_error(error)
        st.button("Go on with the others", icon=":material/refresh:")
    finally:
        clear()


def _sum_up(many: Many, answered: Sequence[Answered]) -> None:
    lost = [row for row in many.rows if row.answer.reason]
    counts = Counter(row.answer.best for row in answered)
    doubtful = sum(bool(row.answer.doubts) for row in answered)
    said = [f"{on_page(name, 30)} {held:,}" for name, held in counts.most_common(10)]
    said += [f"{len(counts) - 10:,} more classes"] if len(counts) > 10 else []
    said += [f"better not believed {doubtful:,}"] if doubtful else []
    st.markdown(" · ".join([f"**{count(len(answered), 'picture')}**", *said]))
    if lost:
        with st.expander(f"{count(len(lost), 'file')} could not be read", icon=":material/block:"):
            st.dataframe(
                {
                    "file": [shorten(row.name, _NAME) for row in lost],
                    "why": [shorten(row.answer.reason, 200) for row in lost],
                },
                hide_index=True,
            )


def _lines(answered: Sequence[Answered]) -> int | None:
    """Show the answers; return which line was chosen."""
    state = st.dataframe(
        {
            "picture": [shorten(row.name, _NAME) for row in answered],
            "class": [shorten(row.answer.best, _NAME) for row in answered],
            "share": [100 * row.answer.probabilities[row.answer.best] for row in answered],
            "better not believed": [
                ", ".join(DOUBTS[doubt] for doubt in row.answer.doubts) for row in answered
            ],
        },
        height=min(_HEIGHT, _LINE * (len(answered) + 1)),
        hide_index=True,
        key="many-table",
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "share": st.column_config.ProgressColumn("share", format="%.1f%%", max_value=100)
        },
    )
    rows = state["selection"]["rows"]
    return rows[0] if rows and rows[0] < len(answered) else None


def _hand_out(opened: Opened, many: Many) -> None:
    left, right = st.columns(2)
    with left:
        offer("Download the table (CSV)", many.table, TABLE, ":material/table:")
        st.caption("One line for each picture, with the share of every class.")
    with right:
        if many.folders is None:
            if st.button("Sort the pictures into folders", icon=":material/folder_zip:"):
                many.folders = _sort(opened, many)
                st.rerun()
            st.caption("A zip with one folder for each class.")
            return
        offer("Download the folders (zip)", many.table.with_name(_ZIP), _ZIP)
        doubtful = (
            f'one called "{DOUBTFUL}" for what is better not believed, '
            if many.folders[DOUBTFUL]
            else ""
        )
        st.caption(f"One folder for each class, {doubtful}and the table. It is kept for a day.")


def _sort(opened: Opened, many: Many) -> Counter[str]:
    tell, clear = counted("Sorting the pictures")
    try:
        target = many.table.with_name(_ZIP)
        return write_sorted(many.rows, opened.classes, many.table, target, tell)
    finally:
        clear()
