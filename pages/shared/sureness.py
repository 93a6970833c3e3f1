"""Whether a run is as sure as it may be, and when it should say "I don't know this one"."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from pages.shared import quality
from pages.shared.frame import guarded
from pages.shared.state import workspace
from pages.shared.wording import VALIDATING
from tl_core.bundles.archive import amend, read_manifest
from tl_core.bundles.manifest import Manifest
from tl_core.errors import UserError
from tl_core.evaluation.calibration import (
    Reliability,
    confidences,
    coverage_accuracy,
    cross_fitted,
    fit_temperature,
    reliability,
    say_goals,
)
from tl_core.evaluation.predictions import Predictions
from tl_core.runs.locate import bundle_of
from tl_core.runs.store import Run

_GOALS = (0.9, 0.95, 0.99)


def show_sureness(run: Run, made: Predictions) -> None:
    """Show the reliability curve and the threshold, and let both go into the model."""
    st.subheader("Is it as sure as it may be?")
    bundle = bundle_of(workspace(), run)
    try:
        model = read_manifest(bundle)
    except UserError:
        st.caption(VALIDATING["no model"])
        model = None
    left, right = st.columns(2)
    with left, guarded():
        _reliability(run, made, bundle, model)
    with right, guarded():
        _threshold(run, made, bundle, model)


def _reliability(run: Run, made: Predictions, bundle: Path, model: Manifest | None) -> None:
    found = reliability(confidences(made.logits), made.right)
    st.markdown(
        f"How sure it is and how often it is right lie **{100 * found.ece:.0f} points** apart "
        "(expected calibration error)."
    )
    after = None
    if made.right.all():
        st.caption(VALIDATING["no mistakes"])
    else:
        fitted, after = _fitted(run.id, hash(made.logits.tobytes()), made)
        _temperature(fitted, found, after, bundle, model)
    st.plotly_chart(
        quality.reliable(found, after), key="reliability", config={"displayModeBar": False}
    )
    st.caption(VALIDATING["reliability"])


@st.cache_data(max_entries=64, show_spinner="Fitting a temperature …")
def _fitted(run: str, content: int, _made: Predictions) -> tuple[float, Reliability]:
    del run, content  # the key: the predictions themselves are not hashed
    scaled = cross_fitted(_made.logits, _made.labels)
    after = reliability(confidences(scaled), _made.right)
    return fit_temperature(_made.logits, _made.labels), after


def _temperature(
    fitted: float, found: Reliability, after: Reliability, bundle: Path, model: Manifest | None
) -> None:
    in_use = model is not None and model.temperature != 1
    if in_use:
        st.write(f"With the **temperature** in use that is about {100 * after.ece:.0f} points.")
    elif after.ece < found.ece:
        st.write(
            f"A **temperature** of {fitted:.2f} would bring that to about "
            f"{100 * after.ece:.0f} points. The answers stay the same."
        )
    else:
        st.write("A temperature would not bring that down.")
        return
    if model is None:
        return
    wanted, says = (1.0, "Predict without it again") if in_use else (fitted, "Predict with it")
    if st.button(says, icon=":material/thermostat:", key="temperature"):
        # A threshold was chosen for shares that are now others.
        amend(bundle, temperature=wanted, threshold=0.0)
        st.rerun()
    if in_use:
        st.caption(f"In use: a temperature of {model.temperature:.2f}.")


@st.fragment
def _threshold(run: Run, made: Predictions, bundle: Path, model: Manifest | None) -> None:
    temperature, in_use = (model.temperature, model.threshold) if model else (1.0, 0.0)
    curve = coverage_accuracy(confidences(made.logits, temperature), made.right)
    st.markdown("From how sure on may it answer? Below that it says *I don't know this one*.")
    percent = st.slider(
        "Threshold", 0, 100, round(100 * in_use), format="%d%%",
        key=f"threshold-{run.id}-{temperature}", help=VALIDATING["threshold"],
    )  # fmt: skip
    given, right = curve.at(percent / 100)
    st.write(
        f"It then answers **{given} of {curve.count}** validation pictures, "
        + (f"**{right / given:.1%}** of them right." if given else "that is none.")
    )
    is_new = percent != round(100 * in_use)
    if model is not None and st.button(
        "Predict with this threshold", disabled=not is_new, icon=":material/help:", key="doubt"
    ):
        with guarded():
            amend(bundle, threshold=percent / 100)
            st.rerun()
    if not is_new:
        st.caption("This is what it predicts with now; move the threshold to change it.")
    st.plotly_chart(
        quality.coverage(curve, percent / 100), key="coverage", config={"displayModeBar": False}
    )
    st.caption(VALIDATING["goals"] + say_goals(curve, _GOALS))
