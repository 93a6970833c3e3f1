"""Validate: how good a finished run is, where it errs, and what to do about it."""

from __future__ import annotations

import streamlit as st

from pages.shared.advice import show_advice
from pages.shared.escape import on_page
from pages.shared.explaining import show_explanations
from pages.shared.frame import guarded, next_step
from pages.shared.insides import show_insides
from pages.shared.mistakes import show_mistakes
from pages.shared.models import choose_model
from pages.shared.state import workspace
from pages.shared.sureness import show_sureness
from pages.shared.trying import validation_pictures
from pages.shared.wording import GLOSSARY, VALIDATING
from tl_core.backbones.catalog import find_card
from tl_core.evaluation.interval import say_interval
from tl_core.evaluation.reading import doubt
from tl_core.evaluation.report import Report, report
from tl_core.runs.evaluating import kept_predictions
from tl_core.runs.locate import bundle_of

st.header("How good is it, and where does it err?")
run = choose_model("Run")
if run is None:
    st.info("There is no trained model yet. Train one first; the sample takes a few seconds.")
    next_step("train", "Go to Train")
    st.stop()

made = kept_predictions(workspace(), run, "validation")
if made is None or not len(made.labels):
    st.info("What this run said of its validation pictures was not kept. This command finds out:")
    st.code(f"python -m tl_core evaluate {run.id}", language=None)
    st.stop()


def figures(found: Report) -> None:
    """Show the share of right answers with what it is worth, and every class."""
    st.metric("Validation pictures right", f"{found.accuracy:.1%}", help=GLOSSARY["validation"])
    st.write(
        f"**{found.right} of {found.count}** validation pictures were answered right. "
        + on_page(say_interval(found.accuracy, found.count), 300)
    )
    if few := doubt(found.accuracy, found.count):
        st.warning(on_page(few, 400))


def classes(found: Report) -> None:
    """Show precision, recall and F1 of every class."""
    share = st.column_config.ProgressColumn
    shown = found.figures
    st.dataframe(
        {
            "class": list(found.classes),
            "pictures": shown.support,
            "precision": shown.precision,
            "recall": shown.recall,
            "F1": shown.f1,
        },
        column_config={
            "precision": share(format="percent", min_value=0, max_value=1,
                               help=VALIDATING["precision"]),
            "recall": share(format="percent", min_value=0, max_value=1, help=VALIDATING["recall"]),
            "F1": share(format="percent", min_value=0, max_value=1, help=VALIDATING["f1"]),
        },
        hide_index=True,
    )  # fmt: skip
    st.caption(VALIDATING["classes"])


found = report(made, run.facts["classes"])
left, right = st.columns([2, 3])
with left, guarded():
    figures(found)
with right, guarded():
    show_advice(run)
st.subheader("What it takes for what")
with guarded():
    show_mistakes(run, made, found)
    if wrong := validation_pictures(workspace(), run, made, found.mistakes):
        show_explanations(
            bundle_of(workspace(), run), find_card(run.config.backbone), found.classes, wrong
        )
st.subheader("Every class")
with guarded():
    classes(found)
with guarded():
    show_sureness(run, made)
with guarded():
    show_insides(run)

st.subheader("The final test")
tested = kept_predictions(workspace(), run, "test")
with st.container(border=True):
    if tested is None:
        st.write("There are no test pictures, so nothing was kept aside for a final test.")
    else:
        last = report(tested, run.facts["classes"])
        st.write(
            f"**{last.right} of {last.count}** test pictures were answered right "
            f"(**{last.accuracy:.1%}**). " + on_page(say_interval(last.accuracy, last.count), 300)
        )
        st.caption(VALIDATING["test"])
next_step("predict", "Next: predict new pictures")
