"""Whether a run is as sure as it may be, and when it should say "I don't know this one"."""

from __future__ import annotations

import streamlit as st

from pages.shared import quality
from pages.shared.wording import VALIDATING
from tl_core.evaluation.calibration import (
    confidences,
    coverage_accuracy,
    cross_fitted,
    fit_temperature,
    reliability,
    threshold_for,
)
from tl_core.evaluation.predictions import Predictions
from tl_core.runs.store import Run

_GOALS = (0.9, 0.95, 0.99)


def show_sureness(run: Run, made: Predictions) -> None:
    """Show the reliability curve and the threshold."""
    st.subheader("Is it as sure as it may be?")
    left, right = st.columns(2)
    with left:
        _reliability(made)
    with right:
        _threshold(run, made)


def _reliability(made: Predictions) -> None:
    found = reliability(confidences(made.logits), made.right)
    st.markdown(
        f"How sure it is and how often it is right lie **{100 * found.ece:.0f} points** apart "
        "(expected calibration error)."
    )
    after = None
    if made.right.all():
        st.caption(VALIDATING["no mistakes"])
    else:
        after = reliability(confidences(cross_fitted(made.logits, made.labels)), made.right)
        st.write(
            f"A temperature of {fit_temperature(made.logits, made.labels):.2f} would bring that to "
            f"about {100 * after.ece:.0f} points. The answers stay the same."
        )
    st.plotly_chart(
        quality.reliable(found, after), key="reliability", config={"displayModeBar": False}
    )
    st.caption(VALIDATING["reliability"])


@st.fragment
def _threshold(run: Run, made: Predictions) -> None:
    curve = coverage_accuracy(confidences(made.logits), made.right)
    st.markdown("From how sure on may it answer? Below that it says *I don't know this one*.")
    percent = st.slider(
        "Threshold", 0, 100, 0, format="%d%%", key=f"threshold-{run.id}",
        help=VALIDATING["threshold"],
    )  # fmt: skip
    given, right = curve.at(percent / 100)
    st.write(
        f"It then answers **{given} of {curve.count}** validation pictures, "
        + (f"**{right / given:.1%}** of them right." if given else "that is none.")
    )
    st.plotly_chart(
        quality.coverage(curve, percent / 100), key="coverage", config={"displayModeBar": False}
    )
    st.caption(
        VALIDATING["goals"]
        + " ".join(_say_goal(goal, threshold_for(curve, goal)) for goal in _GOALS)
    )


def _say_goal(goal: float, threshold: float | None) -> str:
    if threshold is None:
        return f"{goal:.0%} is not reached."
    return f"{goal:.0%} right with a threshold of {threshold:.0%}."
