"""Which model predicts: one of the finished runs, or a file that someone sent."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.models import choose_model, name_of
from pages.shared.state import brought_model, choose, predictor, workspace
from pages.shared.wording import SPLIT_WORDS
from tl_core.backbones.card import Card
from tl_core.backbones.catalog import find_card
from tl_core.bundles.archive import read_manifest
from tl_core.bundles.manifest import Manifest
from tl_core.data.dataset import SPLITS
from tl_core.errors import HeadstartError, UserError
from tl_core.runs.locate import bundle_of
from tl_core.runs.store import Run
from tl_core.workspace import write_atomic

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

_SHOWN = 20


@dataclass(frozen=True)
class Opened:
    """A model to predict with.

    Attributes:
        name: for people, plain text.
        bundle: its file.
        card: of its backbone.
        classes: names in the model's order.
        run: that it came out of; `None` for a file from elsewhere.
    """

    name: str
    bundle: Path
    card: Card
    classes: Sequence[str]
    run: Run | None = None


def choose_opened() -> Opened | None:
    """Show the model that was brought, or the runs to choose from; `None` where there is none."""
    brought = _brought()
    if brought is None:
        run = choose_model("Model")
        return _of_run(run) if run else None
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f":material/mail: **{on_page(brought.name)}** · a model's file from elsewhere")
        if st.button("Close it", icon=":material/close:"):
            choose(model="")
            st.rerun()
    return brought


def _of_run(run: Run) -> Opened:
    card = find_card(run.config.backbone)
    classes = run.facts.get("classes")
    if not classes:
        raise UserError(
            f"What is kept of run {run.id[:6]} does not say which classes it learned, so it "
            "cannot predict; choose another."
        )
    return Opened(name_of(run), bundle_of(workspace(), run), card, classes, run)


def _brought() -> Opened | None:
    path = brought_model()
    if path is None:
        return None
    try:
        told = read_manifest(path)
        card = find_card(told.backbone)
    except HeadstartError:
        return None
    return Opened(told.dataset_name or card.title, path, card, told.classes)


def bring_model(*, expanded: bool = False) -> None:
    """Offer to open a model's file."""
    title = "Open a model that someone sent you"
    with st.expander(title, expanded=expanded, icon=":material/mail:"):
        st.caption(
            "A .headstart file holds a network's numbers, its classes and how good it is. Nothing "
            "in it can run, so opening one from a stranger is safe; whether to believe its answers "
            "is another question."
        )
        turn = st.session_state.setdefault("model_turn", 0)
        file = st.file_uploader("The file", type=["headstart"], key=f"model-{turn}")
        if error := st.session_state.get("model_error"):
            st.error(on_page(error, 2000))
        if file is not None:
            # A fresh uploader lets go of the memory, whether the file could be used or not.
            st.session_state["model_turn"] = turn + 1
            st.session_state["model_error"] = ""
            with guarded():
                _take_in(file)
            st.rerun()


def _take_in(file: UploadedFile) -> None:
    """Keep the file under a name of ours if it is a model that works."""
    data = file.getbuffer()
    path = workspace().models / f"{hashlib.sha256(data).hexdigest()[:16]}.headstart"
    is_new = not path.exists()
    write_atomic(path, [data])
    try:
        with st.spinner("Opening the model …", show_time=True):
            read_manifest(path)
            predictor().predict(path, [])  # every weight is checked where torch is
    except HeadstartError as error:
        if is_new:
            path.unlink(missing_ok=True)
        st.session_state["model_error"] = str(error).replace(path.name, file.name)
        return
    choose(model=path.stem, run="")


def show_told(opened: Opened) -> None:
    """Show what a model says of itself."""
    names = ", ".join(on_page(name, 30) for name in opened.classes[:_SHOWN])
    more = len(opened.classes) - _SHOWN
    names += f" and {more} more" if more > 0 else ""
    st.caption(f"It knows these classes and no others: {names}.")
    if opened.run is None:
        with guarded():
            _show_claims(read_manifest(opened.bundle))


def _show_claims(told: Manifest) -> None:
    said = [
        f"{made.right} of {made.images} pictures {SPLIT_WORDS[split]} ({made.accuracy:.0%})"
        for split in SPLITS
        if (made := told.figures.get(split))
    ]
    if said:
        st.caption(f"Right, as whoever made it says: {', '.join(said)}.")
    if told.licence:
        st.caption(f"Terms: {on_page(told.licence, 400)}")
