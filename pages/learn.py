"""Learn: what transfer learning is, and what it is worth as measured figures."""

from __future__ import annotations

import streamlit as st

from pages.shared import charts
from pages.shared.evidence import doubt, heading, table, verdict
from pages.shared.frame import go_to, guarded, next_step
from pages.shared.state import choose
from pages.shared.wording import MEASURING, PROMISES, RECIPES, TRANSFER_LEARNING, WAYS
from tl_core.backbones.worth import measured

st.header("What transfer learning is")
st.markdown(TRANSFER_LEARNING)
st.markdown(WAYS)
for column, recipe in zip(st.columns(2), ("feature-extraction", "fine-tune"), strict=True):
    with column, st.container(border=True, height="stretch"):
        st.markdown(f"**{RECIPES[recipe][0]}**")
        st.write(RECIPES[recipe][1])

st.subheader("Three promises")
for column, (promise, why) in zip(st.columns(len(PROMISES)), PROMISES.items(), strict=True):
    with column, st.container(border=True, height="stretch"):
        st.markdown(f"**{promise}**")
        st.write(why)

st.subheader("What the head start is worth, measured")
st.markdown(MEASURING["what"])
with guarded():
    figures = measured()
    data = st.segmented_control(
        "Which pictures?", figures.sets, format_func=heading, default=figures.sets[0], required=True
    )
    st.markdown(verdict(figures, data))
    st.plotly_chart(
        charts.head_start(figures.of(data)), key="head-start", config={"displayModeBar": False}
    )
    st.caption(MEASURING["reading"])
    st.markdown(table(figures, data))
    st.caption(doubt(figures, data))
    st.markdown(MEASURING["words"])
    st.markdown(MEASURING["command"])
    st.code(figures.command, language=None, wrap_lines=True)
if st.button("Choose Mini and see its card", icon=":material/account_tree:"):
    choose(backbone="mini", recipe="", freeze="", weights="")
    go_to("backbone")
next_step("data", "Next: bring pictures")
