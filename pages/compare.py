"""Compare: runs in a table, what differs between them, and whether a difference is luck."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from pages.shared import quality
from pages.shared.comparison import chosen_runs, in_words, label
from pages.shared.escape import on_page
from pages.shared.frame import guarded, next_step
from pages.shared.state import store, workspace
from pages.shared.wording import COMPARING
from tl_core.evaluation.paired import say_difference
from tl_core.runs.comparing import against, differing
from tl_core.runs.store import Run

st.header("Compare runs")
everything = [run for run in store().runs() if run.config.work == "train"]
if not everything:
    st.info("Nothing was trained here yet. Train twice with one thing changed, then compare.")
    next_step("train", "Go to Train")
    st.stop()

runs = chosen_runs(everything)
if len(runs) < 2:
    st.info(COMPARING["one" if len(everything) == 1 else "choose"])
    if len(everything) == 1:
        next_step("train", "Go to Train")
    st.stop()
labels = [label(run) for run in runs]


def same_pictures(runs: Sequence[Run]) -> None:
    """Compare every run with a reference, picture by picture."""
    with_model = [run for run in runs if run.facts.get("bundle") and run.facts.get("classes")]
    if len(with_model) < 2:
        st.info(COMPARING["no models"])
        return
    reference = st.selectbox("Compared with", with_model, format_func=label)
    others = [run for run in with_model if run.id != reference.id]
    found = against(workspace(), reference, others)
    rows = []
    for run in others:
        pair = found[run.id]
        rows.append(
            {
                "run": label(run),
                "on the same pictures": say_difference(pair) if pair else COMPARING["none"],
                "only this one right": pair.second if pair else None,
                "only the other right": pair.first if pair else None,
                "at least": 100 * pair.interval[0] if pair else None,
                "at most": 100 * pair.interval[1] if pair else None,
            }
        )
    points = st.column_config.NumberColumn(format="%+.1f points", help=COMPARING["interval"])
    st.dataframe(rows, column_config={"at least": points, "at most": points}, hide_index=True)
    st.caption(COMPARING["luck"])


def what_differs(runs: Sequence[Run]) -> None:
    """Show the settings that differ, and apart from them those that do not."""
    different, same = differing(runs)
    head = f"| | {' | '.join(on_page(name, 40) for name in labels)} |"
    lines = [
        f"| **{name}** | {' | '.join(on_page(in_words(value), 40) for value in row)} |"
        for name, row in different.items()
    ]
    st.markdown("\n".join([head, "|---" * (1 + len(runs)) + "|", *lines]))
    if not different:
        st.write("They were told the same.")
    with st.expander("What is the same"):
        for name, value in same.items():
            st.markdown(f"**{name}**: {on_page(in_words(value), 60)}")


st.subheader("On the same pictures")
with guarded():
    same_pictures(runs)
st.subheader("What differs")
with guarded():
    what_differs(runs)
st.subheader("The curves")
with guarded():
    measure = st.segmented_control(
        "Curve", list(quality.MEASURES), default=next(iter(quality.MEASURES)), required=True,
        label_visibility="collapsed",
    )  # fmt: skip
    st.plotly_chart(
        quality.overlaid(
            {name: store().milestones(run.id) for name, run in zip(labels, runs, strict=True)},
            measure,
        ),
        key="overlaid",
        config={"displayModeBar": False},
    )
