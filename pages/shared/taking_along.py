"""A model leaves the app: as a file for another Headstart, as ONNX, or as the code behind it."""

from __future__ import annotations

import streamlit as st

from pages.shared.downloads import offer
from pages.shared.escape import on_page
from pages.shared.frame import guarded
from pages.shared.opening import Opened
from pages.shared.state import predictor, workspace
from pages.shared.waiting import finished
from pages.shared.wording import EXPORTS
from tl_core.bundles.archive import read_manifest
from tl_core.bundles.script import predicting_script
from tl_core.escape import file_name
from tl_core.runs.exporting import export_later, run_script

_BUNDLE, _ONNX, _SCRIPT = "bundle", "onnx", "script"
_TITLES = {
    _BUNDLE: "A Headstart file",
    _ONNX: "An ONNX file",
    _SCRIPT: "The code behind the clicks",
}


@st.fragment
def show_taking_along(opened: Opened) -> None:
    """Offer a model in every form that it can leave in."""
    st.subheader("Take it with you")
    kind = st.segmented_control(
        "As", list(_TITLES), format_func=_TITLES.__getitem__, key="taking",
        label_visibility="collapsed",
    )  # fmt: skip
    st.caption(EXPORTS[kind or "choose"])
    with guarded():
        if kind == _BUNDLE:
            offer("Download the model", opened.bundle, f"{_stem(opened)}.headstart")
        elif kind == _ONNX:
            _made(opened, _ONNX, "Make the ONNX file", "Writing it and comparing its answers")
        elif kind == _SCRIPT:
            _script(opened)


def _stem(opened: Opened) -> str:
    return file_name(opened.name.split(" · ")[0], "model")


def _made(opened: Opened, kind: str, label: str, doing: str) -> None:
    """Make files where PyTorch is, when asked to, and hand them out."""
    key = f"made-{kind}-{opened.bundle}"
    if not st.session_state.get(key):
        if not st.button(label, icon=":material/build:"):
            return
        st.session_state[key] = True
    model = opened.run.id if opened.run else str(opened.bundle)
    made = finished(export_later(predictor(), workspace(), model, kind, _stem(opened)), doing)
    if made is None:
        return
    st.write(on_page(made.said, 400))
    for file in made.files:
        offer(f"Download {on_page(file.name, 60)}", file, file.name)


def _script(opened: Opened) -> None:
    told = read_manifest(opened.bundle)
    if opened.run is not None:
        code = run_script(workspace(), opened.run, told)
        st.caption(EXPORTS["training"])
    else:
        code = predicting_script(told)
        st.caption(EXPORTS["predicting"])
    st.code(code, "python", height=460)
    _made(opened, _SCRIPT, "Make the files to run it", "Writing the scripts")
